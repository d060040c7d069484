// How long a failed attempt waits. Pure.

const DELAY_MS_MAX = 30 * 60_000;

/** Doubles with each failure, from the poll interval on; `failures` counts from 1. */
export function backoffMs(failures: number, pollIntervalMs: number): number {
  return Math.min(pollIntervalMs * 2 ** Math.min(failures - 1, 20), DELAY_MS_MAX);
}

export function later(now: Date, ms: number): Date {
  return new Date(now.getTime() + ms);
}
