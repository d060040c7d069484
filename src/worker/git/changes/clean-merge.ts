// Finds out whether a commit is exactly the merge of two others that git itself makes: it has what both sides had, and
// no line of anybody's beside it. It reads objects alone.

import { ok, type Result } from "../../../core/base/result.ts";
import type { BareViews } from "../remote/bare-view.ts";
import type { GitFailure } from "../command/git-failure.ts";

const NO_COMMIT = 128;
/** `merge-tree` exits so where the two sides conflict. */
const CONFLICT = 1;

export interface MergeQuestion {
  readonly head: string;
  /** The side that was approved. */
  readonly approved: string;
  readonly base: string;
}

/** Returns false also where one of the commits is not here. */
export async function isCleanMerge(
  views: BareViews,
  { head, approved, base }: MergeQuestion,
  signal: AbortSignal,
): Promise<Result<boolean, GitFailure>> {
  const ask = (...gitArguments: string[]) =>
    views.run({ arguments: gitArguments, answers: [CONFLICT, NO_COMMIT] }, signal);
  const parents = await ask("rev-list", "--parents", "--max-count=1", head, "--");
  if (!parents.ok) return parents;
  const [, first, second, ...more] = parents.value.stdout.trim().split(" ");
  if (first !== approved || second === undefined || more.length > 0) return ok(false);
  const isOfBase = await ask("merge-base", "--is-ancestor", second, base);
  if (!isOfBase.ok) return isOfBase;
  if (isOfBase.value.exitCode !== 0) return ok(false);
  const merged = await ask("merge-tree", "--write-tree", first, second);
  if (!merged.ok) return merged;
  const tree = await ask("rev-parse", "--verify", "--quiet", `${head}^{tree}`);
  if (!tree.ok) return tree;
  return ok(merged.value.exitCode === 0 && merged.value.stdout.trim() === tree.value.stdout.trim());
}
