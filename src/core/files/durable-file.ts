// Replaces a file so that a crash at any point leaves the old content or the new one, never a mix, and so that a
// promise made after it returns survives a power cut: temp in the same directory, write, fsync, rename, fsync the
// directory. Only fsync waits for the disk and leaves the thread for it; the rest is done within microseconds, and
// handing each call to another thread would take longer than the calls.

import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";

import { errnoOf } from "../base/errors.ts";
import { PRIVATE_DIRECTORY_MODE, PRIVATE_FILE_MODE } from "./paths.ts";

const syncToDisk = promisify(fsync);
const NAME_RADIX = 36;

/**
 * Throws the system's error (ENOSPC, EROFS, EACCES, EIO …) and then has changed nothing that a reader can see.
 * After EIO of fsync the same descriptor is not tried again: a retry may report a success that is none.
 */
export async function replaceFile(path: string, content: string | Uint8Array, mode = PRIVATE_FILE_MODE): Promise<void> {
  const directory = dirname(path);
  const temporary = join(directory, `.${basename(path)}.${uniqueName()}.tmp`);
  const file = openSync(
    temporary,
    constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW,
    mode,
  );
  try {
    try {
      writeFileSync(file, content);
      await syncToDisk(file);
    } finally {
      closeSync(file);
    }
    renameSync(temporary, path);
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // The disk that refused the write refuses the removal too; the next owner of the file removes what is left.
    }
    throw error;
  }
  await syncDirectory(directory);
}

/** The name need not be more unique than this: the kernel refuses to make a file that exists. */
function uniqueName(): string {
  return Math.random().toString(NAME_RADIX).slice(2);
}

/** Removes what `replaceFile` left of `path` and its companions (`<path>.prev`) when the process ended within it. Only
 * the file's one owner may call it. */
export async function removeTemporaries(path: string): Promise<void> {
  const left = readdirSync(dirname(path)).filter(
    (name) => name.startsWith(`.${basename(path)}.`) && name.endsWith(".tmp"),
  );
  for (const name of left) unlinkSync(join(dirname(path), name));
}

export async function syncDirectory(path: string): Promise<void> {
  const directory = openSync(path, constants.O_RDONLY);
  try {
    await syncToDisk(directory);
  } finally {
    closeSync(directory);
  }
}

/** Makes the directory and its parents, 0700 where it makes them; what it made outlives a power cut. It makes one
 * after the other, since Node's own recursive form hides why a disk refuses one, and never ends beneath a directory
 * like /proc. */
export async function ensurePrivateDirectory(path: string): Promise<void> {
  const absolute = resolve(path);
  if (isDirectory(absolute)) return;
  await ensurePrivateDirectory(dirname(absolute));
  makeDirectory(absolute);
  await syncDirectory(dirname(absolute));
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** A directory that is there already is success; a file in its place is not. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path, PRIVATE_DIRECTORY_MODE);
  } catch (error) {
    if (errnoOf(error) !== "EEXIST" || !statSync(path).isDirectory()) throw error;
  }
}

/** Reads the text of a file of at most `bytesMax`; undefined when there is none. Throws on anything else, for instance
 * a pipe or a device: this reads on the thread, and such a read may never end. */
export async function readTextIfExists(path: string, bytesMax: number): Promise<string | undefined> {
  return readBytesAtOnce(path, bytesMax)?.toString("utf8");
}

/** Reads the file as bytes, and before it returns. */
export function readBytesAtOnce(path: string, bytesMax: number): Buffer | undefined {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const found = fstatSync(file);
    if (!found.isFile() && !found.isDirectory()) throw new RangeError(`${path} is no regular file`);
    if (found.size > bytesMax) throw new RangeError(`${path} has ${found.size} bytes, the limit is ${bytesMax}`);
    return readFileSync(file);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    statSync(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}
