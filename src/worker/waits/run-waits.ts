// Puts an issue down that has to wait: in the state where its run has begun, else in the queue alone.

import type { GitHubFailure, Issue } from "../github/port/github.ts";
import type { IssueStore } from "../issues/issue-store.ts";
import { stepMark } from "../state/run-step.ts";
import type { StageContext } from "../pipeline/stage-context.ts";
import { waitRun } from "../pipeline/run-record.ts";
import { runOf, waitedOf } from "../state/issue-way.ts";
import { gitHubCause, type NewWait, type Wait, type WaitBook } from "./wait-book.ts";

export type Waiting = Omit<NewWait, "mark" | "earlier">;

/** It marks the wait of an issue whose run has not begun, or has not been taken up again. */
const BEFORE_CLAIM = "claim";
const THROWN = "thrown";

export interface RunWaitsOptions {
  readonly context: Pick<StageContext, "state">;
  readonly store: IssueStore;
  readonly waits: WaitBook;
}

export class RunWaits {
  readonly #options: RunWaitsOptions;

  constructor(options: RunWaitsOptions) {
    this.#options = options;
  }

  async put(issue: number, waiting: Waiting): Promise<Wait> {
    const { context, waits } = this.#options;
    const known = context.state.issue(issue);
    const waited = waitedOf(known);
    const mark = stepMark(runOf(known)) ?? BEFORE_CLAIM;
    const isSame = waited?.cause === waiting.cause && waited.mark === mark;
    const wait = waits.note(issue, {
      ...waiting,
      mark,
      earlier: isSame ? { since: waited.since, ms: waited.ms } : null,
    });
    const pause = { until: wait.until.toISOString(), reason: wait.reason };
    const noted = { since: wait.since.toISOString(), cause: wait.cause, mark: wait.mark, ms: wait.ms };
    await context.state.update(issue, (old) => waitRun(old, pause, noted));
    return wait;
  }

  /** Puts down an issue of which nothing was begun, so only this process needs to remember it. */
  defer(taken: Issue, waiting: Waiting): null {
    return this.#defer(taken, { ...waiting, mark: BEFORE_CLAIM });
  }

  /**
   * Puts down an issue whose run has thrown. The wait has a mark of its own, so that it is not over when the next run
   * begins.
   */
  deferThrown(taken: Issue, waiting: Waiting): void {
    this.#defer(taken, { ...waiting, mark: THROWN });
  }

  /** Ends the wait for the claim, because the run begins. */
  begun(issue: number): void {
    this.#options.waits.clear(issue, BEFORE_CLAIM);
  }

  #defer(taken: Issue, wait: NewWait): null {
    const { store, waits } = this.#options;
    store.defer(taken, waits.note(taken.number, wait).until);
    return null;
  }
}

export function failedCall(failure: GitHubFailure): Waiting {
  return { cause: gitHubCause(failure), reason: `GitHub: ${failure.message}`, until: failure.retryAt };
}
