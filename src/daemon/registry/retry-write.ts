// Writes that the daemon can do without for a while. A disk that refuses one is no reason to stop what needs no disk:
// the write is tried again until it succeeds, or until its owner ends it.

import type { Clock } from "../../core/base/clock.ts";

const RETRY_MS = 5_000;

/** Says whether the write succeeded, and logs its own failures. */
type Write = () => Promise<boolean>;

/** Resolves after the first try; further tries go on in the background until the result is disposed of. */
export async function writeWithRetry(write: Write, clock: Clock): Promise<AsyncDisposable> {
  const ended = new AbortController();
  const again = async (): Promise<void> => {
    await clock.sleep(RETRY_MS, ended.signal);
    await retryWrite(write, clock, ended.signal);
  };
  const writing = (await write()) ? Promise.resolve() : again().catch(() => undefined);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await writing;
    },
  };
}

/** Resolves when a try has succeeded, or when the signal is aborted. */
export async function retryWrite(write: Write, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await write())) await clock.sleep(RETRY_MS, signal).catch(() => undefined);
}
