// One JSON line of a log as a line for people: time, level, message, then the other fields as name=value.

import { parseJsonObject } from "../core/json-lines.ts";
import { plainText } from "./plain-text.ts";

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};
const LEVEL_WIDTH = 5;
/** Of no use to a reader: the same in every line of one process. */
const HIDDEN_FIELDS = new Set(["time", "level", "msg", "pid", "hostname", "v"]);

export function formatLogRecord(line: string): string {
  const record = parseJsonObject(line);
  if (record === undefined) return plainText(line);
  const fields = Object.entries(record)
    .filter(([name]) => !HIDDEN_FIELDS.has(name))
    .map(
      ([name, value]) => `${name}=${typeof value === "string" && !/\s/.test(value) ? value : JSON.stringify(value)}`,
    );
  const message = typeof record["msg"] === "string" ? record["msg"] : "";
  return plainText(
    [timeOf(record["time"]), levelOf(record["level"]).padEnd(LEVEL_WIDTH), message, ...fields].join(" "),
  );
}

function timeOf(time: unknown): string {
  const date = typeof time === "number" || typeof time === "string" ? new Date(time) : undefined;
  return date === undefined || Number.isNaN(date.getTime()) ? "-" : date.toISOString();
}

function levelOf(level: unknown): string {
  if (typeof level === "number") return LEVEL_NAMES[level] ?? `${level}`;
  return typeof level === "string" ? level : "-";
}
