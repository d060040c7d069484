// skeleton
import type { Clock } from "../core/clock.ts";
import type { Result } from "../core/result.ts";
import type { Stage } from "../core/stage.ts";
import type { WorkerEvent } from "./event.ts";
import type { GitHub, GitHubFailure, Issue } from "./github/github.ts";

export interface IssueStoreOptions {
  readonly github: GitHub;
  readonly labelPrefix: string;
  readonly clock: Clock;
  readonly tell: (event: WorkerEvent) => void;
  readonly syncIntervalMs: number;
  readonly fullSyncIntervalMs: number;
  /** Says whether an issue may be taken now; for instance false before its `retryAt`. Default: always. */
  readonly isDue?: (issue: Issue, stage: Stage, now: Date) => boolean;
}

export interface LastSync {
  /** ISO time of the last attempt; null before the first. */
  readonly at: string | null;
  readonly ok: boolean;
  readonly problem: string | null;
}

export interface StageQueue {
  readonly queued: readonly Issue[];
  readonly active: readonly Issue[];
}

export class IssueStore {
  constructor(_options: IssueStoreOptions) {
    throw new Error("not there yet");
  }
  get lastSync(): LastSync {
    throw new Error("not there yet");
  }
  /** Syncs when the interval has passed, or at once with `force`. Calls that overlap share one sync. A failure keeps what we had. */
  refresh(_signal: AbortSignal, _options: { readonly force?: boolean } = {}): Promise<Result<undefined, GitHubFailure>> {
    throw new Error("not there yet");
  }
  /** The oldest issue that may be taken; it is in flight until `release`. One with several stage labels stands in the
   * queue of the most advanced one that has a stage: whoever takes it claims it and then calls LabelMover.reconcile. */
  take(_stage: Stage, _now: Date): Issue | undefined {
    throw new Error("not there yet");
  }
  release(_issue: Pick<Issue, "number">): void {
    throw new Error("not there yet");
  }
  /** Not to be taken before `until`: another worker holds it. Kept in memory only. */
  defer(_issue: Pick<Issue, "number">, _until: Date): void {
    throw new Error("not there yet");
  }
  put(_issue: Issue): void {
    throw new Error("not there yet");
  }
  find(_number: number): Issue | undefined {
    throw new Error("not there yet");
  }
  queues(): Record<Stage, StageQueue> {
    throw new Error("not there yet");
  }
  onChange(_listener: () => void): Disposable {
    throw new Error("not there yet");
  }
}
