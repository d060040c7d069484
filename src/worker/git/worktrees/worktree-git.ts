// Runs git in one issue's worktree. It tells git where the repository is, so that a replaced `.git` file leads nowhere,
// gives it our index, and keeps it from obeying an agent's list of files that are to be there.

import { copyFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";

import { ok, type Result } from "../../../core/base/result.ts";
import type { BranchRecord } from "./branch-record.ts";
import type { Git, GitCall, GitOutput } from "../command/git.ts";
import type { ConfigPair } from "../command/git-environment.ts";
import type { GitFailure } from "../command/git-failure.ts";
import { holderOf, listWorktrees } from "./worktree-list.ts";

/** Each of these would let git believe that files are unchanged, or spread the index over files that are not ours. */
export const OWN_INDEX: readonly ConfigPair[] = [
  ["index.sparse", "false"],
  ["core.trustctime", "true"],
  ["core.checkStat", "default"],
  ["core.splitIndex", "false"],
];

/** A merge, a rebase or the like that an agent left half done leaves these in the worktree's git directory. */
const HALF_DONE = [
  "MERGE_HEAD",
  "MERGE_MSG",
  "MERGE_MODE",
  "AUTO_MERGE",
  "SQUASH_MSG",
  "CHERRY_PICK_HEAD",
  "REVERT_HEAD",
  "BISECT_START",
  "rebase-merge",
  "rebase-apply",
  "sequencer",
];

export interface PlacedWorktree {
  readonly path: string;
  /** The work branch, mostly `agent/issue-<n>`. */
  readonly branch: string;
  /** The path is `<common directory>/worktrees/<id>`; we never trust the worktree's `.git` file to name it. */
  readonly gitDirectory: string;
  readonly record: BranchRecord;
}

export class WorktreeGit {
  readonly #git: Git;
  readonly #commonDirectory: string;
  readonly #worktree: PlacedWorktree;

  constructor(git: Git, commonDirectory: string, worktree: PlacedWorktree) {
    this.#git = git;
    this.#commonDirectory = commonDirectory;
    this.#worktree = worktree;
  }

  run(
    gitArguments: readonly string[],
    signal: AbortSignal,
    more: Partial<GitCall> = {},
  ): Promise<Result<GitOutput, GitFailure>> {
    const { path, gitDirectory, record } = this.#worktree;
    const variables = {
      GIT_DIR: gitDirectory,
      GIT_COMMON_DIR: this.#commonDirectory,
      GIT_WORK_TREE: path,
      GIT_INDEX_FILE: record.index,
      ...more.variables,
    };
    const call = { directory: path, arguments: gitArguments, config: OWN_INDEX, ...more, variables };
    return this.#git.run(call, signal);
  }

  /**
   * Points HEAD and the work branch to `sha`. The branch is there for people: where somebody else has it checked out,
   * or git cannot have it, the branch stays as it is and HEAD is detached. The record alone says what is pushed.
   */
  async place(sha: string, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const { path, branch, record } = this.#worktree;
    const entries = await listWorktrees(this.#git, this.#commonDirectory, signal);
    if (!entries.ok) return entries;
    const where = { entries: entries.value, commonDirectory: this.#commonDirectory, own: path };
    const isFree = (await holderOf(branch, where)) === null;
    const ref = `refs/heads/${branch}`;
    const moved = isFree && (await this.run(["update-ref", "--no-deref", ref, sha], signal)).ok;
    if (moved !== !record.state?.isDetached) await record.change({ isDetached: !moved });
    const placed = moved
      ? await this.run(["symbolic-ref", "HEAD", ref], signal)
      : await this.run(["update-ref", "--no-deref", "HEAD", sha], signal);
    return placed.ok ? ok() : placed;
  }

  /** Shows the agent's next git what ours has done, and nothing that was left half done. */
  async showIndex(): Promise<void> {
    const { gitDirectory, record } = this.#worktree;
    const temporary = join(gitDirectory, "index.hydraflow");
    await rm(temporary, { recursive: true, force: true });
    await copyFile(record.index, temporary);
    await rename(temporary, join(gitDirectory, "index"));
  }

  async clearHalfDone(): Promise<void> {
    for (const name of HALF_DONE) await rm(join(this.#worktree.gitDirectory, name), { recursive: true, force: true });
  }
}
