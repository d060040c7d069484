// One holder at a time, first come first served, within this process. Other processes are kept out by the lock of the
// worker's data root.

export class Mutex {
  #tail: Promise<unknown> = Promise.resolve();

  /** Rejects with the signal's reason, without having run `work`, when aborted while it waits. */
  run<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const turn = this.#tail.then(() => {
      signal.throwIfAborted();
      return work();
    });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }
}
