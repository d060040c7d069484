// Writes what the remote's branches are into the checkout's refs/remotes/origin/*.

import { ok, type Result } from "../../../core/base/result.ts";
import type { Git } from "../command/git.ts";
import type { GitFailure } from "../command/git-failure.ts";

export interface TrackingCheckout {
  readonly git: Git;
  /** The git directory that the checkout and all its worktrees share. */
  readonly commonDirectory: string;
}

/**
 * `heads` has the sha by branch. A name in the way of one branch, left from a branch that the remote has no more, keeps
 * no other branch from being written.
 */
export async function updateTrackingRefs(
  checkout: TrackingCheckout,
  heads: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Result<undefined, GitFailure>> {
  const updated = await updateRefs(checkout, heads, signal);
  if (updated.ok || updated.failure.kind !== "conflict") return updated;
  for (const head of heads.size > 1 ? heads : []) {
    const alone = await updateRefs(checkout, new Map([head]), signal);
    if (!alone.ok && alone.failure.kind !== "conflict") return alone;
  }
  return ok();
}

async function updateRefs(
  { git, commonDirectory }: TrackingCheckout,
  heads: ReadonlyMap<string, string>,
  signal: AbortSignal,
): Promise<Result<undefined, GitFailure>> {
  const input = [...heads].map(([branch, sha]) => `update refs/remotes/origin/${branch} ${sha}\n`).join("");
  const updated = await git.run(
    {
      directory: commonDirectory,
      arguments: ["update-ref", "--stdin"],
      input,
      variables: { GIT_DIR: commonDirectory },
    },
    signal,
  );
  return updated.ok ? ok() : updated;
}
