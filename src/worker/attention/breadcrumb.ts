// Says which issue's text this process is about to read, in a way that outlives SIGKILL: a few bytes in a file that was
// opened once, overwritten without a wait. A process that stands still cannot say anything any more; its successor
// reads the bytes.

import { closeSync, constants, openSync, readSync, writeSync } from "node:fs";

import { openPlainFile } from "../../core/files/plain-file.ts";

/** The length never changes: a full disk still takes bytes that overwrite others. */
const CHARACTERS = 40;

export interface Crumb {
  readonly issue: number;
  readonly atMs: number;
}

export class Breadcrumb implements Disposable {
  /** The file is null where it cannot be opened; then no successor will know. */
  readonly #file: number | null;

  constructor(path: string) {
    this.#file = opened(path);
  }

  /** `issue` is null when the next text belongs to no single one. */
  drop(issue: number | null): void {
    if (this.#file === null) return;
    try {
      writeSync(this.#file, `${issue ?? 0} ${Date.now()}`.padEnd(CHARACTERS), 0);
    } catch {
      // The work goes on without the crumb.
    }
  }

  [Symbol.dispose](): void {
    if (this.#file !== null) closeSync(this.#file);
  }
}

/** Reads what the process before has left; null when it was not reading a text of a single issue. */
export function readCrumb(path: string): Crumb | null {
  let file: number | null = null;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
    const bytes = Buffer.alloc(CHARACTERS);
    const text = bytes.toString("utf8", 0, readSync(file, bytes, 0, CHARACTERS, 0));
    const [issue, atMs] = text.trim().split(" ").map(Number);
    if (!Number.isSafeInteger(issue) || !Number.isSafeInteger(atMs)) return null;
    return issue === undefined || atMs === undefined || issue < 1 ? null : { issue, atMs };
  } catch {
    return null;
  } finally {
    if (file !== null) closeSync(file);
  }
}

function opened(path: string): number | null {
  try {
    return openPlainFile(path, constants.O_TRUNC);
  } catch {
    return null;
  }
}
