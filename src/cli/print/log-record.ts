// One record of a log (core/logs/log.ts) as a line for people: time, level, message, then the other fields as
// name=value.

import { parseJsonObject } from "../../core/files/json-lines.ts";
import { plainText } from "./plain-text.ts";

const LEVEL_WIDTH = 5;
/** The first three are shown in front; the others are the same in every line of one process. */
const FIELDS_NOT_LISTED = new Set(["ts", "level", "msg", "boot_id", "boot"]);

export function formatLogRecord(line: string): string {
  const record = parseJsonObject(line);
  if (record === undefined) return plainText(line);
  const [time, level, message] = ["ts", "level", "msg"].map((name) => textOf(record[name] ?? "-"));
  const fields = Object.entries(record)
    .filter(([name]) => !FIELDS_NOT_LISTED.has(name))
    .map(([name, value]) => `${name}=${textOf(value)}`);
  return plainText([time, level?.padEnd(LEVEL_WIDTH), message, ...fields].join(" "));
}

function textOf(value: unknown): string {
  return typeof value === "string" && /^\S+$/.test(value) ? value : JSON.stringify(value);
}
