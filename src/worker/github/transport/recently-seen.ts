// Remembers which objects GitHub has shown or taken from us within the last minutes. Its replicas lag, so "not found"
// for one of them is no proof that it is gone.

import type { Clock } from "../../../core/base/clock.ts";

const REMEMBERED_MS = 5 * 60_000;
const REMEMBERED_MAX = 2_000;

export class RecentlySeen {
  readonly #clock: Clock;
  /** A map keeps the order of insertion, which is here the order of being seen. */
  readonly #seenAtMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** `object` is, for instance, `issues/7` or `commits/<sha>`. */
  note(object: string): void {
    this.#seenAtMs.delete(object);
    this.#seenAtMs.set(object, this.#clock.monotonicMs());
    for (const oldest of this.#seenAtMs.keys()) {
      if (this.#seenAtMs.size <= REMEMBERED_MAX) break;
      this.#seenAtMs.delete(oldest);
    }
  }

  has(object: string): boolean {
    const atMs = this.#seenAtMs.get(object);
    return atMs !== undefined && this.#clock.monotonicMs() - atMs < REMEMBERED_MS;
  }
}
