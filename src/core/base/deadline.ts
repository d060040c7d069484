// A deadline that stands in memory alone. It has passed as soon as one of both clocks says so: the monotonic one stands
// still while a machine sleeps, and the wall clock may be set back, even by a year.

import type { Clock } from "./clock.ts";

export class Deadline {
  readonly at: Date;
  readonly #clock: Clock;
  readonly #atMs: number;

  constructor(at: Date, clock: Clock) {
    this.at = at;
    this.#clock = clock;
    this.#atMs = clock.monotonicMs() + (at.getTime() - clock.now().getTime());
  }

  hasPassed(): boolean {
    return this.#clock.now() >= this.at || this.#clock.monotonicMs() >= this.#atMs;
  }
}
