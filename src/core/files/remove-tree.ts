// Removes a directory whatever modes its entries have and however deep it is: package managers leave trees in which
// nobody may write, and a user who is not root cannot remove what lies in such a directory.

import { randomUUID } from "node:crypto";
import { chmod, lstat, readdir, rename, rm } from "node:fs/promises";

import { errnoOf } from "../base/errors.ts";
import { PRIVATE_DIRECTORY_MODE } from "./paths.ts";

const TRIES_MAX = 3;
const MENDS_MAX = 2;
const MENDABLE = new Set(["EACCES", "EPERM", "ENOTEMPTY", "ENAMETOOLONG"]);
/** A path below the removed directory may have so many bytes; with one more name it is far from PATH_MAX. */
const DEPTH_BYTES_MAX = 1_500;

/** Never throws; resolves with false where something is left. A missing directory is success. */
export async function removeTree(path: string): Promise<boolean> {
  for (let mends = 0; ; mends += 1) {
    try {
      await rm(path, { recursive: true, force: true, maxRetries: TRIES_MAX });
      return true;
    } catch (error) {
      const code = errnoOf(error) ?? "";
      if (mends === MENDS_MAX || !MENDABLE.has(code)) return false;
      if ((await lstat(path).catch(() => null))?.isDirectory() !== true) continue;
      await (code === "ENAMETOOLONG" ? liftDeep(Buffer.from(path)) : openUp(Buffer.from(path)));
    }
  }
}

/** The system takes no longer path than PATH_MAX, but a tree may be deeper: what lies deep is moved to its top. */
async function liftDeep(top: Buffer): Promise<void> {
  const directories = [top];
  for (let directory = directories.pop(); directory !== undefined; directory = directories.pop()) {
    try {
      await chmod(directory, PRIVATE_DIRECTORY_MODE);
      for (const entry of await readdir(directory, { withFileTypes: true, encoding: "buffer" })) {
        if (!entry.isDirectory()) continue;
        const inner = below(directory, entry.name);
        const isDeep = inner.length > top.length + DEPTH_BYTES_MAX;
        const place = isDeep ? below(top, Buffer.from(`.deep-${randomUUID()}`)) : inner;
        if (isDeep) await rename(inner, place);
        directories.push(place);
      }
    } catch {
      // `rm` will say what is wrong.
    }
  }
}

/** Opens directories to us, follows no link, and takes names as bytes. `rm` fails at what cannot be opened. */
async function openUp(directory: Buffer): Promise<void> {
  try {
    await chmod(directory, PRIVATE_DIRECTORY_MODE);
    for (const entry of await readdir(directory, { withFileTypes: true, encoding: "buffer" }))
      if (entry.isDirectory()) await openUp(below(directory, entry.name));
  } catch {
    // `rm` will say what is wrong.
  }
}

function below(directory: Buffer, name: Buffer): Buffer {
  return Buffer.concat([directory, Buffer.from("/"), name]);
}
