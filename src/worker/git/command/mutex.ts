// Lets one holder at a time in, first come first served, within this process. The lock of the worker's data root keeps
// other processes out.

export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();

  /** Rejects with the signal's reason, without having run `work`, when it is aborted while it waits. */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const turn = this.#tail.then(() => {
      signal.throwIfAborted();
      return work();
    });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}
