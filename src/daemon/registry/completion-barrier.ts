// A barrier for operations that run side by side: each that has ended waits for the others, so that they go on together
// and share their next step.

import type { Clock } from "../../core/base/clock.ts";

export class CompletionBarrier {
  readonly #clock: Pick<Clock, "sleep">;
  readonly #limitMs: number;
  #running = 0;
  #released: PromiseWithResolvers<void> | undefined;

  /** A slow operation holds up the others by `limitMs` at most. */
  constructor(clock: Pick<Clock, "sleep">, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** Settles as `work` does, once all that run have ended or the limit has passed; a lone operation
   * waits for nobody. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#released?.resolve();
      else await (this.#released ?? this.#hold()).promise;
    }
  }

  #hold(): PromiseWithResolvers<void> {
    const released = Promise.withResolvers<void>();
    const ended = new AbortController();
    this.#released = released;
    void released.promise.then(() => {
      if (this.#released === released) this.#released = undefined;
      ended.abort();
    });
    void this.#clock.sleep(this.#limitMs, ended.signal).then(released.resolve, () => undefined);
    return released;
  }
}
