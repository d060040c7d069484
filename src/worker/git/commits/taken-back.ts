// Finds out whether an agent has taken back a merge that it was to complete: by `git merge --abort`, by a reset, or by
// writing our side's version of files that git had merged without a conflict. A merge commit would then undo the base's
// work.

import { access } from "node:fs/promises";
import { join } from "node:path";

import { ok, type Result } from "../../../core/base/result.ts";
import type { BranchRecord } from "../worktrees/branch-record.ts";
import { fieldsOf, readablePath } from "../command/byte-path.ts";
import type { Conflict } from "./conflict.ts";
import type { GitFailure } from "../command/git-failure.ts";
import type { WorktreeGit } from "../worktrees/worktree-git.ts";

const LIST_BYTES_MAX = 128 * 1_048_576;

export interface HalfDoneMerge {
  readonly git: WorktreeGit;
  readonly gitDirectory: string;
  /** The record's index is the merge as git left it, its next index the worktree as it is. */
  readonly record: BranchRecord;
  readonly head: string;
  readonly merging: string;
}

/** Names the files, for people, that keep the merge from being committed: open conflicts, and what was taken back. */
export async function leftOpen(
  conflict: Conflict,
  merge: HalfDoneMerge,
  signal: AbortSignal,
): Promise<Result<readonly string[], GitFailure>> {
  const back = await takenBack(merge, signal);
  if (!back.ok) return back;
  if (back.value === "all") return ok(conflict.files);
  const files = back.value.map(readablePath).filter((file) => !conflict.files.includes(file));
  return ok([...(await conflict.unresolved()), ...files]);
}

/** Returns byte paths of the files; conflicts that are resolved for our side are among them. */
async function takenBack(
  merge: HalfDoneMerge,
  signal: AbortSignal,
): Promise<Result<readonly string[] | "all", GitFailure>> {
  const { git, gitDirectory, record, merging } = merge;
  const isGoingOn = await access(join(gitDirectory, "MERGE_HEAD")).then(
    () => true,
    () => false,
  );
  if (!isGoingOn) {
    const concluded = await git.run(["merge-base", "--is-ancestor", merging, "HEAD"], signal, { answers: [1, 128] });
    if (!concluded.ok) return concluded;
    if (concluded.value.exitCode !== 0) return ok("all");
  }
  const merged = await differing(merge, record.index, signal);
  if (!merged.ok) return merged;
  const now = await differing(merge, record.nextIndex, signal);
  if (!now.ok) return now;
  const still = new Set(now.value);
  return ok(merged.value.filter((path) => !still.has(path)));
}

/** Lists the files whose entry in an index differs from the head's. */
async function differing(
  { git, head }: HalfDoneMerge,
  index: string,
  signal: AbortSignal,
): Promise<Result<readonly string[], GitFailure>> {
  const listed = await git.run(["diff-index", "--cached", "--name-only", "--no-renames", "-z", head, "--"], signal, {
    variables: { GIT_INDEX_FILE: index },
    encoding: "latin1",
    outputBytesMax: LIST_BYTES_MAX,
  });
  return listed.ok ? ok(fieldsOf(listed.value.stdout)) : listed;
}
