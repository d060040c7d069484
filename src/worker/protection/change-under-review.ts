// Reads what a review is about: the change that a head brings against its base, file by file, and how much of it has
// been approved before. A file stands as approved while its contents before and after are the very ones that were
// approved. A head that only takes in its base, merged by git alone, stands as approved as a whole.

import { createHash } from "node:crypto";

import { fail, ok, type Result } from "../../core/base/result.ts";
import type { ChangedFile } from "../git/changes/change-output.ts";
import type { FileDiff } from "../git/changes/change-reader.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageOutcome } from "../pipeline/stage-outcome.ts";
import type { WorkParts } from "../workbench/commit-and-gate.ts";

/** A change of more files has one digest of all of them. */
const DIGESTS_MAX = 1_000;
const DIGEST_LENGTH = 32;

export interface FileUnderReview extends FileDiff {
  /** There is nothing left of its change to read. */
  readonly isGone?: boolean;
}

export interface ChangeUnderReview {
  readonly sha: string;
  /** Nobody has approved these yet. A file whose approved change is gone again is among them, without a diff. */
  readonly files: readonly FileUnderReview[];
  /** This many files stand as they were approved. */
  readonly approvedFiles: number;
  readonly isApproved: boolean;
  /** They are those of all files of the change. */
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
  const digests = digestsOf(change.value.files);
  const { reviewed } = run.state();
  const merged =
    reviewed === null
      ? ok(false)
      : await reader.isCleanMerge({ head, approved: reviewed.sha, base: base.value }, signal);
  if (!merged.ok) return fail(gitOutcome(merged.failure));
  const before = merged.value ? digests : (reviewed?.files ?? null);
  return ok(underReview({ sha: head, files: diffs.value, digests, before }));
}

/**
 * Reads the base branch as it is by now, because what has been merged from it since is no change of the work branch.
 */
export async function currentBase(
  { context, workspace }: Pick<WorkParts, "context" | "workspace">,
  signal: AbortSignal,
): Promise<Result<string, StageOutcome>> {
  const heads = await workspace.work.fetchHeads([context.baseBranch], signal);
  if (!heads.ok) return fail(gitOutcome(heads.failure));
  return ok(heads.value.get(context.baseBranch) ?? workspace.baseSha);
}

function underReview({
  sha,
  files,
  digests,
  before,
}: {
  readonly sha: string;
  readonly files: readonly FileDiff[];
  readonly digests: Readonly<Record<string, string>>;
  /** They were approved; null when nothing was. */
  readonly before: Readonly<Record<string, string>> | null;
}): ChangeUnderReview {
  const known = before ?? {};
  const isWhole = files.length <= DIGESTS_MAX;
  const pending = isWhole ? files.filter(({ path }) => known[path] !== digests[path]) : files;
  const gone = Object.keys(known)
    .filter((path) => isWhole && !Object.hasOwn(digests, path))
    .map((path) => ({
      path,
      text: "",
      note: "its approved change is gone: the file is as the base has it",
      isGone: true,
    }));
  const isApproved = before !== null && same(before, digests);
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
function digestsOf(files: readonly ChangedFile[]): Readonly<Record<string, string>> {
  const digests = new Map<string, string>();
  for (const { path, oldMode, oldId, newMode, newId } of files) {
    const other = digests.get(path) ?? "";
    digests.set(path, hash([other, oldMode, oldId, newMode, newId].join(" ")));
  }
  if (files.length <= DIGESTS_MAX) return Object.fromEntries(digests);
  return { "": hash([...digests].map(([path, digest]) => `${digest} ${path}\n`).join("")) };
}

function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, DIGEST_LENGTH);
}

function same(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}
