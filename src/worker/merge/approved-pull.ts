// Holds an approved pull request on its way to the merge, and puts it down in one of two ways: to wait for GitHub, or
// to look at it anew.

import type { PullRequest } from "../github/port/github.ts";
import { later } from "../pipeline/backoff.ts";
import type { ApprovedStep, RunStep } from "../state/run-step.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, type StageOutcome, wait } from "../pipeline/stage-outcome.ts";

/** A branch that moves faster than its checks run is a person's to look at. */
const LOOKS_ANEW_MAX = 10;

export interface ApprovedPull {
  readonly context: StageContext;
  readonly run: StageRun;
  readonly pull: PullRequest;
  readonly step: ApprovedStep;
}

/** Says whether what GitHub decides has been waited for long enough to ask a person. */
export function isLate({ context, step }: ApprovedPull): boolean {
  return context.clock.now().getTime() - Date.parse(step.since) > context.config.ciTimeoutMs;
}

export function waitForGitHub({ context }: ApprovedPull, reason: string, retryAt: Date | null): StageOutcome {
  return wait(reason, retryAt ?? later(context.clock.now(), context.config.ciPollIntervalMs));
}

/**
 * Begins again at the branch. What was reviewed and has not changed is not reviewed again, and none of this costs an
 * attempt.
 */
export async function lookAnew(
  { context, run, pull }: ApprovedPull,
  step: Extract<RunStep, { at: "begun" | "behind" }>,
  reason: string,
): Promise<StageOutcome> {
  const { branchUpdates } = run.state();
  if (branchUpdates >= LOOKS_ANEW_MAX)
    return handOff(
      "git",
      `#${pull.number} is approved, and ${branchUpdates} times something came in between before it could be merged, the last time so: ${reason}\n\nAnswer \`approve\` to let it be tried again, or say what is to be changed.`,
    );
  await run.change((state) => ({ ...state, branchUpdates: state.branchUpdates + 1 }));
  await run.mark(step);
  return wait(reason, context.clock.now());
}

export function restart(approved: ApprovedPull, reason: string): Promise<StageOutcome> {
  return lookAnew(approved, { at: "begun" }, reason);
}
