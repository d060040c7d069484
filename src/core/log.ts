// Structured logs: JSON lines with fixed field names, rotated by size with a total cap, redacted by value. One record
// per event, static messages, everything that varies is a field. Field names are listed in docs/operations.md.

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";

import { LogFile } from "./log-file.ts";
import { PRIVATE_DIRECTORY_MODE } from "./paths.ts";
import type { Redactor } from "./redact.ts";

const RECORD_CHARACTERS_MAX = 16_384;
/** What is kept of a record over the limit. */
const HEAD_CHARACTERS = 2_048;

export type LogLevel = "debug" | "info" | "warn" | "error";

export interface Log extends AsyncDisposable {
  /** `message` is static text, an event's type; ids and numbers go into `fields`. */
  write(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A log of this process's own; `droppedBytes` is what the disk did not take since its start. */
export interface FileLog extends Log {
  readonly droppedBytes: number;
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

export function openLog(options: LogOptions): FileLog {
  mkdirSync(dirname(options.file), { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
  const { file, bytesMax, filesMax } = options;
  const target = new LogFile({
    file,
    bytesMax,
    filesMax,
    droppedLine: (dropped) => recordLine("warn", "log.records-dropped", { ...options.fields, dropped }),
  });
  return {
    write(level, message, fields): void {
      const line = recordLine(level, message, { ...options.fields, ...fields });
      const clean = cut(options.redactor.redact(line));
      target.write(clean);
      options.mirror?.write(clean);
    },
    get droppedBytes() {
      return target.droppedBytes;
    },
    [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
  };
}

function cut(line: string): string {
  if (line.length <= RECORD_CHARACTERS_MAX) return line;
  return recordLine("warn", "log.record-cut", { characters: line.length, head: line.slice(0, HEAD_CHARACTERS) });
}

function recordLine(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): string {
  const record = (some: object): string =>
    `${JSON.stringify({ level, ts: new Date().toISOString(), ...some, msg: message })}\n`;
  try {
    return record(fields);
  } catch {
    // A bug of the caller's, which must not cost the record: what JSON cannot hold is named, not shown.
    return record(Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, kindOrValue(value)])));
  }
}

function kindOrValue(value: unknown): unknown {
  return typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? value
    : Object.prototype.toString.call(value);
}
