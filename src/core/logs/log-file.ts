// The file behind a log: opened with the first record, rotated by size, and open again after a failure. A full disk
// costs the records of that time, never the log; how many were dropped is said in the first record that gets through.
// Nothing is buffered without bound.

import { closeSync, constants, fstatSync, openSync, readSync, statSync, unlinkSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { createStream, type RotatingFileStream } from "rotating-file-stream";

import { PRIVATE_FILE_MODE } from "../files/paths.ts";

const BUFFER_BYTES_MAX = 8_388_608;
const REOPEN_AFTER_MS = 1_000;
const NEWLINE = 0x0a;

export interface LogFileOptions {
  readonly file: string;
  readonly bytesMax: number;
  readonly filesMax: number;
  /** The record that says that records are missing. */
  readonly droppedLine: (dropped: number) => string;
}

export class LogFile implements AsyncDisposable {
  readonly #options: LogFileOptions;
  #stream: RotatingFileStream | null = null;
  #openAtMs = 0;
  #dropped = 0;
  #droppedBytes = 0;

  constructor(options: LogFileOptions) {
    this.#options = options;
  }

  /** Counts the records lost so far that no written record names. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Counts the bytes of all records that were ever lost. */
  get droppedBytes(): number {
    return this.#droppedBytes;
  }

  write(line: string): void {
    const stream = this.#current();
    if (stream === null || stream.writableLength > BUFFER_BYTES_MAX) {
      this.#drop(line);
      return;
    }
    if (this.#dropped > 0) this.#emitDropped(stream, this.#dropped);
    stream.write(line, (error) => {
      if (error) this.#drop(line);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const stream = this.#stream;
    if (stream !== null) await new Promise<void>((resolve) => stream.end(() => resolve()));
  }

  #drop(line: string): void {
    this.#dropped += 1;
    this.#droppedBytes += Buffer.byteLength(line);
  }

  #emitDropped(stream: RotatingFileStream, dropped: number): void {
    this.#dropped = 0;
    stream.write(this.#options.droppedLine(dropped), (error) => {
      if (error) this.#dropped += dropped;
    });
  }

  #current(): RotatingFileStream | null {
    if (this.#stream === null && performance.now() >= this.#openAtMs) this.#stream = this.#open();
    return this.#stream;
  }

  /** A stream that failed once is destroyed by Node and takes nothing more, so a new one takes its place. */
  #open(): RotatingFileStream {
    const { file, bytesMax, filesMax } = this.#options;
    // The library always keeps two files: where only one is allowed, they share what it may take.
    const size = filesMax === 1 ? Math.ceil(bytesMax / 2) : bytesMax;
    removeSurplus(file, Math.max(2, filesMax));
    makeRoom(file);
    const stream = createStream((index) => (typeof index === "number" ? rotatedName(file, index) : basename(file)), {
      path: dirname(file),
      size: `${size}B`,
      rotate: Math.max(1, filesMax - 1),
      mode: PRIVATE_FILE_MODE,
    });
    // A record that a full disk or a kill cut off stays, and the next one gets a line of its own.
    if (isTorn(file)) stream.write("\n");
    stream.on("error", () => {
      if (this.#stream !== stream) return;
      this.#stream = null;
      this.#openAtMs = performance.now() + REOPEN_AFTER_MS;
    });
    return stream;
  }
}

/** Removes what an earlier start with more files has left; a gap in their numbers is the end of them. */
function removeSurplus(file: string, filesMax: number): void {
  try {
    for (let index = filesMax; ; index += 1) unlinkSync(join(dirname(file), rotatedName(file, index)));
  } catch {
    // None is left, or the disk refuses; the next start tries again.
  }
}

/** Removes what is no file: a pipe would hold whoever opens it until somebody reads from it. */
function makeRoom(file: string): void {
  try {
    if (statSync(file, { throwIfNoEntry: false })?.isFIFO() === true) unlinkSync(file);
  } catch {
    // Opening the file says what is wrong.
  }
}

/** True when the file has bytes and the last one ends no line. */
function isTorn(file: string): boolean {
  try {
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      const last = Buffer.alloc(1);
      return readSync(descriptor, last, 0, 1, fstatSync(descriptor).size - 1) === 1 && last[0] !== NEWLINE;
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false;
  }
}

/** `worker.log` → `worker.1.log`: the name ends in `.log`, so that a pattern for logs also finds the older ones. */
function rotatedName(file: string, index: number): string {
  return basename(file).replace(/(\.[^.]*)?$/, `.${index}$1`);
}
