// Puts the tree of the next commit together from the worktree's files, in an index of our own. It takes only files that
// differ from what a checkout of the parent writes: a file that git calls "modified" in a fresh worktree (old line
// endings, filters) was changed by nobody. All names are byte paths.

import { lstat, mkdir, open, rm } from "node:fs/promises";

import { PRIVATE_DIRECTORY_MODE } from "../../../core/files/paths.ts";
import { ok, type Result } from "../../../core/base/result.ts";
import type { BranchRecord } from "../worktrees/branch-record.ts";
import { fieldsOf, fileAt } from "../command/byte-path.ts";
import type { GitCall, GitOutput } from "../command/git.ts";
import type { GitFailure } from "../command/git-failure.ts";
import type { WorktreeGit } from "../worktrees/worktree-git.ts";

/** `ls-files` prints some 100 bytes a file. */
const LIST_BYTES_MAX = 128 * 1_048_576;
const COMPARE_BYTES = 65_536;
const SUBMODULE = "160000";

export interface StagingParts {
  readonly git: WorktreeGit;
  readonly path: string;
  readonly record: BranchRecord;
}

interface IndexEntry {
  readonly mode: string;
  readonly object: string;
}

/**
 * Returns the tree that a commit of the worktree has now, and leaves it in the record's next index; null when nothing
 * differs.
 */
export async function stageTree(parts: StagingParts, signal: AbortSignal): Promise<Result<string | null, GitFailure>> {
  const prepared = await prepareIndex(parts, signal);
  if (!prepared.ok) return prepared;
  await parts.record.beginNextIndex();
  const before = await entriesOf(parts, parts.record.index, signal);
  if (!before.ok) return before;
  const added = await addAll(parts, before.value, signal);
  if (!added.ok) return added;
  const changed = await restoreUntouched(parts, before.value, signal);
  if (!changed.ok) return changed;
  // A conflict that was settled by keeping our side changes no file, and yet the merge is to be committed.
  if (!changed.value && parts.record.state?.pending?.kind !== "merge") return ok(null);
  const written = await inNextIndex(parts, ["write-tree"], signal);
  return written.ok ? ok(written.value.stdout.trim()) : written;
}

/** Makes sure that the index holds the head, or the half done merge, and keeps what it knows of the files' times. */
async function prepareIndex({ git, record }: StagingParts, signal: AbortSignal): Promise<Result<unknown, GitFailure>> {
  if (record.state === null || record.state.pending?.kind === "merge") return ok();
  const { head } = record.state;
  const read = await git.run(["read-tree", "--reset", head], signal);
  if (read.ok || read.failure.kind === "locked") return read;
  // The index is missing, or a power cut has left a part of it.
  await record.dropIndex();
  return git.run(["read-tree", "--reset", head], signal);
}

/**
 * Leaves submodules and repositories inside the worktree as the parent has them: `git add` would run git in each of
 * them, under that repository's own configuration and without our overrides.
 */
async function addAll(
  parts: StagingParts,
  before: ReadonlyMap<string, IndexEntry>,
  signal: AbortSignal,
): Promise<Result<unknown, GitFailure>> {
  const listed = await inNextIndex(parts, ["ls-files", "--others", "--exclude-standard", "-z"], signal);
  if (!listed.ok) return listed;
  const nested = fieldsOf(listed.value.stdout).flatMap((path) => (path.endsWith("/") ? [path.slice(0, -1)] : []));
  for (const [path, { mode }] of before)
    if (mode === SUBMODULE && (await isDirectory(fileAt(parts.path, path)))) nested.push(path);
  const pathspecs = [":/", ...nested.map((path) => `:(top,exclude,literal)${path}`)].join("\0");
  const command = ["add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul"];
  return inNextIndex(parts, command, signal, { input: pathspecs });
}

async function restoreUntouched(
  parts: StagingParts,
  before: ReadonlyMap<string, IndexEntry>,
  signal: AbortSignal,
): Promise<Result<boolean, GitFailure>> {
  const after = await entriesOf(parts, parts.record.nextIndex, signal);
  if (!after.ok) return after;
  const changed = [...after.value].filter(([path, { mode, object }]) => {
    const was = before.get(path);
    return was === undefined || was.object !== object || was.mode !== mode;
  });
  const deleted = [...before.keys()].some((path) => !after.value.has(path));
  const candidates = changed.filter(([path, { mode, object }]) => {
    const was = before.get(path);
    return was !== undefined && was.object !== object && isRegular(was.mode) && isRegular(mode);
  });
  if (candidates.length === 0) return ok(deleted || changed.length > 0);
  const { scratch } = parts.record;
  await rm(scratch, { recursive: true, force: true });
  await mkdir(scratch, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
  try {
    const paths = candidates.map(([path]) => path);
    const written = await checkOut(parts, paths, signal);
    if (!written.ok) return written;
    const lines: string[] = [];
    let left = changed.length;
    for (const [path, { mode }] of candidates) {
      if (!(await haveSameBytes(fileAt(scratch, path), fileAt(parts.path, path)))) continue;
      lines.push(`${mode} ${before.get(path)?.object} 0\t${path}\0`);
      if (before.get(path)?.mode === mode) left -= 1;
    }
    if (lines.length === 0) return ok(true);
    const restored = await inNextIndex(parts, ["update-index", "-z", "--index-info"], signal, {
      input: lines.join(""),
    });
    return restored.ok ? ok(deleted || left > 0) : restored;
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** Writes the parent's files as a checkout would, by the parent's attributes, into the scratch directory. */
function checkOut(
  { git, record }: StagingParts,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Result<unknown, GitFailure>> {
  return git.run(["checkout-index", "--force", "--quiet", "-z", "--stdin"], signal, {
    directory: record.scratch,
    variables: { GIT_WORK_TREE: record.scratch },
    input: paths.map((path) => `${path}\0`).join(""),
    encoding: "latin1",
    // A file that a filter of the repository cannot write just now has nothing to be compared with, and counts as
    // changed.
    answers: [1, 128],
  });
}

/** Lists the entries without a conflict. */
async function entriesOf(
  { git }: StagingParts,
  index: string,
  signal: AbortSignal,
): Promise<Result<ReadonlyMap<string, IndexEntry>, GitFailure>> {
  const listed = await git.run(["ls-files", "--stage", "-z"], signal, {
    variables: { GIT_INDEX_FILE: index },
    encoding: "latin1",
    outputBytesMax: LIST_BYTES_MAX,
  });
  if (!listed.ok) return listed;
  const entries = new Map<string, IndexEntry>();
  for (const row of fieldsOf(listed.value.stdout)) {
    const tab = row.indexOf("\t");
    const [mode = "", object = "", stage] = row.slice(0, tab).split(" ");
    if (stage === "0") entries.set(row.slice(tab + 1), { mode, object });
  }
  return ok(entries);
}

function inNextIndex(
  { git, record }: StagingParts,
  gitArguments: readonly string[],
  signal: AbortSignal,
  more: Partial<GitCall> = {},
): Promise<Result<GitOutput, GitFailure>> {
  const variables = { GIT_INDEX_FILE: record.nextIndex };
  return git.run(gitArguments, signal, { encoding: "latin1", outputBytesMax: LIST_BYTES_MAX, variables, ...more });
}

function isRegular(mode: string): boolean {
  return mode.startsWith("100");
}

async function isDirectory(path: Buffer): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

async function haveSameBytes(one: Buffer, other: Buffer): Promise<boolean> {
  const [a, b] = await Promise.all([lstat(one), lstat(other)].map((found) => found.catch(() => undefined)));
  if (a?.isFile() !== true || b?.isFile() !== true || a.size !== b.size) return false;
  await using left = await open(one);
  await using right = await open(other);
  const [first, second] = [Buffer.alloc(COMPARE_BYTES), Buffer.alloc(COMPARE_BYTES)];
  for (let position = 0; position < a.size; ) {
    const { bytesRead } = await left.read(first, 0, COMPARE_BYTES, position);
    await right.read(second, 0, bytesRead, position);
    if (bytesRead === 0 || !first.subarray(0, bytesRead).equals(second.subarray(0, bytesRead))) return false;
    position += bytesRead;
  }
  return true;
}
