// skeleton
import type { Clock } from "../core/clock.ts";
import type { Result } from "../core/result.ts";
import type { Stage } from "../core/stage.ts";
import type { WorkerEvent } from "./event.ts";
import type { GitHub, GitHubFailure, Issue } from "./github/github.ts";
import type { StateTracker } from "./state-tracker.ts";

export interface ClaimKeeperOptions {
  readonly github: GitHub;
  readonly state: StateTracker;
  readonly clock: Clock;
  readonly tell: (event: WorkerEvent) => void;
  /** `<hostname>/<slug>/<instance>`. */
  readonly owner: string;
  readonly labelPrefix: string;
  readonly leaseMs: number;
}

export interface Claim {
  readonly issue: number;
  readonly owner: string;
  readonly commentId: number;
  readonly expiresAt: Date;
  /** Aborts when the lease could not be renewed in time: stop every effect on the issue at once. */
  readonly lost: AbortSignal;
}

export interface ClaimHeld {
  readonly kind: "held";
  readonly owner: string;
  readonly until: Date;
}

/** Renews every held claim at half its lease until released or disposed. Disposing keeps the claims, for the next start. */
export class ClaimKeeper implements AsyncDisposable {
  constructor(_options: ClaimKeeperOptions) {
    throw new Error("not there yet");
  }
  /** Held already: answers at once without a call. */
  acquire(_issue: Issue, _stage: Stage, _signal: AbortSignal): Promise<Result<Claim, ClaimHeld | GitHubFailure>> {
    throw new Error("not there yet");
  }
  held(_issue: number): Claim | undefined {
    throw new Error("not there yet");
  }
  /** Changes the stage that the status comment shows; the same edit renews the lease. No call when it shows it already. */
  setStage(_issue: number, _stage: Stage, _signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    throw new Error("not there yet");
  }
  /** `closing` is what the status comment says from now on. Not held: success. */
  release(_issue: Pick<Issue, "number">, _signal: AbortSignal, _closing?: string): Promise<Result<undefined, GitHubFailure>> {
    throw new Error("not there yet");
  }
  [Symbol.asyncDispose](): Promise<void> {
    throw new Error("not there yet");
  }
}
