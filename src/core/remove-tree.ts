// Removes a directory whatever modes its entries have: package managers leave trees in which nobody may write, and a user
// who is not root cannot remove what lies in such a directory.

import { chmod, lstat, readdir, rm } from "node:fs/promises";

import { errnoOf } from "./errors.ts";
import { PRIVATE_DIRECTORY_MODE } from "./paths.ts";

const TRIES_MAX = 3;

/** Never throws; false where something is left. No directory is success. */
export async function removeTree(path: string): Promise<boolean> {
  for (const isLast of [false, true]) {
    try {
      await rm(path, { recursive: true, force: true, maxRetries: TRIES_MAX });
      return true;
    } catch (error) {
      const code = errnoOf(error);
      if (isLast || (code !== "EACCES" && code !== "EPERM" && code !== "ENOTEMPTY")) return false;
      if ((await lstat(path).catch(() => null))?.isDirectory() === true) await openUp(Buffer.from(path));
    }
  }
  return false;
}

/** Follows no link, and takes names as bytes. What cannot be opened is left for `rm` to fail at. */
async function openUp(directory: Buffer): Promise<void> {
  try {
    await chmod(directory, PRIVATE_DIRECTORY_MODE);
    for (const entry of await readdir(directory, { withFileTypes: true, encoding: "buffer" }))
      if (entry.isDirectory()) await openUp(Buffer.concat([directory, Buffer.from("/"), entry.name]));
  } catch {
    // `rm` will say what is wrong.
  }
}
