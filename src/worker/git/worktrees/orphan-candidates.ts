// Finds the issues of which something is in the checkout or beside it, for the sweep that removes what nobody needs any
// more.

import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { ok, type Result } from "../../../core/base/result.ts";
import { issueOfName, worktreeName } from "../command/branch-name.ts";
import { isBranchAlone } from "./branch-record.ts";
import { BranchRefs } from "./branch-refs.ts";
import type { Git } from "../command/git.ts";
import type { GitFailure } from "../command/git-failure.ts";
import { listIssueWorktrees } from "./worktree-list.ts";

export interface OrphanCandidates {
  /** Issues with a worktree or a record of their work. */
  readonly worktrees: ReadonlySet<number>;
  /** Issues of which nothing but a branch of ours is left. */
  readonly kept: ReadonlySet<number>;
  /**
   * Issues that a local branch, or a branch seen on the remote, is named after. It may belong to somebody else who
   * names branches as we do.
   */
  readonly branches: ReadonlySet<number>;
}

export async function findOrphanCandidates(
  where: { git: Git; commonDirectory: string; root: string; records: string },
  signal: AbortSignal,
): Promise<Result<OrphanCandidates, GitFailure>> {
  const listed = await listIssueWorktrees(where, signal);
  if (!listed.ok) return listed;
  const branches = await new BranchRefs(where.git, where.commonDirectory).issues(signal);
  if (!branches.ok) return branches;
  const names = await readdir(where.records).catch((): string[] => []);
  const recorded = names.flatMap((name) => issueOfName(name) ?? []);
  const kept = new Set<number>();
  for (const issue of recorded) if (await isBranchAlone(join(where.records, worktreeName(issue)))) kept.add(issue);
  return ok({
    worktrees: new Set([...listed.value.map(({ issue }) => issue), ...recorded.filter((issue) => !kept.has(issue))]),
    kept,
    branches: branches.value,
  });
}
