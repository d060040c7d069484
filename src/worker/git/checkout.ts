// Where a checkout keeps its git directory, read without running git: this comes before the config guard has looked.

import { lstat, readFile, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";

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
