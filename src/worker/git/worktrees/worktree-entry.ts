// Does by hand what git's commands about worktrees do. Each of these reads the entries of all worktrees, and gives up
// at one whose file `commondir` is empty or cannot be read: a power cut tore it, or somebody's git writes it just now.
// The entry is the operator's, so it is left, and our own worktrees are worked with beside it.

import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import { nothingUnlessShort, readPointer } from "../../../core/checkout/git-directory.ts";
import { errnoOf, messageOf } from "../../../core/base/errors.ts";
import { exists, replaceFile } from "../../../core/files/durable-file.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { issueOfName } from "../command/branch-name.ts";
import type { Git, GitCall } from "../command/git.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";
import { openWorktreeRoot } from "./worktree-directory.ts";

const NO_ANSWER = [1, 128];
const IDS_MAX = 100;
export const INITIALIZING = "initializing";
const BRANCHES = "refs/heads/";

export interface WorktreeEntry {
  readonly path: string;
  /** The head is null in a worktree whose branch has no commit, and in a bare repository. */
  readonly head: string | null;
  /** The branch's name without `refs/heads/`; null when HEAD is detached. */
  readonly branch: string | null;
  /** Git keeps a worktree locked with the reason `initializing` until it is complete. */
  readonly isHalfMade: boolean;
  /** The worktree's directory is gone, or its entry is torn. */
  readonly isPrunable: boolean;
}

export interface EntryPlace {
  readonly git: Git;
  readonly commonDirectory: string;
}

/** Reads the entries as `git worktree list` does, and those that it gives up at. */
export async function readEntries(
  place: EntryPlace,
  signal: AbortSignal,
): Promise<Result<WorktreeEntry[], GitFailure>> {
  const { commonDirectory } = place;
  const main = await headOf(place, commonDirectory, signal);
  if (!main.ok) return main;
  const path = basename(commonDirectory) === ".git" ? dirname(commonDirectory) : commonDirectory;
  const entries: WorktreeEntry[] = [{ path, ...main.value, isHalfMade: false, isPrunable: false }];
  for (const { directory, worktree } of await linkedEntries(commonDirectory)) {
    const isTorn = (await readPointer(join(directory, "commondir"))).trim() === "";
    const head = isTorn
      ? ok({ head: null, branch: await writtenBranch(directory) })
      : await headOf(place, directory, signal);
    if (!head.ok) return head;
    const locked = (await exists(join(directory, "locked"))) ? await readPointer(join(directory, "locked")) : null;
    const isPrunable = isTorn || (locked === null && !(await exists(join(worktree, ".git"))));
    entries.push({ path: worktree, ...head.value, isHalfMade: locked?.trim() === INITIALIZING, isPrunable });
  }
  return ok(entries);
}

/** Makes a worktree with a detached HEAD at `head`, a full object name. Nothing stands at `path`, which is absolute. */
export async function addWorktree(
  place: EntryPlace,
  { path, head }: { readonly path: string; readonly head: string },
  signal: AbortSignal,
): Promise<Result<unknown, GitFailure>> {
  const { git, commonDirectory } = place;
  const call = { directory: commonDirectory, variables: { GIT_DIR: commonDirectory } };
  const added = await git.run(
    { ...call, arguments: ["worktree", "add", "--quiet", "--detach", "--", path, head] },
    signal,
  );
  if (added.ok || !(await isHindered(place, added.failure, signal))) return added;
  // A reftable's worktree has its own tables, which git alone knows how to make.
  if (await exists(join(commonDirectory, "reftable")))
    return fail({ ...added.failure, kind: "locked", retryable: true });
  try {
    return await addByHand(place, { path, head }, signal);
  } catch (error) {
    signal.throwIfAborted();
    return fail(gitFailure("failed", messageOf(error)));
  }
}

/** Removes git's entry of the worktree at `path`, whose directory is gone. */
export async function removeWorktree(
  place: EntryPlace,
  path: string,
  signal: AbortSignal,
): Promise<Result<unknown, GitFailure>> {
  const { git, commonDirectory } = place;
  const call = { directory: commonDirectory, variables: { GIT_DIR: commonDirectory } };
  const removed = await git.run(
    { ...call, arguments: ["worktree", "remove", "--force", "--force", "--", path] },
    signal,
  );
  if (removed.ok || !(await isHindered(place, removed.failure, signal))) return removed;
  const own = (await linkedEntries(commonDirectory)).filter(({ worktree }) => worktree === path);
  for (const { directory } of own) await rm(directory, { recursive: true, force: true });
  return own.length > 0 ? ok() : removed;
}

/**
 * Removes the entries of worktrees of ours that a power cut has torn; nobody can use them any more. `root` is the
 * directory that holds our worktrees, and entries of others are left.
 */
export async function removeTornEntries({
  commonDirectory,
  root,
}: {
  readonly commonDirectory: string;
  readonly root: string;
}): Promise<Result<undefined, GitFailure>> {
  const opened = await openWorktreeRoot(root);
  if (!opened.ok) return opened;
  const linked = join(commonDirectory, "worktrees");
  for (const name of (await readdir(linked).catch(nothingUnlessShort)) ?? []) {
    const entry = join(linked, name);
    const common = await stat(join(entry, "commondir")).catch(nothingUnlessShort);
    if (issueOfName(name) === null || common?.size !== 0) continue;
    const worktree = (await readPointer(join(entry, "gitdir"))).trim();
    const isOurs = worktree === "" || dirname(dirname(resolve(entry, worktree))) === opened.value;
    if (isOurs) await rm(entry, { recursive: true, force: true });
  }
  return ok();
}

/** Says whether git fails at the entries of worktrees as such, whatever it is asked about them. */
async function isHindered(
  { git, commonDirectory }: EntryPlace,
  { kind }: GitFailure,
  signal: AbortSignal,
): Promise<boolean> {
  if (kind !== "failed") return false;
  const call = { directory: commonDirectory, variables: { GIT_DIR: commonDirectory } };
  const listed = await git.run({ ...call, arguments: ["worktree", "list", "--porcelain"] }, signal);
  return !listed.ok && listed.failure.kind === "failed";
}

/** Writes what `git worktree add` writes, in its order (gitrepository-layout(5)); no file is ever seen half written. */
async function addByHand(
  { git, commonDirectory }: EntryPlace,
  { path, head }: { readonly path: string; readonly head: string },
  signal: AbortSignal,
): Promise<Result<unknown, GitFailure>> {
  const entry = await takeEntry(commonDirectory, basename(path));
  const pointer = join(path, ".git");
  await replaceFile(join(entry, "locked"), `${INITIALIZING}\n`);
  await replaceFile(join(entry, "commondir"), "../..\n");
  await replaceFile(join(entry, "HEAD"), `${head}\n`);
  await replaceFile(join(entry, "gitdir"), `${pointer}\n`);
  await mkdir(path);
  await replaceFile(pointer, `gitdir: ${entry}\n`);
  const variables = { GIT_DIR: entry, GIT_COMMON_DIR: commonDirectory, GIT_WORK_TREE: path };
  const call: GitCall = { directory: path, arguments: ["reset", "--quiet", "--hard", head, "--"], variables };
  const filled = await git.run(call, signal);
  if (filled.ok) await rm(join(entry, "locked"), { force: true });
  return filled;
}

/** Makes the directory under the first name that is free, as git does. */
async function takeEntry(commonDirectory: string, name: string): Promise<string> {
  const linked = join(commonDirectory, "worktrees");
  await mkdir(linked, { recursive: true });
  for (let count = 0; ; count += 1) {
    const entry = join(linked, count === 0 ? name : `${name}${count}`);
    try {
      await mkdir(entry);
      return entry;
    } catch (error) {
      if (errnoOf(error) !== "EEXIST" || count === IDS_MAX) throw error;
    }
  }
}

/** Lists the entries that say where their worktree is. */
async function linkedEntries(commonDirectory: string): Promise<{ directory: string; worktree: string }[]> {
  const linked = join(commonDirectory, "worktrees");
  const names = (await readdir(linked).catch(nothingUnlessShort)) ?? [];
  const found = names.map(async (name) => {
    const directory = join(linked, name);
    const pointer = (await readPointer(join(directory, "gitdir"))).trim();
    return pointer === "" ? [] : [{ directory, worktree: dirname(resolve(directory, pointer)) }];
  });
  return (await Promise.all(found)).flat();
}

async function headOf(
  { git }: EntryPlace,
  directory: string,
  signal: AbortSignal,
): Promise<Result<Pick<WorktreeEntry, "head" | "branch">, GitFailure>> {
  const call = { directory, variables: { GIT_DIR: directory }, answers: NO_ANSWER };
  const named = await git.run({ ...call, arguments: ["symbolic-ref", "--quiet", "HEAD"] }, signal);
  if (!named.ok) return named;
  const read = await git.run({ ...call, arguments: ["rev-parse", "--quiet", "--verify", "HEAD"] }, signal);
  if (!read.ok) return read;
  const head = read.value.exitCode === 0 ? read.value.stdout.trim() : null;
  return ok({ head, branch: named.value.exitCode === 0 ? withoutArea(named.value.stdout) : null });
}

/** The operator may mend the entry, so the branch that its HEAD names stays theirs. */
async function writtenBranch(directory: string): Promise<string | null> {
  const text = await readPointer(join(directory, "HEAD"));
  return text.startsWith("ref: ") ? withoutArea(text.slice("ref: ".length)) : null;
}

function withoutArea(ref: string): string {
  const name = ref.trim();
  return name.startsWith(BRANCHES) ? name.slice(BRANCHES.length) : name;
}
