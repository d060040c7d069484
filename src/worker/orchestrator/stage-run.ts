// Runs one stage on an issue: gives it its run, and turns whatever it throws into an outcome.

import { messageOf } from "../../core/base/errors.ts";
import { shortageOf } from "../../core/processes/shortage.ts";
import type { Stage } from "../../core/domain/stage.ts";
import type { Issue } from "../github/port/github.ts";
import type { RunState } from "../state/issue-state.ts";
import { acceptIssue } from "../issues/accepted-text.ts";
import type { BugBook } from "../waits/bug-book.ts";
import { shortOutcome } from "../pipeline/failure-outcome.ts";
import { markRun } from "../pipeline/run-record.ts";
import type { StageContext, StageRun, StageWork } from "../pipeline/stage-context.ts";
import type { StageOutcome } from "../pipeline/stage-outcome.ts";

export interface RunStageOptions {
  readonly context: StageContext;
  readonly stages: Readonly<Record<Stage, StageWork>>;
  readonly bugs: BugBook;
}

export interface RunInFlight {
  /** It is as GitHub has it. */
  readonly issue: Issue;
  readonly record: RunState;
  readonly isExpected: (read: Issue) => boolean;
}

/** Never rejects. A bug costs an attempt, and a machine that is short of something costs none. */
export async function runStage(
  { context, stages, bugs }: RunStageOptions,
  { issue, record, isExpected }: RunInFlight,
  signal: AbortSignal,
): Promise<StageOutcome> {
  try {
    const accepted = await acceptIssue(context, issue, record, signal);
    if (!accepted.ok) return accepted.failure;
    return await stages[record.stage](context, stageRunOf(context, accepted.value, record, isExpected), signal);
  } catch (thrown) {
    if (signal.aborted) return { kind: "interrupted" };
    const short = shortageOf(thrown);
    if (short !== null) return shortOutcome(short);
    bugs.note(record.stage, issue.number, thrown);
    return { kind: "retry", reason: messageOf(thrown) };
  }
}

function stageRunOf(
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
    step,
    state: () => state.issue(issue.number),
    mark: (next) => state.update(issue.number, (old) => markRun(old, id, next)),
    change: (change) => state.update(issue.number, change),
    isExpected,
    key: (effect) => `${issue.number}.${cycle}/${effect}`,
  };
}
