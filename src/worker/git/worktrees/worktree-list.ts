// Reads the worktrees of a checkout from `git worktree list --porcelain -z` (git-worktree(1)): NUL ends each attribute,
// an empty attribute each entry. It also says which of them holds a branch, for nobody else may then move or delete
// that branch.

import { readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import { nothingUnlessShort, readPointer } from "../../../core/checkout/git-directory.ts";
import { ok, type Result } from "../../../core/base/result.ts";
import { issueOfName } from "../command/branch-name.ts";
import type { Git } from "../command/git.ts";
import type { GitFailure } from "../command/git-failure.ts";
import { openWorktreeRoot } from "./worktree-directory.ts";
import { INITIALIZING, readEntries, type WorktreeEntry } from "./worktree-entry.ts";

export interface IssueWorktree extends WorktreeEntry {
  readonly issue: number;
}

const NO_COMMIT = /^0+$/;
/** Git notes here which branch it puts back at the end of a rebase or a bisection; HEAD is detached meanwhile. */
const IN_PROGRESS = ["rebase-merge/head-name", "rebase-apply/head-name", "BISECT_START"];

/** Lists all worktrees of the repository with this git directory, the operator's own included. */
export async function listWorktrees(
  git: Git,
  commonDirectory: string,
  signal: AbortSignal,
): Promise<Result<WorktreeEntry[], GitFailure>> {
  const listed = await git.run(
    {
      directory: commonDirectory,
      arguments: ["worktree", "list", "--porcelain", "-z"],
      variables: { GIT_DIR: commonDirectory },
    },
    signal,
  );
  if (listed.ok) return ok(parseWorktreeList(listed.value.stdout));
  return listed.failure.kind === "failed" ? readEntries({ git, commonDirectory }, signal) : listed;
}

/** Lists those worktrees that stand in `root` and are named after an issue. */
export async function listIssueWorktrees(
  { git, commonDirectory, root }: { git: Git; commonDirectory: string; root: string },
  signal: AbortSignal,
): Promise<Result<readonly IssueWorktree[], GitFailure>> {
  const opened = await openWorktreeRoot(root);
  if (!opened.ok) return opened;
  const listed = await listWorktrees(git, commonDirectory, signal);
  if (!listed.ok) return listed;
  return ok(
    listed.value.flatMap((entry) => {
      const issue = issueOfName(basename(entry.path));
      return issue !== null && dirname(entry.path) === opened.value ? [{ ...entry, issue }] : [];
    }),
  );
}

/**
 * Returns the worktree, other than `own`, that has the branch checked out or will come back to it; null when there is
 * none.
 */
export async function holderOf(
  branch: string,
  { entries, commonDirectory, own }: { entries: readonly WorktreeEntry[]; commonDirectory: string; own: string },
): Promise<string | null> {
  const holder = entries.find((entry) => entry.branch === branch && entry.path !== own);
  if (holder !== undefined) return holder.path;
  const linked = join(commonDirectory, "worktrees");
  const names = (await readdir(linked).catch(nothingUnlessShort)) ?? [];
  for (const directory of [commonDirectory, ...names.map((name) => join(linked, name))]) {
    const pointer = await readPointer(join(directory, "gitdir"));
    if (resolve(directory, pointer.trim()) === join(own, ".git")) continue;
    for (const file of IN_PROGRESS) {
      const name = await readPointer(join(directory, file));
      if (name.trim().replace(/^refs\/heads\//, "") === branch) return directory;
    }
  }
  return null;
}

export function parseWorktreeList(output: string): WorktreeEntry[] {
  return output
    .split("\0\0")
    .map((entry) => entry.split("\0").filter((line) => line !== ""))
    .filter((lines) => lines.length > 0)
    .map(parseEntry);
}

function parseEntry(lines: readonly string[]): WorktreeEntry {
  const attributes = new Map(lines.map((line) => splitOnce(line)));
  const head = attributes.get("HEAD") ?? "";
  return {
    path: attributes.get("worktree") ?? "",
    head: head === "" || NO_COMMIT.test(head) ? null : head,
    branch: attributes.get("branch")?.replace(/^refs\/heads\//, "") ?? null,
    isHalfMade: attributes.get("locked") === INITIALIZING,
    isPrunable: attributes.has("prunable"),
  };
}

function splitOnce(line: string): [string, string] {
  const space = line.indexOf(" ");
  return space === -1 ? [line, ""] : [line.slice(0, space), line.slice(space + 1)];
}
