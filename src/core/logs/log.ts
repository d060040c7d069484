// Structured logs: JSON lines with fixed field names, rotated by size with a total cap, redacted by value. One record
// per event, static messages, everything that varies is a field. Field names are listed in docs/operations.md.

import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { type DestinationStream, type Logger, type LoggerOptions, pino } from "pino";

import { LogFile } from "./log-file.ts";
import { PRIVATE_DIRECTORY_MODE } from "../files/paths.ts";
import type { Redactor } from "./redact.ts";

const RECORD_CHARACTERS_MAX = 16_384;
/** A record over the limit keeps so many characters. */
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
  /** Lines go here too, for instance to stdout under systemd; failed writes are ignored, as a pipe may be closed. */
  readonly mirror?: { write(line: string): unknown };
}

export function openLog(options: LogOptions): FileLog {
  mkdirSync(dirname(options.file), { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
  const { file, bytesMax, filesMax } = options;
  const target = new LogFile({
    file,
    bytesMax,
    filesMax,
    droppedLine: (dropped) => recordLine("log.records-dropped", { ...options.fields, dropped }),
  });
  const destination = {
    write(line: string): void {
      const clean = cut(options.redactor.redact(line));
      target.write(clean);
      options.mirror?.write(clean);
    },
  };
  // The logger is made with the first record: a worker is ready before it has one.
  let logger: Logger | undefined;
  return {
    write(level, message, fields = {}): void {
      logger ??= createLogger(options.fields, destination);
      logger[level](fields, message);
    },
    get droppedBytes() {
      return target.droppedBytes;
    },
    [Symbol.asyncDispose]: () => target[Symbol.asyncDispose](),
  };
}

function createLogger(base: LogOptions["fields"], destination: DestinationStream): Logger {
  const settings: LoggerOptions = {
    base,
    messageKey: "msg",
    timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    level: "debug",
  };
  return pino(settings, destination);
}

function cut(line: string): string {
  if (line.length <= RECORD_CHARACTERS_MAX) return line;
  return recordLine("log.record-cut", { characters: line.length, head: line.slice(0, HEAD_CHARACTERS) });
}

function recordLine(message: string, fields: Readonly<Record<string, unknown>>): string {
  return `${JSON.stringify({ level: "warn", ts: new Date().toISOString(), ...fields, msg: message })}\n`;
}
