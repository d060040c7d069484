// Adopts files of the first implementation. Its workers shared one flat data root: they could not say whose state.json
// it was, and copying it gave one repository's state to every other one. Here one worker moves it, under a kernel lock,
// into `<data root>/legacy/`; a marker says who. Formats differ, so only the record of runs is read, whose format is
// the same.
//
// I1 The files are adopted once, by one owner.
// I2 Nothing is lost: files are moved, not rewritten, and the same owner finishes a move that was cut short.

import { closeSync, constants, openSync, readdirSync, readSync, statSync } from "node:fs";
import { rename } from "node:fs/promises";
import { join } from "node:path";

import type { Clock } from "../../core/base/clock.ts";
import {
  ensurePrivateDirectory,
  exists,
  readTextIfExists,
  replaceFile,
  syncDirectory,
} from "../../core/files/durable-file.ts";
import { errnoOf, HydraError } from "../../core/base/errors.ts";
import { EXIT_CODES } from "../../core/base/exit-code.ts";
import { parseJsonObject } from "../../core/files/json-lines.ts";
import { takeKernelLock } from "../../core/files/kernel-lock.ts";
import { isSameRepository } from "../../core/domain/repository-name.ts";
import { z } from "../../core/base/schema.ts";

const LOCK_WAIT_MS = 10_000;
const FILE_BYTES_MAX = 268_435_456;

const MARKER = "legacy-adopted.json";
const LOCK = "legacy-adoption.lock";
/** Directories of the flat layout. `logs` is not among them: the supervisor's own logs lie there. */
const DIRECTORIES = ["plans", "memory", "runs", "metrics", "manifest", "cache", "verification"];
const FILES = ["state.json", "events.jsonl", "sessions.jsonl", "config.json"];

/** Files of ours begin like this; a file that begins otherwise is read as a whole. */
const OURS: Readonly<Record<string, RegExp>> = {
  "state.json": /^\{"schema":\d+,"checksum":/,
  "events.jsonl": /^\{"_seq":\d+,"_crc":/,
  "sessions.jsonl": /^\{[^\n]*"boot":/,
};
const HEAD_BYTES = 1_024;

const markerSchema = z.object({ slug: z.string() });

export interface LegacyLayoutOptions {
  /** The data root that workers of the first implementation shared; it is the parent of ours. */
  readonly sharedHome: string;
  readonly dataRoot: string;
  readonly slug: string;
  /** The repository as `owner/name`. */
  readonly repo: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

export interface LegacyAdoption {
  /** The paths of the files that were moved this time, in their new place. */
  readonly moved: readonly string[];
}

/** Call it before anything in the data root is opened. Throws LEGACY_LOCKED when another worker adopts for too long. */
export async function adoptLegacyLayout(options: LegacyLayoutOptions): Promise<LegacyAdoption> {
  const { dataRoot, slug } = options;
  const nested = namesIn(dataRoot).filter((name) => name.toLowerCase() === slug);
  const moved: string[] = [];
  for (const source of [dataRoot, ...nested.map((name) => join(dataRoot, name))])
    moved.push(...(await adoptFrom(source, FILES, options)));
  moved.push(...(await adoptShared(options)));
  await carrySessions(options);
  return { moved };
}

async function adoptShared(options: LegacyLayoutOptions): Promise<string[]> {
  const { sharedHome, clock, signal } = options;
  if (!(await hasFlatLayout(sharedHome)) || !(await mayAdopt(options))) return [];
  const lock = await takeKernelLock(join(sharedHome, LOCK), LOCK_WAIT_MS, (ms) => clock.sleep(ms, signal));
  if (!lock.ok) {
    throw new HydraError(
      "LEGACY_LOCKED",
      `another worker has been adopting ${sharedHome} for ${LOCK_WAIT_MS} ms; start again`,
      { exitCode: EXIT_CODES.tryAgain.code },
    );
  }
  using _ = lock.value;
  if (!(await mayAdopt(options))) return [];
  // I2: the marker comes first. When the process ends between two moves, the same owner finishes and nobody else
  // starts.
  await replaceFile(
    join(sharedHome, MARKER),
    `${JSON.stringify({ slug: options.slug, repo: options.repo, at: clock.now().toISOString() })}\n`,
  );
  return await adoptFrom(sharedHome, [...FILES, ...DIRECTORIES], options);
}

/**
 * State, events or runs in their format are the sign: a home without them is no flat data root, whatever else lies
 * there.
 */
async function hasFlatLayout(home: string): Promise<boolean> {
  return (
    (await exists(join(home, MARKER))) ||
    (await Promise.all(FILES.slice(0, 3).map((name) => isLegacy(home, name)))).includes(true)
  );
}

/** I1: the first worker to come adopts, unless the files themselves name another repository. */
async function mayAdopt({ sharedHome, slug, repo }: LegacyLayoutOptions): Promise<boolean> {
  const marker = z.safeParse(markerSchema, parseJsonObject(await readText(join(sharedHome, MARKER))));
  if (marker.success) return marker.data.slug === slug;
  const named = await repositoriesIn(sharedHome);
  return named.length === 0 || named.some((name) => isSameRepository(name, repo));
}

async function repositoriesIn(home: string): Promise<string[]> {
  const sessions = await readLines(join(home, "sessions.jsonl"));
  const config = (await isLegacy(home, "config.json"))
    ? parseJsonObject(await readText(join(home, "config.json")))
    : undefined;
  return [...sessions, config].map((record) => record?.["repo"]).filter((name) => typeof name === "string");
}

async function adoptFrom(source: string, names: readonly string[], options: LegacyLayoutOptions): Promise<string[]> {
  const target = join(options.dataRoot, "legacy");
  const moved: string[] = [];
  for (const name of names) {
    if (!(await isLegacy(source, name))) continue;
    await ensurePrivateDirectory(target);
    const to = await freePath(target, name);
    await rename(join(source, name), to);
    moved.push(to);
  }
  if (moved.length > 0) await Promise.all([syncDirectory(source), syncDirectory(target)]);
  return moved;
}

/** A file of ours is never taken for one of theirs: ours carry a schema, a checksum or a boot. */
async function isLegacy(home: string, name: string): Promise<boolean> {
  const path = join(home, name);
  const head = readHead(path);
  if (head === undefined) return false;
  if (DIRECTORIES.includes(name)) return true;
  if (OURS[name]?.test(head) === true) return false;
  const record = name.endsWith(".jsonl")
    ? (await readLines(path)).find((line) => line !== undefined)
    : parseJsonObject(await readText(path));
  if (record === undefined) return false;
  switch (name) {
    case "state.json":
      return !("checksum" in record) && Object.keys(record).some((key) => key.includes("_"));
    case "events.jsonl":
      return !("_crc" in record) && "type" in record;
    case "sessions.jsonl":
      return !("boot" in record) && "started_at" in record;
    default:
      // Settings of ours are written in camel case, so one with an underscore tells the formats apart.
      return Object.keys(record).some((key) => key.includes("_"));
  }
}

/** The runs of this repository have the same format and go on in our own record. */
async function carrySessions({ dataRoot, repo, slug }: LegacyLayoutOptions): Promise<void> {
  const target = join(dataRoot, "sessions.jsonl");
  if (await exists(target)) return;
  const files = namesIn(join(dataRoot, "legacy")).filter((name) => name.startsWith("sessions.jsonl"));
  const records = (await Promise.all(files.map((name) => readLines(join(dataRoot, "legacy", name))))).flat();
  const ours = records.filter(
    (record) => record !== undefined && typeof record["repo"] === "string" && isSameRepository(record["repo"], repo),
  );
  if (ours.length > 0)
    await replaceFile(
      target,
      ours.map((record) => `${JSON.stringify({ ...record, repo: slug, boot: null })}\n`).join(""),
    );
}

/** Returns an empty text for a directory, undefined where there is nothing. */
function readHead(path: string): string | undefined {
  let file: number | undefined;
  try {
    if (statSync(path).isDirectory()) return "";
    file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const head = Buffer.alloc(HEAD_BYTES);
    return head.toString("latin1", 0, readSync(file, head));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw error;
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

async function freePath(directory: string, name: string): Promise<string> {
  const taken = new Set(namesIn(directory));
  for (let index = 0; ; index += 1) {
    const candidate = index === 0 ? name : `${name}.${index}`;
    if (!taken.has(candidate)) return join(directory, candidate);
  }
}

function namesIn(directory: string): string[] {
  return statSync(directory, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(directory);
}

async function readLines(path: string): Promise<(Record<string, unknown> | undefined)[]> {
  return (await readText(path))
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => parseJsonObject(line));
}

async function readText(path: string): Promise<string> {
  return (await readTextIfExists(path, FILE_BYTES_MAX)) ?? "";
}
