// Exclusive ownership of a directory for as long as the process lives. The lock is a POSIX lock that SQLite holds on a
// file: the kernel drops it the moment the process is gone, however it died, so no staleness is ever guessed from
// clocks. docs/adr/0006 says why it is not a lock file with a heartbeat.

import { dirname } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { ensurePrivateDirectory } from "./durable-file.ts";
import { fail, ok, type Result } from "../base/result.ts";

const SQLITE_BUSY = 5;
const RETRY_MS = 50;

export interface KernelLock extends Disposable {
  readonly path: string;
}

/** Waits up to `waitMs` for a dying owner. Nothing else here may open the file: closing it would drop the lock. */
export async function takeKernelLock(
  path: string,
  waitMs: number,
  sleep: (ms: number) => Promise<void>,
): Promise<Result<KernelLock, { kind: "held" }>> {
  await ensurePrivateDirectory(dirname(path));
  for (let waited = 0; ; waited += RETRY_MS) {
    const database = new DatabaseSync(path, { timeout: 0 });
    try {
      database.exec("PRAGMA journal_mode=MEMORY; BEGIN EXCLUSIVE");
      return ok({ path, [Symbol.dispose]: () => database.close() });
    } catch (error) {
      database.close();
      if (!isBusy(error)) throw error;
      if (waited >= waitMs) return fail({ kind: "held" });
    }
    await sleep(RETRY_MS);
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && (Number(error.errcode) & 0xff) === SQLITE_BUSY;
}
