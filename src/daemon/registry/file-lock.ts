// The lock beside a file that short edits from outside the daemon also take (a directory `<file>.lock` whose time stamp
// its holder keeps moving). We hold the kernel lock of the state directory, so a lock that does not move is a dead
// process's, and waiting for it to grow old by the clock would only delay the start.

import { mkdirSync, realpathSync, rmdirSync, statSync, utimesSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { lock } from "proper-lockfile";

import type { Clock } from "../../core/base/clock.ts";
import { errnoOf, HydraError } from "../../core/base/errors.ts";

const STALE_MS = 30_000;
const UPDATE_MS = 1_000;
/** A holder that has missed three updates is dead. */
const DEAD_MS = 3_000;
const WAIT_MS_MAX = 10_000;
const POLL_MS = 50;

type Done = (error: unknown, result?: unknown) => void;

/** What the lock does to its directory takes microseconds, less than handing it to another thread: each call is made
 * synchronously, in the form that the library asks for. */
const FAST_FILES = {
  mkdir: atOnce(mkdirSync),
  realpath: atOnce(realpathSync),
  rmdir: atOnce(rmdirSync),
  rmdirSync,
  stat: atOnce(statSync),
  utimes: atOnce(utimesSync),
};

export interface FileLock extends AsyncDisposable {
  /** False once the lock was lost, for instance after the machine slept: then nothing may be written any more. */
  isHeld(): boolean;
}

/** Throws FILE_LOCKED when another living process keeps the lock. */
export async function takeFileLock(path: string, clock: Clock, signal: AbortSignal): Promise<FileLock> {
  const startedMs = clock.monotonicMs();
  let seen: { stamp: number; sinceMs: number } | undefined;
  for (;;) {
    const taken = await tryLock(path);
    if (taken !== undefined) return taken;
    const nowMs = clock.monotonicMs();
    const stamp = await stat(lockDirectory(path)).then(
      ({ mtimeMs }) => mtimeMs,
      () => -1,
    );
    if (seen?.stamp !== stamp) seen = { stamp, sinceMs: nowMs };
    else if (nowMs - seen.sinceMs >= DEAD_MS) await rm(lockDirectory(path), { recursive: true, force: true });
    if (nowMs - startedMs >= WAIT_MS_MAX)
      throw new HydraError("FILE_LOCKED", `another program holds ${lockDirectory(path)}`);
    await clock.sleep(POLL_MS, signal);
  }
}

async function tryLock(path: string): Promise<FileLock | undefined> {
  let held = true;
  const onCompromised = (): void => {
    held = false;
  };
  try {
    const release = await lock(path, {
      stale: STALE_MS,
      update: UPDATE_MS,
      realpath: false,
      retries: 0,
      fs: FAST_FILES,
      onCompromised,
    });
    // Releasing fails only when the lock was lost, and then there is nothing to release.
    return { isHeld: () => held, [Symbol.asyncDispose]: () => release().catch(() => undefined) };
  } catch (error) {
    if (errnoOf(error) === "ELOCKED") return undefined;
    throw error;
  }
}

function atOnce<Given extends unknown[]>(call: (...given: Given) => unknown): (...given: [...Given, Done]) => void {
  return (...given) => {
    const done = given.pop() as Done;
    let result: unknown;
    try {
      result = call(...(given as unknown as Given));
    } catch (error) {
      done(error);
      return;
    }
    done(null, result);
  };
}

function lockDirectory(path: string): string {
  return `${path}.lock`;
}
