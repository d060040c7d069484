// Lets one loop wait for a time or for somebody's word, whichever comes first. A word given while nobody waits is kept.

import type { Clock } from "../../core/base/clock.ts";

export class Wake {
  readonly #clock: Clock;
  #isCalled = false;
  #call: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  call(): void {
    this.#isCalled = true;
    this.#call?.();
  }

  /** Returns at the word, at the time or at the abort; never rejects. For one waiter. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#isCalled && !signal.aborted) {
      const over = new AbortController();
      const called = new Promise<void>((resolve) => (this.#call = resolve));
      const slept = this.#clock.sleep(Math.max(0, ms), AbortSignal.any([signal, over.signal])).catch(() => undefined);
      await Promise.race([called, slept]);
      over.abort();
    }
    this.#call = null;
    this.#isCalled = false;
  }
}
