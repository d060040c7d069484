// Waits until something that tells of its changes is as it should be, and never longer than the bound.

import type { Clock } from "../../core/base/clock.ts";

export class ChangeWatch {
  readonly #clock: Clock;
  readonly #looks = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  changed(): void {
    for (const look of this.#looks) look();
  }

  /** Resolves when it is so, at the bound, or when aborted; the caller looks which of them it was. */
  async until(isSo: () => boolean, boundMs: number, signal: AbortSignal): Promise<void> {
    const seen = Promise.withResolvers<void>();
    const over = new AbortController();
    const look = (): void => {
      if (isSo()) seen.resolve();
    };
    this.#looks.add(look);
    look();
    const bound = this.#clock.sleep(boundMs, AbortSignal.any([signal, over.signal])).catch(() => undefined);
    await Promise.race([seen.promise, bound]);
    this.#looks.delete(look);
    over.abort();
  }
}
