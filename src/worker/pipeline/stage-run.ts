// What a stage is given of the run that it works on.

import type { Issue } from "../github/github.ts";
import type { RunState } from "../issue-state.ts";
import { markRun } from "./run-record.ts";
import { readStep } from "./run-step.ts";
import type { StageContext, StageRun } from "./stage-context.ts";

export function stageRunOf(
  { state }: Pick<StageContext, "state">,
  issue: Issue,
  { id, stage, attempt, sessionId, step }: RunState,
  isExpected: (read: Issue) => boolean,
): StageRun {
  const { cycle } = state.issue(issue.number);
  return {
    issue,
    stage,
    id,
    attempt,
    sessionId,
    step: readStep(step),
    state: () => state.issue(issue.number),
    mark: (next) => state.update(issue.number, (old) => markRun(old, id, next)),
    change: (change) => state.update(issue.number, change),
    isExpected,
    key: (effect) => `${issue.number}.${cycle}/${effect}`,
  };
}
