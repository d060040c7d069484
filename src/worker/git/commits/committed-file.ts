// Reads one file of a commit from git's objects. What lies in a worktree, and where links there lead, plays no part.

import { ok, type Result } from "../../../core/base/result.ts";
import type { GitFailure } from "../command/git-failure.ts";
import type { WorktreeGit } from "../worktrees/worktree-git.ts";

const FILE_BYTES_MAX = 1_048_576;

/**
 * Returns the text of `name` in the top directory, cut at a MiB; null unless it is a regular file. No link or submodule
 * is followed.
 */
export async function readCommittedFile(
  git: WorktreeGit,
  { sha, name }: { sha: string; name: string },
  signal: AbortSignal,
): Promise<Result<string | null, GitFailure>> {
  const listed = await git.run(["ls-tree", "-z", sha, "--", name], signal);
  if (!listed.ok) return listed;
  const object = /^100\d{3} blob ([0-9a-f]+)\t/.exec(listed.value.stdout)?.[1];
  if (object === undefined) return ok(null);
  // `cat-file` trusts the name of a file in the object store; this hashes its content.
  const genuine = await git.run(["rev-list", "--quiet", "--objects", "--verify-objects", "--no-walk", object], signal);
  if (!genuine.ok) return genuine;
  const limits = { outputBytesMax: FILE_BYTES_MAX, truncate: true };
  const read = await git.run(["cat-file", "blob", object], signal, limits);
  return read.ok ? ok(read.value.stdout) : read;
}
