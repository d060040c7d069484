// A condition variable: callers wait until a condition holds, its owner notifies them of each change, and no wait is
// longer than its bound.

import type { Clock } from "../../core/base/clock.ts";

export class ConditionVariable {
  readonly #clock: Clock;
  readonly #checks = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  notify(): void {
    for (const check of this.#checks) check();
  }

  /** Resolves when the condition holds, at the bound, or when aborted; the caller looks which of them it was. */
  async waitFor(holds: () => boolean, boundMs: number, signal: AbortSignal): Promise<void> {
    const seen = Promise.withResolvers<void>();
    const over = new AbortController();
    const check = (): void => {
      if (holds()) seen.resolve();
    };
    this.#checks.add(check);
    check();
    const bound = this.#clock.sleep(boundMs, AbortSignal.any([signal, over.signal])).catch(() => undefined);
    await Promise.race([seen.promise, bound]);
    this.#checks.delete(check);
    over.abort();
  }
}
