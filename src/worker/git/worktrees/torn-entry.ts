// Removes git's entries of worktrees of ours that a power cut has torn. Git reads all entries for each of its questions
// about worktrees, and gives up at a file `commondir` that is empty; nobody can use such an entry any more.

import { readdir, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { nothingUnlessShort, readPointer } from "../../../core/checkout/git-directory.ts";
import { ok, type Result } from "../../../core/base/result.ts";
import { issueOfName } from "../command/branch-name.ts";
import type { GitFailure } from "../command/git-failure.ts";
import { openWorktreeRoot } from "./worktree-directory.ts";

/** `root` is the directory that holds our worktrees; entries of others are left. */
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
