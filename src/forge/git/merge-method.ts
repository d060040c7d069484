// A pull request's commits reach the base branch in one of three ways. Each only makes commits; the caller moves the
// ref.

import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";

import { HydraError } from "../../core/base/errors.ts";
import type { BareRepository } from "./bare-repository.ts";
import { runGit } from "./git-process.ts";

export type MergeMethod = "merge" | "squash" | "rebase";

export interface MergeOrder {
  readonly base: string;
  readonly head: string;
  readonly method: MergeMethod;
  readonly message: string;
  readonly author: { readonly name: string; readonly email: string };
}

/** Gives the new tip of the base branch, or null where the two sides conflict. */
export async function makeMerge(
  repository: BareRepository,
  order: MergeOrder,
  signal: AbortSignal,
): Promise<string | null> {
  if (order.method === "rebase") return await rebase(repository, order, signal);
  const tree = await repository.mergeTree(order.base, order.head, signal);
  if (tree === null) return null;
  const parents = order.method === "squash" ? [order.base] : [order.base, order.head];
  return await repository.commitTree({ tree, parents, message: order.message, author: order.author }, signal);
}

/**
 * A rebase needs a worktree of its own: this git replays commits nowhere else. The new commits come back by a fetch.
 */
async function rebase(repository: BareRepository, order: MergeOrder, signal: AbortSignal): Promise<string | null> {
  const directory = await mkdtemp(join(tmpdir(), "forge-rebase-"));
  const inside = (args: readonly string[]) =>
    runGit(args, { cwd: directory, environment: repository.environment }, signal);
  try {
    for (const args of [
      ["clone", "-q", "--shared", "--no-checkout", repository.directory, "."],
      ["checkout", "-q", "--detach", order.base],
    ]) {
      const answer = await inside(args);
      if (answer.code !== 0) throw new HydraError("FORGE_GIT", `git ${args[0]} failed: ${answer.stderr.trim()}`);
    }
    if ((await inside(["cherry-pick", "--allow-empty", `${order.base}..${order.head}`])).code !== 0) return null;
    const tip = (await inside(["rev-parse", "HEAD"])).stdout.trim();
    await repository.run(["fetch", "-q", directory, tip], signal);
    return tip;
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
