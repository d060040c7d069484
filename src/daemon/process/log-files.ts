// Lists the files of one log directory, and prunes one of them. No link is followed, neither to a directory nor to a
// file. A process may rename its rotated logs at any moment: such a file is emptied and keeps its name, so that no
// rename misses it, and it is opened first and then looked at, so that it is never another file than the one meant.

import { constants } from "node:fs";
import { lstat, open, readdir, rmdir, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import { errnoOf } from "../../core/base/errors.ts";

const ISSUE_DIRECTORY = /^issue-(\d+)$/;
const TRANSCRIPT = /^[a-z]+-\d+\.jsonl$/;
const ROTATED = /^(?:worker|supervisor)\.\d+\.log$/;

export interface LogFileFound {
  readonly path: string;
  /** A file of the kind `other` is never pruned: it is a current log, or none of ours. */
  readonly kind: "rotated" | "transcript" | "other";
  /** The issue of a transcript; null for logs. */
  readonly issue: number | null;
  readonly bytes: number;
  readonly changedMs: number;
  readonly inode: number;
}

/** Looks at one file at a time: a look is never in a hurry, and everything else shares the pool of threads. */
export async function* listLogFiles(directory: string): AsyncGenerator<LogFileFound> {
  if ((await lstat(directory).catch(ignoreMissing))?.isDirectory() !== true) return;
  for (const entry of await entriesOf(directory)) {
    const issue = ISSUE_DIRECTORY.exec(entry.name)?.[1];
    if (entry.isFile()) yield* found(join(directory, entry.name), ROTATED.test(entry.name) ? "rotated" : "other", null);
    else if (entry.isDirectory() && issue !== undefined)
      yield* listTranscripts(join(directory, entry.name), Number(issue));
  }
}

async function* listTranscripts(directory: string, issue: number): AsyncGenerator<LogFileFound> {
  for (const entry of await entriesOf(directory)) {
    if (entry.isFile())
      yield* found(join(directory, entry.name), TRANSCRIPT.test(entry.name) ? "transcript" : "other", issue);
  }
}

/** Resolves with false when the file is gone, or is another one by now. Throws the system's error. */
export async function pruneLogFile(file: LogFileFound): Promise<boolean> {
  try {
    return file.kind === "transcript" ? await removeTranscript(file) : await emptyRotated(file);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "ELOOP") return false;
    throw error;
  }
}

async function removeTranscript(file: LogFileFound): Promise<boolean> {
  if (!isStill(file, await lstat(file.path))) return false;
  await unlink(file.path);
  // `rmdir` removes an empty directory only.
  await rmdir(dirname(file.path)).catch(() => undefined);
  return true;
}

async function emptyRotated(file: LogFileFound): Promise<boolean> {
  await using handle = await open(file.path, constants.O_WRONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  if (!isStill(file, await handle.stat())) return false;
  await handle.truncate(0);
  return true;
}

function isStill(file: LogFileFound, now: { ino: number; mtimeMs: number }): boolean {
  return now.ino === file.inode && now.mtimeMs === file.changedMs;
}

async function* found(path: string, kind: LogFileFound["kind"], issue: number | null): AsyncGenerator<LogFileFound> {
  const stats = await lstat(path).catch(ignoreMissing);
  if (stats?.isFile() === true)
    yield { path, kind, issue, bytes: stats.size, changedMs: stats.mtimeMs, inode: stats.ino };
}

async function entriesOf(directory: string) {
  return (await readdir(directory, { withFileTypes: true }).catch(ignoreMissing)) ?? [];
}

function ignoreMissing(error: unknown): undefined {
  if (errnoOf(error) !== "ENOENT") throw error;
}
