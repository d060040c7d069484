// Lets what began side by side go on together, so that its next step can be shared by all of it.

import type { Clock } from "../../core/base/clock.ts";

export class Gathering {
  readonly #clock: Pick<Clock, "sleep">;
  readonly #limitMs: number;
  #running = 0;
  #meeting: PromiseWithResolvers<void> | undefined;

  /** One that takes long holds up the others by `limitMs` at most. */
  constructor(clock: Pick<Clock, "sleep">, limitMs: number) {
    this.#clock = clock;
    this.#limitMs = limitMs;
  }

  /** Settles as `work` does, once all that run have ended or the limit has passed; alone it waits for nobody. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#running += 1;
    try {
      return await work();
    } finally {
      this.#running -= 1;
      if (this.#running === 0) this.#meeting?.resolve();
      else await (this.#meeting ?? this.#convene()).promise;
    }
  }

  #convene(): PromiseWithResolvers<void> {
    const meeting = Promise.withResolvers<void>();
    const ended = new AbortController();
    this.#meeting = meeting;
    void meeting.promise.then(() => {
      if (this.#meeting === meeting) this.#meeting = undefined;
      ended.abort();
    });
    void this.#clock.sleep(this.#limitMs, ended.signal).then(meeting.resolve, () => undefined);
    return meeting;
  }
}
