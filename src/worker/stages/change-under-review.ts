// What a review is about: the change that a head brings against its base, file by file, and how much of it has been
// approved before. A digest names a file's change whatever stands around it, so that a base that moved on takes nothing
// of an approval away.

import { createHash } from "node:crypto";

import { fail, ok, type Result } from "../../core/result.ts";
import type { ChangedFile } from "../git/change-output.ts";
import type { Reviewed } from "../issue-state.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageOutcome } from "../pipeline/stage-outcome.ts";
import type { WorkParts } from "./finish-work.ts";

/** More files than this are named by one digest of all of them. */
const DIGESTS_MAX = 1_000;
const DIGEST_LENGTH = 32;

export interface FileUnderReview {
  readonly path: string;
  /** Its diff. */
  readonly text: string;
  readonly note: string | null;
  /** Names its contents before and after, where the diff does not show them. */
  readonly objects?: string;
  /** There is nothing of it left to be read. */
  readonly isGone?: boolean;
}

export interface ChangeUnderReview {
  readonly sha: string;
  /** What nobody has approved yet; a file whose approved change is gone again is among them, without a diff. */
  readonly files: readonly FileUnderReview[];
  /** How many files stand as they were approved. */
  readonly approvedFiles: number;
  readonly isApproved: boolean;
  /** Of all files of the change. */
  readonly paths: readonly string[];
  readonly digests: Readonly<Record<string, string>>;
}

export async function readChange(
  { context, run, workspace }: WorkParts,
  head: string,
  signal: AbortSignal,
): Promise<Result<ChangeUnderReview, StageOutcome>> {
  const base = await currentBase({ context, workspace }, signal);
  if (!base.ok) return base;
  const reader = workspace.work.changes;
  const change = await reader.readChange({ base: base.value, head }, signal);
  if (!change.ok) return fail(gitOutcome(change.failure));
  const diffs = await reader.readDiff(change.value, signal);
  if (!diffs.ok) return fail(gitOutcome(diffs.failure));
  const files = diffs.value.map((diff, index) => ({ ...diff, objects: objectsOf(change.value.files[index]) }));
  return ok(changeUnderReview(head, files, run.state().reviewed));
}

/** The base branch as it is by now: what has been merged from it since is no change of the work branch. */
export async function currentBase(
  { context, workspace }: Pick<WorkParts, "context" | "workspace">,
  signal: AbortSignal,
): Promise<Result<string, StageOutcome>> {
  const heads = await workspace.work.fetchHeads([context.baseBranch], signal);
  if (!heads.ok) return fail(gitOutcome(heads.failure));
  return ok(heads.value.get(context.baseBranch) ?? workspace.baseSha);
}

function changeUnderReview(
  sha: string,
  files: readonly FileUnderReview[],
  reviewed: Reviewed | null,
): ChangeUnderReview {
  const digests = digestsOf(files);
  const before = reviewed?.files ?? {};
  const isWhole = files.length <= DIGESTS_MAX;
  const pending = isWhole ? files.filter(({ path }) => before[path] !== digests[path]) : files;
  const gone = Object.keys(before)
    .filter((path) => isWhole && !Object.hasOwn(digests, path))
    .map((path) => ({
      path,
      text: "",
      note: "its approved change is gone: the file is as the base has it",
      isGone: true,
    }));
  const isApproved = reviewed !== null && same(before, digests);
  return {
    sha,
    paths: files.map(({ path }) => path),
    files: isApproved ? [] : [...pending, ...gone],
    approvedFiles: files.length - pending.length,
    isApproved,
    digests,
  };
}

/** Names that are no text may look alike; such files have one digest together. */
function digestsOf(files: readonly FileUnderReview[]): Readonly<Record<string, string>> {
  const digests = new Map<string, string>();
  for (const file of files) {
    const other = digests.get(file.path);
    const digest = digestOf(file);
    digests.set(file.path, other === undefined ? digest : hash(`${other} ${digest}`));
  }
  if (files.length <= DIGESTS_MAX) return Object.fromEntries(digests);
  return { "": hash([...digests].map(([path, digest]) => `${digest} ${path}\n`).join("")) };
}

/** Line numbers and the ids of whole blobs change with what stands around a change, not with the change. */
function digestOf({ path, text, note, objects }: FileUnderReview): string {
  const lines = text
    .split("\n")
    .filter((line) => !line.startsWith("index "))
    .map((line) => (line.startsWith("@@ ") ? "@@" : line));
  return hash(JSON.stringify(note === null ? [path, lines] : [path, note, objects ?? ""]));
}

function objectsOf(file: ChangedFile | undefined): string {
  return [file?.oldMode, file?.oldId, file?.newMode, file?.newId].join(" ");
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, DIGEST_LENGTH);
}

function same(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
