// Keeps process groups on record while they live. The successor of a killed worker ends them, also where no process
// shows its environment, or where one has thrown it away. A record names the group's leader by pid and start time, so
// that nobody else is ever hit, and carries the marks of the worker, so that nobody ends what another one leads.

import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { readTextIfExists } from "../files/durable-file.ts";
import { errnoOf } from "../base/errors.ts";
import { parseJsonObject } from "../files/json-lines.ts";
import { PRIVATE_DIRECTORY_MODE, PRIVATE_FILE_MODE } from "../files/paths.ts";
import { killTree, type Marker, type ProcessIdentity } from "./process-tree.ts";
import { z } from "../base/schema.ts";

const RECORD_BYTES_MAX = 4_096;
/** Many more than a worker has; agents may write here too. */
const RECORDS_MAX = 1_000;
const NEVER = new AbortController().signal;

const recordSchema = z.object({ pid: z.int(), startTime: z.string(), marks: z.record(z.string(), z.string()) });

/** Keeps the record until it is disposed of. The file is not synced: no process outlives a power cut. */
export function recordGroup(
  directory: string,
  { pid, startTime }: ProcessIdentity,
  marks: Readonly<Record<string, string>>,
): Disposable {
  // The file is not named by the pid: the next group may have the same one before this record is removed.
  const file = join(directory, `${randomUUID()}.json`);
  try {
    mkdirSync(directory, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    writeFileSync(file, JSON.stringify({ pid, startTime, marks }), { mode: PRIVATE_FILE_MODE });
  } catch {
    // The disk may be full, for instance; the marks and the service manager are left then.
  }
  return { [Symbol.dispose]: () => removeFile(file) };
}

/** Ends every group on record there that carries the mark and whose leader still lives. */
export async function endRecordedGroups(directory: string, marker: Marker): Promise<void> {
  for (const name of namesIn(directory).slice(0, RECORDS_MAX)) {
    const file = join(directory, name);
    const text = await readTextIfExists(file, RECORD_BYTES_MAX).catch(() => undefined);
    const record = z.safeParse(recordSchema, parseJsonObject(text ?? ""));
    if (!record.success || record.data.marks[marker.name] !== marker.value) continue;
    await killTree({ identity: record.data, graceMs: 0 }, NEVER);
    removeFile(file);
  }
}

/** Reads synchronously: there is rarely a record, and a respawn waits for the answer. */
function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

function removeFile(file: string): void {
  try {
    unlinkSync(file);
  } catch {
    // A record that stays is harmless: whoever reads it finds another start time, or nobody.
  }
}
