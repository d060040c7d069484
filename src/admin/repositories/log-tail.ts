// Reads the end of a log file, and follows it over rotation by rename. Only whole lines are passed on. Nothing is
// buffered beyond one block: the reader's pace is the pace, and a position in the file is all that is remembered.

import { constants, type Stats } from "node:fs";
import { type FileHandle, open, stat } from "node:fs/promises";

import type { Clock } from "../../core/base/clock.ts";
import { errnoOf } from "../../core/base/errors.ts";
import type { ByteSource } from "./pull-stream.ts";

/** The block is longer than any record: one without a newline is no log line and may be passed on in pieces. */
export const BLOCK_BYTES = 65_536;
const FOLLOW_POLL_MS = 200;

const NEWLINE = 0x0a;

export interface LogTailOptions {
  readonly file: string;
  readonly lines: number;
  readonly follow: boolean;
  readonly clock: Clock;
}

/** Reads to the end of the file, or with `follow` until the signal aborts. A file that does not exist is empty. */
export async function* tailLog(options: LogTailOptions, signal: AbortSignal): ByteSource {
  let handle = await openIfExists(options.file);
  try {
    let position = handle === undefined ? 0 : await startOfLastLines(handle, options.lines);
    while (!signal.aborted) {
      // This is asked before reading: what the file got until it was replaced is read below, before the new one is
      // opened.
      const replaced = await replacementOf(options.file, handle);
      for (let block = await readLines(handle, position); block.length > 0; block = await readLines(handle, position)) {
        position += block.length;
        yield block;
      }
      if (!options.follow) return;
      if (replaced) {
        await handle?.close();
        handle = await openIfExists(options.file);
        position = 0;
      } else {
        if (await isShorter(handle, position)) position = 0;
        await options.clock.sleep(FOLLOW_POLL_MS, signal).catch(() => undefined);
      }
    }
  } finally {
    await handle?.close();
  }
}

/** Finds the offset at which the last `count` lines begin, by reading blocks backwards. */
async function startOfLastLines(handle: FileHandle, count: number): Promise<number> {
  const { size } = await handle.stat();
  const block = Buffer.alloc(BLOCK_BYTES);
  let newlines = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(0, end - BLOCK_BYTES);
    const { bytesRead } = await handle.read(block, 0, end - start, start);
    for (let at = bytesRead - 1; at >= 0; at -= 1) {
      if (block[at] !== NEWLINE) continue;
      newlines += 1;
      // The first newline found ends the last line, so one more than `count` stands before the first wanted line.
      if (newlines > count) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** Reads one block from `position` on, cut after its last newline; empty when no whole line is there yet. */
async function readLines(handle: FileHandle | undefined, position: number): Promise<Uint8Array<ArrayBuffer>> {
  if (handle === undefined) return new Uint8Array();
  const block = new Uint8Array(BLOCK_BYTES);
  const { bytesRead } = await handle.read(block, 0, BLOCK_BYTES, position);
  const end = block.subarray(0, bytesRead).lastIndexOf(NEWLINE);
  if (end === -1 && bytesRead < BLOCK_BYTES) return new Uint8Array();
  return block.subarray(0, end === -1 ? bytesRead : end + 1);
}

/** True when the path now names another file than the open one. While the path names none, the open one is kept. */
async function replacementOf(file: string, handle: FileHandle | undefined): Promise<boolean> {
  const current = await statIfExists(file);
  if (current === undefined) return false;
  const opened = await handle?.stat();
  return opened === undefined || opened.ino !== current.ino || opened.dev !== current.dev;
}

async function isShorter(handle: FileHandle | undefined, position: number): Promise<boolean> {
  return handle !== undefined && (await handle.stat()).size < position;
}

/** Opens the file, never through a symbolic link, and never blocked by a pipe that someone put there. */
async function openIfExists(file: string): Promise<FileHandle | undefined> {
  return undefinedIfAbsent(open(file, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK));
}

async function statIfExists(file: string): Promise<Stats | undefined> {
  return undefinedIfAbsent(stat(file));
}

async function undefinedIfAbsent<T>(pending: Promise<T>): Promise<T | undefined> {
  try {
    return await pending;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  }
}
