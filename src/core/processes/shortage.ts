// Tells a shortage of the machine (disk, inodes, memory, descriptors, processes) from a fault of ours. A shortage
// passes by itself and says nothing about the program that met it.

import { errnoOf, HydraError, messageOf } from "../base/errors.ts";
import { EXIT_CODES, type ExitCode } from "../base/exit-code.ts";

const ERRNOS = new Set(["ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOMEM", "ENOBUFS", "EAGAIN", "EROFS", "EIO"]);
/** Node's own codes for memory that it did not get. */
const CODES = new Set(["ERR_MEMORY_ALLOCATION_FAILED", "ERR_WORKER_OUT_OF_MEMORY", "ERR_WORKER_INIT_FAILED"]);
/** V8 throws these as plain errors without a code. */
const WORDS = ["Array buffer allocation failed", "could not allocate memory", "Cannot allocate memory"];
/** The last words of a process that could not begin, or that its runtime ended: the loader, libuv and V8 have no
 * codes. */
const LAST_WORDS = [
  "process out of memory",
  "Cannot allocate memory",
  "Resource temporarily unavailable",
  "No space left on device",
  "Disk quota exceeded",
  "Too many open files",
  "cannot open shared object file: Error 23",
];
const CAUSES_MAX = 8;

/** Returns one line with the errno, and the path or call as far as Node says it; null for what is no shortage. */
export function shortageOf(thrown: unknown): string | null {
  for (const error of causesOf(thrown)) {
    const code = errnoOf(error);
    if (code !== undefined && (ERRNOS.has(code) || CODES.has(code))) return lineOf(code, messageOf(error));
    if (WORDS.some((words) => messageOf(error).includes(words))) return lineOf("ENOMEM", messageOf(error));
  }
  return null;
}

/** Returns the exit code of a process that dies of this; a shortage counts more than the failure that it caused. */
export function exitCodeOf(thrown: unknown): ExitCode {
  if (shortageOf(thrown) !== null) return EXIT_CODES.shortage.code;
  return thrown instanceof HydraError ? thrown.exitCode : EXIT_CODES.failure.code;
}

/** Finds the line that names a shortage among the last ones of a process that had no exit code of its own. */
export function shortageIn(lines: readonly string[]): string | null {
  const errnos = [...ERRNOS].map((errno) => `Error: ${errno}: `);
  return lines.findLast((line) => [...LAST_WORDS, ...errnos].some((words) => line.includes(words))) ?? null;
}

/** Lists the error, then its causes; an error thrown while something was closed hides the one thrown before it. */
function causesOf(thrown: unknown): readonly unknown[] {
  const found: unknown[] = [thrown];
  for (let at = 0; at < found.length && found.length < CAUSES_MAX; at += 1) {
    const error = found[at];
    if (!(error instanceof Error)) continue;
    if (error.cause !== undefined) found.push(error.cause);
    if (error instanceof AggregateError) found.push(...(error.errors as unknown[]).slice(0, CAUSES_MAX));
    if (error instanceof SuppressedError) found.push(error.error, error.suppressed);
  }
  return found;
}

function lineOf(code: string, message: string): string {
  return message.includes(code) ? message : `${code}: ${message}`;
}
