// An approved pull request on its way to the merge, and the two ways to put it down: wait for GitHub, or look at it anew.

import type { PullRequest } from "../github/github.ts";
import { later } from "../pipeline/backoff.ts";
import type { ApprovedStep } from "../pipeline/run-step.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { retry, type StageOutcome, wait } from "../pipeline/stage-outcome.ts";

export interface ApprovedPull {
  readonly context: StageContext;
  readonly run: StageRun;
  readonly pull: PullRequest;
  readonly step: ApprovedStep;
}

/** Whether what GitHub decides has been waited for long enough to ask a person. */
export function isLate({ context, step }: ApprovedPull): boolean {
  return context.clock.now().getTime() - Date.parse(step.since) > context.config.ciTimeoutMs;
}

export function waitForGitHub({ context }: ApprovedPull, reason: string, retryAt: Date | null): StageOutcome {
  return wait(reason, retryAt ?? later(context.clock.now(), context.config.ciPollIntervalMs));
}

/** From the branch on. What was reviewed and stays as it is is not reviewed again. */
export async function restart({ run }: ApprovedPull, reason: string): Promise<StageOutcome> {
  await run.mark({ at: "begun" });
  return retry(reason);
}
