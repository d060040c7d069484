// Which issues there is anything of in the checkout and beside it, for whoever takes away what has ended.

import { readdir } from "node:fs/promises";

import { ok, type Result } from "../../core/result.ts";
import { BranchRefs } from "./branch-refs.ts";
import type { Git } from "./git.ts";
import type { GitFailure } from "./git-failure.ts";
import { listIssueWorktrees } from "./worktree-list.ts";

export interface GitLeftovers {
  /** Issues with a worktree or a record of their branch. */
  readonly worktrees: ReadonlySet<number>;
  /** Issues with a local branch, or with what was seen of the remote's. */
  readonly branches: ReadonlySet<number>;
}

export async function findGitLeftovers(
  where: { git: Git; commonDirectory: string; root: string; records: string },
  signal: AbortSignal,
): Promise<Result<GitLeftovers, GitFailure>> {
  const listed = await listIssueWorktrees(where, signal);
  if (!listed.ok) return listed;
  const branches = await new BranchRefs(where.git, where.commonDirectory).issues(signal);
  if (!branches.ok) return branches;
  const names = await readdir(where.records).catch((): string[] => []);
  const recorded = names.flatMap((name) => Number(/^issue-([1-9]\d*)$/.exec(name)?.[1] ?? []));
  return ok({
    worktrees: new Set([...listed.value.map(({ issue }) => issue), ...recorded]),
    branches: branches.value,
  });
}
