// Keeps what a worker prints outside its own log: the last words of one that crashes. Each repository has one file,
// bounded at each start and while the worker lives. A worker that was killed has no last words; its log has the last
// lines.

import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  lstatSync,
  openSync,
  readSync,
  renameSync,
  statSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";

import { ensurePrivateDirectory } from "../../core/files/durable-file.ts";
import { errnoOf } from "../../core/base/errors.ts";
import { openPlainFile } from "../../core/files/plain-file.ts";

const FILE = join("logs", "worker.stderr.log");
/** What earlier workers printed goes here when a process takes over that prints into a file of its own. */
const PREVIOUS_FILE = join("logs", "worker.stderr.previous.log");
const LOG_FILE = "worker.log";
const FILE_BYTES_MAX = 1_048_576;
const TAIL_BYTES = 16_384;
const TAIL_LINES = 20;
const LINE_CHARACTERS_MAX = 400;
/** A raw line is cut here before what is no text in it is taken out. */
const RAW_LINE_CHARACTERS_MAX = 2_000;
/** Agents are the same user as we are: a pipe in place of a file would hold the supervisor for ever, a link would lead
 * elsewhere. */
const SAFELY = constants.O_NONBLOCK | constants.O_NOFOLLOW;

export class WorkerOutput {
  readonly #path: string;
  /** This worker's output begins at this byte. */
  readonly #from: number;

  readonly #spawnedAt = new Date().toISOString();

  private constructor(path: string, from: number) {
    this.#path = path;
    this.#from = from;
  }

  /** The open file goes to the child as stdout and stderr; the caller closes its own end. */
  static async open(dataRoot: string): Promise<{ output: WorkerOutput; file: number }> {
    const path = join(dataRoot, FILE);
    const file = await inMadeDirectory(path, () => openOutput(path));
    try {
      const { size } = fstatSync(file);
      if (size > FILE_BYTES_MAX) ftruncateSync(file);
      return { output: new WorkerOutput(path, size > FILE_BYTES_MAX ? 0 : size), file };
    } catch (error) {
      closeSync(file);
      throw error;
    }
  }

  /** Takes over the file of a process that prints into one of its own already. */
  static async adopt(dataRoot: string, from: string): Promise<WorkerOutput> {
    const path = join(dataRoot, FILE);
    await inMadeDirectory(path, () => {
      if (statSync(path, { throwIfNoEntry: false }) !== undefined) renameSync(path, join(dataRoot, PREVIOUS_FILE));
      renameSync(from, path);
    });
    return new WorkerOutput(path, 0);
  }

  /** Bounds the file; the child appends, so a cut file goes on at its new end. Each heartbeat does this, so it does not
   * use the thread pool. */
  bound(): void {
    let file: number | undefined;
    try {
      const found = lstatSync(this.#path);
      if (!found.isFile() || found.size <= FILE_BYTES_MAX) return;
      file = openSync(this.#path, constants.O_WRONLY | SAFELY);
      ftruncateSync(file);
    } catch {
      // The file may be gone, for instance; the next worker makes it again.
    } finally {
      if (file !== undefined) closeSync(file);
    }
  }

  /** The last lines that this worker printed, oldest first. */
  tail(): readonly string[] {
    return readLines(this.#path, this.#from, () => true);
  }

  /** The last lines that this worker logged, oldest first. */
  logTail(): readonly string[] {
    const isOurs = (line: string): boolean => (/"ts":"([^"]+)"/.exec(line)?.[1] ?? "") >= this.#spawnedAt;
    return readLines(join(dirname(this.#path), LOG_FILE), 0, isOurs);
  }
}

/** Opens a file to append to. */
export function openOutput(path: string): number {
  return openPlainFile(path, constants.O_APPEND);
}

/** Reads the last wanted lines of the file behind `from`; none where it cannot be read. A respawn waits for it. */
function readLines(path: string, from: number, isWanted: (line: string) => boolean): readonly string[] {
  let file: number | undefined;
  try {
    file = openSync(path, constants.O_RDONLY | SAFELY);
    const found = fstatSync(file);
    if (!found.isFile()) return [];
    const { size } = found;
    const buffer = Buffer.alloc(TAIL_BYTES);
    const bytes = readSync(file, buffer, 0, TAIL_BYTES, Math.max(size < from ? 0 : from, size - TAIL_BYTES));
    const lines = buffer.toString("utf8", 0, bytes).split("\n");
    const wanted = lines.filter((line) => line.trim() !== "" && isWanted(line)).slice(-TAIL_LINES);
    return wanted.map(plainText);
  } catch {
    return [];
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

/** The directory is there from the second spawn on, and a respawn should not wait for a look. */
async function inMadeDirectory<T>(path: string, act: () => T): Promise<T> {
  try {
    return act();
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    await ensurePrivateDirectory(dirname(path));
    return act();
  }
}

/** Finds the line that names the error, which people look for: stack and version lines come behind it. */
export function errorLine(lines: readonly string[]): string | undefined {
  return lines.findLast((line) => /error|cannot|failed/i.test(line) && !/^\s+at /.test(line)) ?? lines.at(-1);
}

function plainText(line: string): string {
  return stripVTControlCharacters(line.slice(0, RAW_LINE_CHARACTERS_MAX))
    .replace(/\p{Cc}/gu, " ")
    .slice(0, LINE_CHARACTERS_MAX);
}
