// Says how long a failed attempt waits. Pure.

const DELAY_MS_MAX = 30 * 60_000;
const WAIT_MS_MAX = 60 * 60_000;

/** The delay doubles with each failure, from the poll interval on; `failures` counts from 1. */
export function backoffMs(failures: number, pollIntervalMs: number): number {
  return Math.min(pollIntervalMs * 2 ** Math.min(failures - 1, 20), DELAY_MS_MAX);
}

/**
 * Says whether a run that was put down until then still has to wait. No wait is longer than an hour: GitHub's
 * limits are over within one, and what agents wait for is kept by AgentPause. A longer wait was noted before the clock
 * was set back, and is over.
 */
export function isWaiting(until: string | undefined, now: Date): boolean {
  const leftMs = until === undefined ? 0 : Date.parse(until) - now.getTime();
  return leftMs > 0 && leftMs <= WAIT_MS_MAX;
}

export function later(now: Date, ms: number): Date {
  return new Date(now.getTime() + ms);
}
