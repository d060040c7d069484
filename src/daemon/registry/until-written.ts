// A write that the daemon can do without for a while. A disk that does not take it is no reason to stay away from all that
// needs no disk: it is tried again until it is written, or until the owner ends it.

import type { Clock } from "../../core/base/clock.ts";

const RETRY_MS = 5_000;

/** Resolves after the first try; `write` tells whether it went well, and of its failures itself. */
export async function untilWritten(write: () => Promise<boolean>, clock: Clock): Promise<AsyncDisposable> {
  const ended = new AbortController();
  const again = async (): Promise<void> => {
    do await clock.sleep(RETRY_MS, ended.signal);
    while (!(await write()));
  };
  const writing = (await write()) ? Promise.resolve() : again().catch(() => undefined);
  return {
    async [Symbol.asyncDispose]() {
      ended.abort();
      await writing;
    },
  };
}
