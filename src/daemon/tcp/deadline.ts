// A point in time by which something must have happened. It looks twice before it calls: after the machine slept, or
// this process was busy, what was to happen in time may be waiting to be read.

const SECOND_LOOK_MS = 250;

export class Deadline {
  #ms: number;
  #call: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(ms: number, call: () => void) {
    this.#ms = ms;
    this.#call = call;
    this.renew();
  }

  renew(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => this.#call(), SECOND_LOOK_MS);
    }, this.#ms);
  }

  replace(ms: number, call: () => void): void {
    this.#ms = ms;
    this.#call = call;
    this.renew();
  }

  cancel(): void {
    clearTimeout(this.#timer);
  }
}
