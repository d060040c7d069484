// Time as a port, so that tests drive it by hand. Backoff and timeouts count monotonic time; people read wall time.

import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

export interface Clock {
  /** Wall time. */
  now(): Date;
  /** Milliseconds that never go back. */
  monotonicMs(): number;
  /** Resolves after `ms`; rejects with the signal's reason when aborted, and leaves no timer behind. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) => delay(ms, undefined, { signal }),
};
