// Checks whether the disks that a run writes to can be written, and have room for one. A run that is not begun costs
// nothing; one that ends half-way for want of a disk has cost an agent's time, and its outcome cannot be written down.

import { access, constants, statfs } from "node:fs/promises";
import { dirname } from "node:path";

import { errnoOf } from "../../core/base/errors.ts";

const ROOM_BYTES_MIN = 268_435_456;
/** Each file of a worktree takes an inode, and so does each object that git keeps. */
const INODES_MIN = 4_096;

/** Returns one line for people; null while there is room. `paths` has one on each disk, which may not be there yet. */
export async function roomProblem(paths: readonly string[]): Promise<string | null> {
  const problems = await Promise.all(paths.map(problemOf));
  return problems.find((problem) => problem !== null) ?? null;
}

/** Finds no problem where the disk cannot be asked: whoever writes there will say what is wrong. */
async function problemOf(path: string): Promise<string | null> {
  const refusal = await access(path, constants.W_OK).catch(errnoOf);
  if (refusal === "ENOENT" && dirname(path) !== path) return problemOf(dirname(path));
  if (refusal === "EROFS") return `the disk of ${path} is read-only`;
  const found = await statfs(path).catch(() => undefined);
  if (found === undefined) return null;
  if (found.bavail * found.bsize < ROOM_BYTES_MIN)
    return `the disk of ${path} has less than ${ROOM_BYTES_MIN / 1_048_576} MiB free`;
  // File systems that make inodes as they need them say that they have none.
  if (found.files > 0 && found.ffree < INODES_MIN)
    return `the disk of ${path} has fewer than ${INODES_MIN} inodes free, so few files can be made there; df -i shows them`;
  return null;
}
