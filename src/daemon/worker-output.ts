// What a worker prints outside its own log: the last words of one that crashes. One file per repository, bounded at each
// start and while the worker lives.

import { type FileHandle, open, stat, truncate } from "node:fs/promises";
import { dirname, join } from "node:path";
import { stripVTControlCharacters } from "node:util";

import { ensurePrivateDirectory } from "../core/durable-file.ts";
import { PRIVATE_FILE_MODE } from "../core/paths.ts";

const FILE_BYTES_MAX = 1_048_576;
const TAIL_BYTES = 16_384;
const TAIL_LINES = 20;
const LINE_CHARACTERS_MAX = 400;

export class WorkerOutput {
  readonly #path: string;
  /** Where this birth's output begins. */
  readonly #from: number;

  private constructor(path: string, from: number) {
    this.#path = path;
    this.#from = from;
  }

  /** The open file goes to the child as stdout and stderr; the caller closes its own end. */
  static async open(dataRoot: string): Promise<{ output: WorkerOutput; file: FileHandle }> {
    const path = join(dataRoot, "logs", "worker.stderr.log");
    await ensurePrivateDirectory(dirname(path));
    const file = await open(path, "a", PRIVATE_FILE_MODE);
    try {
      const { size } = await file.stat();
      if (size > FILE_BYTES_MAX) await file.truncate(0);
      return { output: new WorkerOutput(path, size > FILE_BYTES_MAX ? 0 : size), file };
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** The child appends, so a cut file goes on at its new end. */
  async bound(): Promise<void> {
    const { size } = await stat(this.#path);
    if (size > FILE_BYTES_MAX) await truncate(this.#path, 0);
  }

  /** The last lines of this birth, oldest first. */
  async tail(): Promise<readonly string[]> {
    const file = await open(this.#path, "r").catch(() => undefined);
    if (file === undefined) return [];
    try {
      const { size } = await file.stat();
      const from = Math.max(size < this.#from ? 0 : this.#from, size - TAIL_BYTES);
      const { bytesRead, buffer } = await file.read(Buffer.alloc(TAIL_BYTES), 0, TAIL_BYTES, from);
      const lines = buffer.toString("utf8", 0, bytesRead).split("\n").map(plainText);
      return lines.filter((line) => line.trim() !== "").slice(-TAIL_LINES);
    } finally {
      await file.close();
    }
  }
}

/** The line that names the error, as people look for it: behind it come stack and version lines. */
export function tellingLine(lines: readonly string[]): string | undefined {
  return lines.findLast((line) => /error|cannot|failed/i.test(line) && !/^\s+at /.test(line)) ?? lines.at(-1);
}

function plainText(line: string): string {
  return stripVTControlCharacters(line)
    .replace(/\p{Cc}/gu, " ")
    .slice(0, LINE_CHARACTERS_MAX);
}
