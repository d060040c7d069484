// Time stands still until the test moves it. Sleepers wake in the order of their deadlines.

import type { Clock } from "../../src/core/base/clock.ts";

interface Sleeper {
  readonly atMs: number;
  readonly wake: () => void;
}

export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs = 0;
  readonly #sleepers = new Set<Sleeper>();

  constructor(start = "2026-03-01T12:00:00.000Z") {
    this.#wallMs = Date.parse(start);
  }

  now(): Date {
    return new Date(this.#wallMs);
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const sleeper: Sleeper = { atMs: this.#monotonicMs + ms, wake: resolve };
    this.#sleepers.add(sleeper);
    const abort = () => {
      this.#sleepers.delete(sleeper);
      reject(signal.reason);
    };
    signal.addEventListener("abort", abort, { once: true });
    return promise.finally(() => signal.removeEventListener("abort", abort));
  }

  get sleeping(): number {
    return this.#sleepers.size;
  }

  /** Both clocks move on; whoever is due in between wakes at its own time and gets its turn. */
  async advance(ms: number): Promise<void> {
    const target = this.#monotonicMs + ms;
    for (let next = this.#nextDue(target); next !== undefined; next = this.#nextDue(target)) {
      this.#moveTo(Math.max(this.#monotonicMs, next.atMs));
      this.#sleepers.delete(next);
      next.wake();
      await settle();
    }
    this.#moveTo(target);
    await settle();
  }

  /** The wall clock alone jumps, as when a machine slept or its time was set. */
  jumpWall(ms: number): void {
    this.#wallMs += ms;
  }

  #nextDue(target: number): Sleeper | undefined {
    return [...this.#sleepers].filter(({ atMs }) => atMs <= target).toSorted((a, b) => a.atMs - b.atMs)[0];
  }

  #moveTo(monotonicMs: number): void {
    this.#wallMs += monotonicMs - this.#monotonicMs;
    this.#monotonicMs = monotonicMs;
  }
}

/** Lets everything that is ready to run go on. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}
