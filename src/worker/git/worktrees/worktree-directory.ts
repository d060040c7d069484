// Owns the directory that holds one repository's worktrees. It is private, no link on the way leads outside, and it is
// emptied by renaming, because deleting 20,000 files takes seconds and a rename none.

import { randomBytes } from "node:crypto";
import { lstat, mkdir, realpath, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { errnoOf, messageOf } from "../../../core/base/errors.ts";
import { PRIVATE_DIRECTORY_MODE } from "../../../core/files/paths.ts";
import { removeTree } from "../../../core/files/remove-tree.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";

const TRASH = ".trash";

/** Makes `<base>/<slug>` and returns its real path. It refuses when the base, the root or `name` below it is a link. */
export function openWorktreeRoot(root: string, name?: string): Promise<Result<string, GitFailure>> {
  return asResult(async () => {
    const base = dirname(root);
    await mkdir(dirname(base), { recursive: true });
    const expected = join(await realpath(dirname(base)), basename(base), basename(root));
    for (const path of [dirname(expected), expected]) {
      if ((await directoryAt(path)) === "directory") continue;
      // Another repository's worker may make the shared base at this moment.
      await mkdir(path, { mode: PRIVATE_DIRECTORY_MODE }).catch(() => undefined);
      if ((await directoryAt(path)) === "absent") throw new Error(`${path} could not be made`);
    }
    if (name !== undefined) await directoryAt(join(expected, name));
    return expected;
  });
}

/**
 * Moves a worktree's directory out of the way at once; `emptyTrash` deletes it later. It succeeds when there is no
 * directory.
 */
export function moveToTrash(root: string, name: string): Promise<Result<undefined, GitFailure>> {
  return asResult(async () => {
    if ((await directoryAt(join(root, name))) === "absent") return undefined;
    await mkdir(join(root, TRASH), { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    await rename(join(root, name), join(root, TRASH, `${name}-${randomBytes(6).toString("hex")}`));
    return undefined;
  });
}

/** Returns false when something cannot be deleted now; the next removal of a worktree and each sweep try it again. */
export function emptyTrash(root: string): Promise<boolean> {
  return removeTree(join(root, TRASH));
}

/** Throws when anything but a real directory stands there. */
async function directoryAt(path: string): Promise<"absent" | "directory"> {
  const found = await lstat(path).catch((error: unknown) => {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined) return "absent";
  if (found.isDirectory()) return "directory";
  throw new Error(`${path} must be a directory, and no link; move it away`);
}

async function asResult<T>(work: () => Promise<T>): Promise<Result<T, GitFailure>> {
  try {
    return ok(await work());
  } catch (error) {
    return fail(gitFailure("failed", messageOf(error)));
  }
}
