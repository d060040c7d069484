// Takes a last look at the issue before something that people see: a person may have closed it or moved it while an
// agent worked, and the poll that says so may be one interval away.

import { gitHubOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import type { StageOutcome } from "../pipeline/stage-outcome.ts";

/** Returns null while the issue stands where this run works on it. */
export async function takenAwayOutcome(
  { github }: Pick<StageContext, "github">,
  run: Pick<StageRun, "issue" | "isExpected">,
  signal: AbortSignal,
): Promise<StageOutcome | null> {
  const read = await github.issue(run.issue.number, signal);
  if (!read.ok)
    return read.failure.kind === "not-found"
      ? { kind: "skip", reason: "GitHub has it no more" }
      : gitHubOutcome(read.failure);
  return run.isExpected(read.value)
    ? null
    : { kind: "skip", reason: "it was closed or moved by someone else meanwhile" };
}
