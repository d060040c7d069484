// Reads a file that others write, whatever somebody has put in its place: off the thread, within a bound, and without
// ever waiting for a pipe.

import { constants, open } from "node:fs/promises";

/** Resolves with undefined when it is no regular file, or larger. Throws the system's error, ENOENT too. */
export async function readSmallFile(path: string, bytesMax: number): Promise<string | undefined> {
  return (await readSmallBytes(path, bytesMax))?.toString("utf8");
}

/** Reads the file as bytes. `flags` may forbid a link with O_NOFOLLOW, and the system's error is ELOOP then. */
export async function readSmallBytes(path: string | Buffer, bytesMax: number, flags = 0): Promise<Buffer | undefined> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  const found = await file.stat();
  if (!found.isFile() || found.size > bytesMax) return undefined;
  const bytes = Buffer.alloc(found.size);
  // `readFile` would read a file that grows meanwhile to its end.
  const { bytesRead } = await file.read(bytes, 0, found.size, 0);
  return bytes.subarray(0, bytesRead);
}
