// Structured logs: JSON lines with fixed field names, rotated by size with a total cap, redacted by value. One record
// per event, static messages, everything that varies is a field. Field names are listed in docs/operations.md.

import { mkdirSync } from "node:fs";
import { basename, dirname } from "node:path";
import { pino } from "pino";
import { createStream } from "rotating-file-stream";

import { PRIVATE_DIRECTORY_MODE, PRIVATE_FILE_MODE } from "./paths.ts";
import type { Redactor } from "./redact.ts";

const RECORD_CHARACTERS_MAX = 16_384;

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface Log extends AsyncDisposable {
  /** `message` is static text, an event's type; ids and numbers go into `fields`. */
  write(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

export interface LogOptions {
  readonly file: string;
  readonly bytesMax: number;
  readonly filesMax: number;
  readonly redactor: Redactor;
  /** Fields of every record, for instance `{ repo, generation }`. */
  readonly fields: Readonly<Record<string, unknown>>;
  /** Also written to, for instance stdout under systemd. Write errors there are ignored: a closed pipe must not end us. */
  readonly mirror?: { write(line: string): unknown };
}

export function openLog(options: LogOptions): Log {
  mkdirSync(dirname(options.file), { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
  const stream = createStream((index) => (typeof index === "number" ? rotatedName(options.file, index) : basename(options.file)), {
    path: dirname(options.file),
    size: `${options.bytesMax}B`,
    rotate: Math.max(1, options.filesMax - 1),
    mode: PRIVATE_FILE_MODE,
  });
  // A full disk must not end the process: the record is lost, the next one is tried again.
  stream.on("error", () => undefined);
  const destination = {
    write(line: string): void {
      const clean = cut(options.redactor.redact(line));
      stream.write(clean);
      options.mirror?.write(clean);
    },
  };
  const logger = pino(
    {
      base: options.fields,
      messageKey: "msg",
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      level: "debug",
    },
    destination,
  );
  return {
    write: (level, message, fields = {}) => logger[level](fields, message),
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => stream.end(() => resolve())),
  };
}

/** `worker.log` → `worker.1.log`: ends in `.log`, so that a pattern for the current file also finds the older ones. */
function rotatedName(file: string, index: number): string {
  return basename(file).replace(/(\.[^.]*)?$/, `.${index}$1`);
}

function cut(line: string): string {
  if (line.length <= RECORD_CHARACTERS_MAX) return line;
  return `${JSON.stringify({ level: "warn", ts: new Date().toISOString(), msg: "log.record-cut", characters: line.length, head: line.slice(0, 2_048) })}\n`;
}
