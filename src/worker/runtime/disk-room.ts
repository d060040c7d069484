// Whether the disks that a run writes to have room for one. A run that is not begun costs nothing; one that ends half-way
// for want of space has cost an agent's time, and its outcome cannot be written down.

import { statfs } from "node:fs/promises";

const ROOM_BYTES_MIN = 268_435_456;

/** One line for people, null as long as there is room. `paths`: one on each disk. */
export async function roomProblem(paths: readonly string[]): Promise<string | null> {
  const short = (await Promise.all(paths.map(isShort))).indexOf(true);
  return short === -1 ? null : `the disk of ${paths[short]} has less than ${ROOM_BYTES_MIN / 1_048_576} MiB free`;
}

/** What cannot be asked is no reason to stop: whoever writes there will say what is wrong. */
async function isShort(path: string): Promise<boolean> {
  const found = await statfs(path).catch(() => undefined);
  return found !== undefined && found.bavail * found.bsize < ROOM_BYTES_MIN;
}
