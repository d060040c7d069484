// Finds where a checkout keeps its git directory. It runs no git, since the config guard has not looked yet.

import { realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { findGitDirectory, pointerIn, readPointer } from "../../../core/checkout/git-directory.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";

/** Returns the real path of the git directory that all worktrees share; the checkout may itself be a worktree. */
export async function commonDirectoryOf(checkout: string): Promise<Result<string, GitFailure>> {
  const path = await realpath(checkout).catch(() => checkout);
  const found = await findGitDirectory(path);
  if (found.kind === "found") return ok(found.commonDirectory);
  return fail(gitFailure("not-found", `${checkout} is no git checkout`));
}

/**
 * Returns a worktree's git directory; undefined unless its `.git` file and git's entry in the common directory name
 * each other.
 */
export async function linkedDirectoryOf(worktree: string, commonDirectory: string): Promise<string | undefined> {
  const pointer = await pointerIn(join(worktree, ".git"));
  if (pointer === undefined) return undefined;
  const gitDirectory = resolve(worktree, pointer);
  if (dirname(gitDirectory) !== join(commonDirectory, "worktrees")) return undefined;
  const back = await readPointer(join(gitDirectory, "gitdir"));
  // Both paths may be relative to the directory that their file lies in.
  return resolve(gitDirectory, back.trim()) === join(worktree, ".git") ? gitDirectory : undefined;
}
