// Lets only a few workers start at a time: a start is CPU, and all at once would make the first one as late as the
// last. Nothing starts before the gate is opened, and a worker that is slow to start does not hold its place for long.

import type { Clock } from "../../core/base/clock.ts";

/** A place is free again after this time although its worker is not ready: one bad repository must not delay the
 * others. */
const PLACE_MS = 5_000;

/** The pause for each worker that still waits: what a worker does first costs as much again as its start. */
const PAUSE_PER_START_MS = 100;
const PAUSE_MS_MAX = 10_000;

interface Waiting {
  readonly enter: () => void;
}

export class StartGate {
  readonly #placesMax: number;
  readonly #clock: Clock;
  #open = false;
  #taken = 0;
  #waiting: Waiting[] = [];

  constructor(placesMax: number, clock: Clock) {
    this.#placesMax = placesMax;
    this.#clock = clock;
  }

  /** Says how long a worker that starts now should leave the machine to those that wait. */
  get pauseMs(): number {
    return Math.min(this.#waiting.length * PAUSE_PER_START_MS, PAUSE_MS_MAX);
  }

  open(): void {
    this.#open = true;
    this.#admit();
  }

  /** Resolves with a place; rejects when aborted. An operator's start (`urgent`) goes before those of the boot. */
  async enter(urgent: boolean, signal: AbortSignal): Promise<Disposable> {
    await this.#wait(urgent, signal);
    const left = new AbortController();
    const leave = (): void => {
      if (left.signal.aborted) return;
      left.abort();
      this.#taken -= 1;
      this.#admit();
    };
    this.#clock.sleep(PLACE_MS, left.signal).then(leave, () => undefined);
    return { [Symbol.dispose]: leave };
  }

  #wait(urgent: boolean, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting: Waiting = {
      enter: () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      },
    };
    const onAbort = (): void => {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      reject(signal.reason as Error);
    };
    if (signal.aborted) reject(signal.reason as Error);
    else {
      signal.addEventListener("abort", onAbort, { once: true });
      if (urgent) this.#waiting.unshift(waiting);
      else this.#waiting.push(waiting);
      this.#admit();
    }
    return promise;
  }

  #admit(): void {
    while (this.#open && this.#taken < this.#placesMax) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#taken += 1;
      next.enter();
    }
  }
}
