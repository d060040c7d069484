// Reads and writes state.json: schema number, revision and checksum inside, the previous good copy beside it as
// state.json.prev.
//
// I1 A damaged file is never overwritten: it is kept as state.json.corrupt-<time>, and the last good copy takes its
//    place.
// I2 A file of a newer version is refused and stays untouched.

import { randomUUID } from "node:crypto";
import { rename } from "node:fs/promises";
import { dirname } from "node:path";

import { checksum } from "../../core/files/checksum.ts";
import type { Clock } from "../../core/base/clock.ts";
import {
  ensurePrivateDirectory,
  readTextIfExists,
  removeTemporaries,
  replaceFile,
} from "../../core/files/durable-file.ts";
import { HydraError, messageOf } from "../../core/base/errors.ts";
import { EXIT_CODES } from "../../core/base/exit-code.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import { z } from "../../core/base/schema.ts";
import { issueStateSchema, type IssueState } from "./issue-state.ts";
import { issueStateSchema1, type WayRead, wayOfColumns } from "./schema-1.ts";

/** Files of schema 1 are read still, and the next write replaces them. */
const SCHEMA = 2;
const FILE_BYTES_MAX = 134_217_728;

export interface StateDocument {
  readonly revision: number;
  readonly instance: string;
  readonly issues: ReadonlyMap<number, IssueState>;
  readonly counters: Readonly<Record<string, number>>;
}

export interface LoadedState {
  readonly document: StateDocument;
  /** The text that the file holds; null when it holds nothing good and must be written first. */
  readonly text: string | null;
  readonly degraded: string | null;
  /** These were read from a former schema in which they were nothing that an issue can be. */
  readonly guessed: readonly Guess[];
}

/** Says how an issue was read whose former fields had no meaning together. */
export interface Guess extends Pick<WayRead, "leftOut"> {
  readonly issue: number;
  readonly readAs: WayRead["way"]["is"];
}

type Loaded = Pick<LoadedState, "document" | "guessed">;

const file = {
  checksum: z.string(),
  revision: z.int().check(z.minimum(0)),
  instance: z.uuid(),
  counters: z.record(z.string(), z.number()),
};
const issueNumber = z.string().check(z.regex(/^[1-9]\d{0,14}$/));
const fileSchema2 = z.strictObject({
  schema: z.literal(SCHEMA),
  ...file,
  issues: z.record(issueNumber, issueStateSchema),
});
const fileSchema1 = z.strictObject({
  schema: z.literal(1),
  ...file,
  issues: z.record(issueNumber, issueStateSchema1),
});
const fileSchema = z.discriminatedUnion("schema", [fileSchema2, fileSchema1]);

/** Reads the newest good copy. Throws STATE_NEWER for a file that a later version wrote (I2). */
export async function loadState(path: string, clock: Clock): Promise<LoadedState> {
  await ensurePrivateDirectory(dirname(path));
  await removeTemporaries(path);
  const current = await readDocument(path);
  if (current.ok && current.value !== null) return { ...current.value, degraded: null };
  const previous = await readDocument(previousOf(path));
  if (current.ok && previous.ok && previous.value === null)
    return { document: newDocument(), guessed: [], text: null, degraded: null };
  const problem = current.ok ? `${path} is missing` : `${path} is damaged (${current.failure})`;
  if (!current.ok) await setAside(path, clock);
  if (previous.ok && previous.value !== null) {
    const { document, guessed } = previous.value;
    return {
      document,
      guessed,
      text: null,
      degraded: `${problem}; went on with the copy of revision ${document.revision}`,
    };
  }
  if (!previous.ok) await setAside(previousOf(path), clock);
  return {
    document: newDocument(),
    guessed: [],
    text: null,
    degraded: `${problem}, and there is no good copy; attempts, answers and counters start anew`,
  };
}

/** The document is on disk when it resolves. `previousText` is what the file holds now; null before the first write. */
export async function saveState(path: string, document: StateDocument, previousText: string | null): Promise<string> {
  const text = encode(document);
  if (Buffer.byteLength(text) > FILE_BYTES_MAX)
    throw new RangeError(`the state would be over the limit of ${FILE_BYTES_MAX} bytes`);
  if (previousText !== null) await replaceFile(previousOf(path), previousText);
  await replaceFile(path, text);
  return text;
}

function newDocument(): StateDocument {
  return { revision: 0, instance: randomUUID(), issues: new Map(), counters: {} };
}

function previousOf(path: string): string {
  return `${path}.prev`;
}

/** I1: keeps a damaged file under another name. */
async function setAside(path: string, clock: Clock): Promise<void> {
  const time = clock.now().toISOString().replace(/[-:.]/g, "");
  await rename(path, `${path}.corrupt-${time}-${randomUUID().slice(0, 4)}`);
}

/** Returns null when there is no file; the failure says in a few words what is wrong with it. */
async function readDocument(path: string): Promise<Result<(Loaded & { text: string }) | null, string>> {
  try {
    const text = await readTextIfExists(path, FILE_BYTES_MAX);
    if (text === undefined) return ok(null);
    const decoded = decode(JSON.parse(text), path);
    return decoded.ok ? ok({ ...decoded.value, text }) : decoded;
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof RangeError) return fail(messageOf(error).slice(0, 200));
    throw error;
  }
}

function decode(value: unknown, path: string): Result<Loaded, string> {
  if (typeof value !== "object" || value === null || !("checksum" in value)) return fail("not a state file");
  if (checksumOf(value) !== value.checksum) return fail("the checksum does not match");
  if ("schema" in value && typeof value.schema === "number" && value.schema > SCHEMA)
    throw newerFile(path, value.schema);
  const parsed = z.safeParse(fileSchema, value);
  if (!parsed.success) return fail("the fields do not match the schema");
  const { revision, instance, counters } = parsed.data;
  const { issues, guessed } = parsed.data.schema === 1 ? upgraded(parsed.data.issues) : ofEntries(parsed.data.issues);
  return ok({ document: { revision, instance, counters, issues }, guessed });
}

interface Issues extends Pick<Loaded, "guessed"> {
  readonly issues: StateDocument["issues"];
}

function ofEntries(entries: z.infer<typeof fileSchema2>["issues"]): Issues {
  const issues = Object.entries(entries).map(([number, state]) => [Number(number), state as IssueState] as const);
  return { issues: new Map(issues), guessed: [] };
}

function upgraded(entries: z.infer<typeof fileSchema1>["issues"]): Issues {
  const issues = new Map<number, IssueState>();
  const guessed: Guess[] = [];
  for (const [number, { facts, columns }] of Object.entries(entries)) {
    const issue = Number(number);
    const { way, isListed, leftOut } = wayOfColumns(columns);
    issues.set(issue, { ...facts, way });
    if (!isListed) guessed.push({ issue, readAs: way.is, leftOut });
  }
  return { issues, guessed };
}

/** I2: makes the refusal of a file that this version must not touch. */
function newerFile(path: string, schema: number): HydraError {
  return new HydraError(
    "STATE_NEWER",
    `${path} was written by a newer version (schema ${schema}, this one reads ${SCHEMA}); start that version, or move the file away`,
    {
      exitCode: EXIT_CODES.badConfig.code,
    },
  );
}

function encode({ revision, instance, counters, issues }: StateDocument): string {
  const content = { schema: SCHEMA, checksum: "", revision, instance, counters, issues: Object.fromEntries(issues) };
  return `${JSON.stringify({ ...content, checksum: checksumOf(content) })}\n`;
}

/** Covers the whole document with an empty checksum, in the order in which the fields stand. */
function checksumOf(document: object): string {
  return checksum(JSON.stringify({ ...document, checksum: "" }));
}
