// Finds the place where V8 keeps what it has compiled of our files: the next process need not do it again, which is
// about a tenth of its start. Node writes it at the end of a process, checks it against the files, and works without it
// all the same.

import { mkdirSync, statSync } from "node:fs";
import { flushCompileCache } from "node:module";
import { isAbsolute, join } from "node:path";

import { PRIVATE_DIRECTORY_MODE } from "../files/paths.ts";

const WRITABLE_BY_OTHERS = 0o022;
/** By then a process has done what it does at its start, and so have the others that a boot starts beside it. */
const SETTLED_MS = 60_000;

/** Makes the directory where there is none. Returns undefined where Node has one already, where there is no home, or
 * where others could write too, since what lies in the cache is run. `uid` is that of this process; the place follows
 * the XDG Base Directory Specification. */
export function compileCacheDirectory(
  environment: Readonly<Record<string, string | undefined>>,
  uid: number | undefined,
): string | undefined {
  const { HOME: home, XDG_CACHE_HOME: named, NODE_COMPILE_CACHE: told, NODE_DISABLE_COMPILE_CACHE: off } = environment;
  const [root, caches] = named !== undefined && isAbsolute(named) ? [named, named] : [home, `${home}/.cache`];
  if (told !== undefined || off !== undefined || !root || ownerOf(root) !== uid) return undefined;
  const directory = join(caches, "hydraflow");
  if (![caches, directory].every((path) => [uid, "nobody"].includes(ownerOf(path)))) return undefined;
  try {
    mkdirSync(directory, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    return directory;
  } catch {
    return undefined;
  }
}

/** Writes the cache while the process runs, where it lacks something: a daemon may run for months and be killed. */
export function saveCompiledCodeLater(): void {
  setTimeout(flushCompileCache, SETTLED_MS).unref();
}

/** Returns `others` where more than one user may write, or where we may not even look. */
function ownerOf(path: string): number | "nobody" | "others" {
  try {
    const found = statSync(path, { throwIfNoEntry: false });
    if (found === undefined) return "nobody";
    return (found.mode & WRITABLE_BY_OTHERS) === 0 ? found.uid : "others";
  } catch {
    return "others";
  }
}
