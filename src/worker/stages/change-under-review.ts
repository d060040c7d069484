// What a review is about: the change that a head brings against its base, file by file, and how much of it has been
// approved before. A digest names a file's change whatever stands around it, so that a base that moved on takes nothing
// of an approval away.

import { createHash } from "node:crypto";

import { fail, ok, type Result } from "../../core/result.ts";
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
  { run, workspace }: WorkParts,
  sha: string,
  signal: AbortSignal,
): Promise<Result<ChangeUnderReview, StageOutcome>> {
  const diff = await workspace.work.diff(workspace.baseSha, signal);
  if (!diff.ok) return fail(gitOutcome(diff.failure));
  const files = diff.value.text
    .split(/^(?=diff --git )/m)
    .filter((text) => text !== "")
    .map((text) => ({ path: /^diff --git a\/(.*) b\//.exec(text)?.[1] ?? "", text, note: null }));
  return ok(changeUnderReview(sha, files, run.state().reviewed));
}

export function changeUnderReview(
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
    .map((path) => ({ path, text: "", note: "its approved change is gone: the file is as the base has it" }));
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

function digestsOf(files: readonly FileUnderReview[]): Readonly<Record<string, string>> {
  const each = files.map((file) => [file.path, digestOf(file)] as const);
  if (each.length <= DIGESTS_MAX) return Object.fromEntries(each);
  return { "": hash(each.map(([path, digest]) => `${digest} ${path}\n`).join("")) };
}

/** Line numbers and the ids of whole blobs change with what stands around a change, not with the change. */
function digestOf({ path, text, note }: FileUnderReview): string {
  const lines = text
    .split("\n")
    .filter((line) => !line.startsWith("index "))
    .map((line) => (line.startsWith("@@ ") ? "@@" : line));
  return hash(JSON.stringify([path, note, lines]));
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, DIGEST_LENGTH);
}

function same(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
