// A timeout that is renewed each time the awaited thing happens, for instance a heartbeat. It waits a little longer
// before it calls: after the machine slept, or this process was busy, a message that came in time may wait to be read.

const SECOND_LOOK_MS = 250;

export class RenewableTimeout {
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
