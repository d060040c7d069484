// Finds out what a directory's file system keeps of names and modes. A checkout's settings say it of the place where
// the checkout was made: where that was another file system than the worktrees', git takes a file that was renamed from
// `readme` to `README` for a deleted one, and makes no script executable.

import { chmod, mkdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import type { Git } from "./git.ts";

const PRIVATE = 0o600;
const EXECUTABLE = 0o700;

/** Says whether a directory's own name in another case leads to it as well. The directory must exist. */
export async function isCaseBlind(directory: string): Promise<boolean> {
  const name = basename(directory);
  const other = name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase();
  if (other === name) return false;
  const [one, two] = await Promise.all(
    [directory, join(dirname(directory), other)].map((path) => stat(path).catch(() => undefined)),
  );
  return one !== undefined && one.ino === two?.ino && one.dev === two.dev;
}

/** Makes a git that goes by the file system of `directory`, which must exist, and not by what settings say of it. */
export async function knowingFileSystem(git: Git, directory: string): Promise<Git> {
  const known = [
    ["core.ignorecase", String(await isCaseBlind(directory))],
    ["core.filemode", String(await keepsModes(directory))],
  ] as const;
  return {
    isRunningIn: (place) => git.isRunningIn(place),
    run: (call, signal) => git.run({ ...call, config: [...known, ...(call.config ?? [])] }, signal),
  };
}

async function keepsModes(directory: string): Promise<boolean> {
  const probe = join(directory, ".modes");
  await mkdir(probe, { recursive: true });
  try {
    const modes: number[] = [];
    for (const mode of [PRIVATE, EXECUTABLE]) {
      await chmod(probe, mode);
      modes.push((await stat(probe)).mode & 0o777);
    }
    return modes[0] === PRIVATE && modes[1] === EXECUTABLE;
  } finally {
    await rm(probe, { recursive: true, force: true });
  }
}
