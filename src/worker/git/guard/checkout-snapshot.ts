// Takes snapshots of what git obeys inside larger files and below other directories: packed replace refs, and the
// configuration of each submodule that the operator has initialised.

import { open, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { readTextIfExists } from "../../../core/files/durable-file.ts";
import { snapshotFile, type FileSnapshot, textOf } from "./file-snapshot.ts";

const PACKED_BYTES_MAX = 256 * 1_048_576;
const SUBMODULES_MAX = 200;
const SUBMODULE_FILES = ["config", "config.worktree", "info/attributes"];

/** The lines of packed-refs that name replace refs are kept as one file, which is absent when there is none. */
export async function snapshotReplaceLines(packedRefs: string): Promise<FileSnapshot> {
  const lines = (await linesOf(packedRefs).catch(() => [])).filter(isReplaceLine);
  if (lines.length === 0) return { kind: "absent" };
  return { kind: "file", mode: 0o644, content: Buffer.from(lines.join("\n")).toString("base64") };
}

/**
 * Takes lines away that `snapshot` has not. It holds git's own lock meanwhile, so that a git that packs refs at this
 * moment loses nothing; it throws when somebody else holds the lock.
 */
export async function restoreReplaceLines(packedRefs: string, snapshot: FileSnapshot): Promise<void> {
  const lock = `${packedRefs}.lock`;
  const file = await open(lock, "wx");
  try {
    const known = new Set(textOf(snapshot).split("\n"));
    const lines = await linesOf(packedRefs);
    const isPlanted = (line = "") => isReplaceLine(line) && !known.has(line);
    // A line that begins with `^` belongs to the one before it.
    const left = lines.filter((line, index) => !isPlanted(line.startsWith("^") ? lines[index - 1] : line));
    await file.writeFile(left.join("\n"));
    await file.sync();
    await file.close();
    await rename(lock, packedRefs);
  } catch (error) {
    await file.close().catch(() => undefined);
    await rm(lock, { force: true });
    throw error;
  }
}

/** Looks below `modules/`, where a submodule's name may have slashes. A submodule set up later is not watched. */
export async function snapshotSubmodules(commonDirectory: string): Promise<Record<string, FileSnapshot>> {
  const snapshots: Record<string, FileSnapshot> = {};
  const directories = [join(commonDirectory, "modules")];
  for (let seen = 0; directories.length > 0 && seen < SUBMODULES_MAX; seen += 1) {
    const directory = directories.shift() ?? "";
    const entries = await readdir(directory, { withFileTypes: true }).catch(() => []);
    if (entries.some(({ name }) => name === "HEAD")) {
      for (const name of SUBMODULE_FILES) snapshots[join(directory, name)] = await snapshotFile(join(directory, name));
      directories.push(join(directory, "modules"));
    } else {
      directories.push(...entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(directory, name)));
    }
  }
  return snapshots;
}

async function linesOf(packedRefs: string): Promise<string[]> {
  return ((await readTextIfExists(packedRefs, PACKED_BYTES_MAX)) ?? "").split("\n");
}

function isReplaceLine(line: string): boolean {
  return / refs\/replace\//.test(line);
}
