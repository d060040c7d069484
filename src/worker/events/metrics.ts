// Keeps snapshots of the counters and queues, taken every two hours and at the stop, in metrics/snapshots.jsonl.

import { AppendLog } from "../../core/files/append-log.ts";
import type { Clock } from "../../core/base/clock.ts";
import { removeTemporaries } from "../../core/files/durable-file.ts";

export const SNAPSHOT_INTERVAL_MS = 2 * 3_600_000;
/** It holds about two years of snapshots. */
const BYTES_MAX = 8_388_608;

export interface MetricsSnapshot {
  /** It is an ISO time. */
  readonly timestamp: string;
  /** It is the slug. */
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
  readonly #log: AppendLog<MetricsSnapshot>;
  readonly #options: MetricsOptions;

  static async open(file: string, options: MetricsOptions): Promise<Metrics> {
    const log = await AppendLog.open<MetricsSnapshot>(file, { bytesMax: BYTES_MAX });
    await removeTemporaries(file);
    return new Metrics(log, options);
  }

  private constructor(log: AppendLog<MetricsSnapshot>, options: MetricsOptions) {
    this.#log = log;
    this.#options = options;
  }

  /** Takes a snapshot every SNAPSHOT_INTERVAL_MS; ends when aborted. A snapshot that the disk refuses is left out. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(SNAPSHOT_INTERVAL_MS, signal).catch(() => undefined);
      if (!signal.aborted) await this.snapshot().catch(() => undefined);
    }
  }

  async snapshot(): Promise<MetricsSnapshot> {
    const { repo, clock, collect } = this.#options;
    const snapshot = { timestamp: clock.now().toISOString(), repo, ...collect() };
    await this.#log.append(snapshot, "buffered");
    return snapshot;
  }

  /** Returns snapshots, newest first. */
  history(limit: number): readonly MetricsSnapshot[] {
    return limit <= 0 ? [] : this.#log.records.slice(-limit).toReversed();
  }

  /** Takes a last snapshot. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.snapshot().catch(() => undefined);
    await this.#log[Symbol.asyncDispose]();
  }
}
