// skeleton
import type { Clock } from "../core/clock.ts";

export interface MetricsSnapshot {
  readonly timestamp: string;
  readonly repo: string;
  readonly counters: Readonly<Record<string, number>>;
  readonly queue_depth: Readonly<Record<string, number>>;
}

export interface MetricsOptions {
  readonly repo: string;
  readonly clock: Clock;
  readonly collect: () => Pick<MetricsSnapshot, "counters" | "queue_depth">;
}

export class Metrics implements AsyncDisposable {
  static open(_file: string, _options: MetricsOptions): Promise<Metrics> {
    throw new Error("not there yet");
  }
  /** Takes a snapshot every SNAPSHOT_INTERVAL_MS until aborted. */
  run(_signal: AbortSignal): Promise<void> {
    throw new Error("not there yet");
  }
  snapshot(): Promise<MetricsSnapshot> {
    throw new Error("not there yet");
  }
  /** Newest first. */
  history(_limit: number): readonly MetricsSnapshot[] {
    throw new Error("not there yet");
  }
  /** Takes a last snapshot. */
  [Symbol.asyncDispose](): Promise<void> {
    throw new Error("not there yet");
  }
}
