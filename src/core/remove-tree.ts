// Removes a directory whatever modes its entries have: package managers leave trees in which nobody may write, and a user
// who is not root cannot remove what lies in such a directory.

import { chmod, lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf } from "./errors.ts";

const TRIES_MAX = 3;
const OWNER_MAY_ALL = 0o700;

/** Never throws; false where something is left. No directory is success. */
export async function removeTree(path: string): Promise<boolean> {
  for (const isLast of [false, true]) {
    try {
      await rm(path, { recursive: true, force: true, maxRetries: TRIES_MAX });
      return true;
    } catch (error) {
      const code = errnoOf(error);
      if (isLast || (code !== "EACCES" && code !== "EPERM" && code !== "ENOTEMPTY")) return false;
      await openUp(path);
    }
  }
  return false;
}

/** Follows no link. What cannot be opened is left for `rm` to fail at. */
async function openUp(path: string): Promise<void> {
  try {
    if (!(await lstat(path)).isDirectory()) return;
    await chmod(path, OWNER_MAY_ALL);
    for (const name of await readdir(path)) await openUp(join(path, name));
  } catch {
    // `rm` will say what is wrong.
  }
}
