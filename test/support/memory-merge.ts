// A merge does this in the GitHub in memory, whoever merges; the merge queue does it some time later.

import type { MemoryGitHub } from "./memory-github.ts";
import { isPassing, type MergeAttempt, mergeRefusal } from "./memory-rules.ts";

/** Gives the new commit of the base branch. */
export async function mergePull(world: MemoryGitHub, { pull, request }: MergeAttempt): Promise<string> {
  const { headBranch, baseBranch, headSha, number } = pull;
  const sha = await world.branches.squash(baseBranch, headSha, request.title);
  const stored = world.stored(number);
  stored.pull = { headBranch, baseBranch, draft: false, merged: true, headSha, mergedAt: world.tick() };
  world.setState(number, "closed");
  if (world.deleteBranchOnMerge) await world.branches.remove(headBranch);
  if (baseBranch !== world.defaultBranch) return sha;
  world.closeFixedBy(stored.body);
  // The messages of the commits themselves are git's business, and those of a rebase are nothing else.
  if (request.method !== "rebase") world.closeFixedBy(`${request.title}\n\n${request.message}`);
  return sha;
}

/** Merges, puts out or leaves waiting each pull request that is queued. */
export async function runQueue(world: MemoryGitHub): Promise<void> {
  const client = world.connect("merge-queue");
  for (const number of world.queue.splice(0)) {
    const pull = await client.pull(number, AbortSignal.any([]));
    const isSame = pull.ok && pull.value.headSha === world.queuedHeads.get(number);
    if (!pull.ok || !isSame || pull.value.state === "closed") continue;
    const { headSha, title } = pull.value;
    const request = { headSha, method: "squash", title, message: "" } as const;
    const attempt = { pull: pull.value, login: client.login, request, isQueue: true };
    const refusal = await mergeRefusal(world, attempt);
    if (refusal === null) await mergePull(world, attempt);
    else if (isPassing(refusal)) world.queue.push(number);
  }
}
