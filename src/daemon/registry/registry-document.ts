// The content of supervisor-state.json: its schema and its checksum. A document that does not check out is never half
// believed.

import { crc32 } from "node:zlib";

import { parseJsonObject } from "../../core/files/json-lines.ts";
import { isSlug } from "../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import { z } from "../../core/base/schema.ts";

const REGISTRY_SCHEMA = 2;
/** So many slugs of removed repositories are remembered: their data stays, so nobody else may get the name. */
export const RETIRED_MAX = 1_000;

const exitSchema = z.strictObject({
  code: z.nullable(z.int()),
  signal: z.nullable(z.string()),
  at: z.string(),
  reason: z.string(),
  last_lines: z.readonly(z.array(z.string())),
});

const repoRecordSchema = z.strictObject({
  path: z.string(),
  slug: z.string(),
  /** The first implementation reads these three; the truth is in memory, and a port in a file is a hint. */
  port: z.int(),
  dashboard_url: z.string(),
  log_file: z.string(),
  /** `owner/name`. */
  repo: z.string(),
  /** True when the operator named it; then the origin remote may say anything. */
  repo_slug: z.boolean(),
  desired: z.enum(["running", "stopped"]),
  /** `isFinal` says that it was tried again already, and is tried once a day from then on; the file keeps that first
   * name. */
  quarantine: z.nullable(
    z.strictObject({ reason: z.string(), at: z.string(), isFinal: z.boolean(), exit: z.nullable(exitSchema) }),
  ),
  added_at: z.string(),
});

const documentSchema = z.strictObject({
  schema: z.literal(REGISTRY_SCHEMA),
  revision: z.int(),
  /** The daemon's doors and process, as of its last start; 0 when it stopped. */
  port: z.int(),
  httpPort: z.int(),
  pid: z.int(),
  repos: z.array(repoRecordSchema),
  retired: z.array(z.strictObject({ slug: z.string(), repo: z.string() })),
});

const firstEntrySchema = z.object({
  path: z.string(),
  slug: z.string(),
  port: z._default(z.int(), 0),
});

export type RepoRecord = Readonly<z.infer<typeof repoRecordSchema>>;
/** An entry as the first implementation wrote it. */
export type FirstEntry = Readonly<z.infer<typeof firstEntrySchema>>;

export interface RegistryDocument extends Omit<Readonly<z.infer<typeof documentSchema>>, "repos" | "retired"> {
  readonly repos: readonly RepoRecord[];
  readonly retired: readonly { readonly slug: string; readonly repo: string }[];
}

export type DocumentFailure =
  | { readonly kind: "damaged"; readonly reason: string }
  | { readonly kind: "newer"; readonly schema: number }
  | { readonly kind: "older"; readonly document: RegistryDocument }
  | { readonly kind: "first-implementation"; readonly entries: readonly FirstEntry[] };

export const EMPTY_DOCUMENT: RegistryDocument = {
  schema: REGISTRY_SCHEMA,
  revision: 0,
  port: 0,
  httpPort: 0,
  pid: 0,
  repos: [],
  retired: [],
};

export function encodeDocument(document: RegistryDocument): string {
  const { schema, revision, ...rest } = document;
  const checksum = checksumOf({ schema, revision, ...rest });
  return `${JSON.stringify({ schema, revision, checksum, ...rest }, null, 2)}\n`;
}

export function decodeDocument(text: string): Result<RegistryDocument, DocumentFailure> {
  const raw = parseJsonObject(text);
  if (raw === undefined) return fail({ kind: "damaged", reason: "it is not one JSON object" });
  const { checksum, ...body } = raw;
  const isUnsigned = checksum === undefined && body["revision"] === undefined;
  if (isUnsigned && body["schema"] === undefined && Array.isArray(body["repos"]))
    return firstImplementation(body["repos"]);
  // A checksum that fits our own schema tells a damaged number from a newer version's file.
  const isOurs = checksum === checksumOf({ ...body, schema: REGISTRY_SCHEMA });
  if (typeof body["schema"] === "number" && body["schema"] > REGISTRY_SCHEMA && !isOurs) {
    return fail({ kind: "newer", schema: body["schema"] });
  }
  if (checksum !== checksumOf(body)) return fail({ kind: "damaged", reason: "its checksum does not match" });
  const isOlder = body["schema"] === 1;
  const parsed = z.safeParse(documentSchema, isOlder ? migrateFrom1(body) : body);
  if (!parsed.success) return fail({ kind: "damaged", reason: "it does not follow the schema" });
  const problem = problemOf(parsed.data);
  if (problem !== undefined) return fail({ kind: "damaged", reason: problem });
  return isOlder ? fail({ kind: "older", document: parsed.data }) : ok(parsed.data);
}

/** Schema 1 knew only reason and time of a quarantine. */
function migrateFrom1(body: Record<string, unknown>): object {
  const repos = Array.isArray(body["repos"]) ? body["repos"] : [];
  const migrated = repos.map((raw: unknown) => {
    const repo = z.safeParse(z.looseObject({ quarantine: z.nullable(z.looseObject({})) }), raw);
    if (!repo.success || repo.data.quarantine === null) return raw;
    return { ...repo.data, quarantine: { ...repo.data.quarantine, isFinal: false, exit: null } };
  });
  return { ...body, schema: REGISTRY_SCHEMA, repos: migrated };
}

function firstImplementation(raw: readonly unknown[]): Result<never, DocumentFailure> {
  const parsed = raw.map((entry) => z.safeParse(firstEntrySchema, entry));
  return fail({
    kind: "first-implementation",
    entries: parsed.flatMap((entry) => (entry.success ? [entry.data] : [])),
  });
}

/** Checks what the schema cannot say: slugs and paths are unique, and a slug is safe as a file name. */
function problemOf(document: RegistryDocument): string | undefined {
  const slugs = new Set(document.repos.map(({ slug }) => slug));
  const paths = new Set(document.repos.map(({ path }) => path));
  if (slugs.size < document.repos.length) return "two entries have one slug";
  if (paths.size < document.repos.length) return "two entries have one path";
  if (![...slugs].every(isSlug)) return "a slug is not valid";
  return undefined;
}

function checksumOf(body: object): string {
  return crc32(JSON.stringify(body)).toString(16).padStart(8, "0");
}
