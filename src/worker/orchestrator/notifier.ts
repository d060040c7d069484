// Lets one loop wait for a time or for a notification, whichever comes first. A notification that comes while nobody
// waits is kept for the next wait.

import type { Clock } from "../../core/base/clock.ts";

export class Notifier {
  readonly #clock: Clock;
  #isNotified = false;
  #notify: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  notify(): void {
    this.#isNotified = true;
    this.#notify?.();
  }

  /** Returns at a notification, at the time or at the abort; never rejects. There may be one waiter at a time. */
  async wait(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#isNotified && !signal.aborted) {
      const over = new AbortController();
      const notified = new Promise<void>((resolve) => (this.#notify = resolve));
      const slept = this.#clock.sleep(Math.max(0, ms), AbortSignal.any([signal, over.signal])).catch(() => undefined);
      await Promise.race([notified, slept]);
      over.abort();
    }
    this.#notify = null;
    this.#isNotified = false;
  }
}
