// Remembers one file as it is, and puts it back. Plain file system calls do it that follow no link at the last step.

import { constants, lstat, mkdir, readdir, readlink, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import { readSmallBytes } from "../../../core/checkout/small-file.ts";
import { replaceFile } from "../../../core/files/durable-file.ts";
import { errnoOf } from "../../../core/base/errors.ts";
import { z } from "../../../core/base/schema.ts";

const FILE_BYTES_MAX = 1_048_576;
const DIRECTORY_ENTRIES_MAX = 500;
const DEPTH_MAX = 4;
const DIRECTORY = "directory";

export const fileSnapshotSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("absent") }),
  /** The content is base64. */
  z.strictObject({ kind: z.literal("file"), mode: z.int(), content: z.string() }),
  z.strictObject({ kind: z.literal("link"), target: z.string() }),
  /** This stands for a directory, a device, or a file that is too large to keep. */
  z.strictObject({ kind: z.literal("other"), what: z.string() }),
]);

export type FileSnapshot = z.infer<typeof fileSnapshotSchema>;

export async function snapshotFile(path: string): Promise<FileSnapshot> {
  const found = await lstat(path).catch(ifAbsent);
  if (found === undefined) return { kind: "absent" };
  if (found.isSymbolicLink()) return { kind: "link", target: await readlink(path) };
  if (!found.isFile()) return { kind: "other", what: found.isDirectory() ? DIRECTORY : "special file" };
  if (found.size > FILE_BYTES_MAX) return { kind: "other", what: `file of ${found.size} bytes` };
  const bytes = await readSmallBytes(path, FILE_BYTES_MAX, constants.O_NOFOLLOW);
  if (bytes === undefined) return { kind: "other", what: "special file" };
  return { kind: "file", mode: found.mode & 0o777, content: bytes.toString("base64") };
}

/**
 * Takes a snapshot of every file and link below a directory. A link in the directory's place is kept as a link, not
 * entered.
 */
export async function snapshotDirectory(path: string, depth = 0): Promise<Map<string, FileSnapshot>> {
  const snapshots = new Map<string, FileSnapshot>();
  const itself = await snapshotFile(path);
  if (itself.kind !== "other" || itself.what !== DIRECTORY || depth === DEPTH_MAX) return snapshots.set(path, itself);
  const names = (await readdir(path)).toSorted();
  if (names.length > DIRECTORY_ENTRIES_MAX)
    return snapshots.set(path, { kind: "other", what: `directory of ${names.length} entries` });
  for (const name of names) {
    for (const [child, file] of await snapshotDirectory(join(path, name), depth + 1)) snapshots.set(child, file);
  }
  return snapshots;
}

export async function restoreFile(path: string, snapshot: FileSnapshot): Promise<void> {
  if (snapshot.kind === "other") {
    if (snapshot.what !== DIRECTORY || (await snapshotFile(path)).kind === "other") return;
    await rm(path, { force: true });
    await mkdir(path, { recursive: true });
    return;
  }
  await rm(path, { recursive: true, force: true });
  if (snapshot.kind === "absent") return;
  await mkdir(dirname(path), { recursive: true });
  if (snapshot.kind === "link") await symlink(snapshot.target, path);
  else await replaceFile(path, Buffer.from(snapshot.content, "base64"), snapshot.mode);
}

export function isSameFile(a: FileSnapshot, b: FileSnapshot): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}

export function textOf(snapshot: FileSnapshot | undefined): string {
  return snapshot?.kind === "file" ? Buffer.from(snapshot.content, "base64").toString("utf8") : "";
}

function ifAbsent(error: unknown): undefined {
  const code = errnoOf(error);
  if (code === "ENOENT" || code === "ENOTDIR") return undefined;
  throw error;
}
