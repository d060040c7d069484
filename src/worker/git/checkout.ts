// Where a checkout keeps its git directory, read without running git: this comes before the config guard has looked.

import { lstat, readFile, realpath } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { fail, ok, type Result } from "../../core/result.ts";
import { type GitFailure, gitFailure } from "./git-failure.ts";

/** The real path of the git directory that all worktrees share; the checkout may itself be a worktree of another one. */
export async function commonDirectoryOf(checkout: string): Promise<Result<string, GitFailure>> {
  try {
    const dotGit = join(await realpath(checkout), ".git");
    if ((await lstat(dotGit)).isDirectory()) return ok(await realpath(dotGit));
    const gitDirectory = resolve(checkout, (await readFile(dotGit, "utf8")).replace(/^gitdir: /, "").trim());
    const common = await readFile(join(gitDirectory, "commondir"), "utf8").catch(() => ".");
    return ok(await realpath(resolve(gitDirectory, common.trim())));
  } catch {
    return fail(gitFailure("not-found", `${checkout} is no git checkout`));
  }
}

/** Of a worktree; undefined unless its `.git` file and git's entry in the common directory name each other. */
export async function linkedDirectoryOf(worktree: string, commonDirectory: string): Promise<string | undefined> {
  const pointer = await readFile(join(worktree, ".git"), "utf8").catch(() => "");
  const gitDirectory = /^gitdir: (.+)\n?$/.exec(pointer)?.[1] ?? "";
  if (dirname(gitDirectory) !== join(commonDirectory, "worktrees")) return undefined;
  const back = await readFile(join(gitDirectory, "gitdir"), "utf8").catch(() => "");
  return back.trim() === join(worktree, ".git") ? gitDirectory : undefined;
}
