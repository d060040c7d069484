// Finds names that differ only in case, or in how an accent is written. A file system that does not tell them apart
// keeps one of them, and every worktree of such a commit has a change that nobody made.

import { ok, type Result } from "../../../core/base/result.ts";
import type { BareViews } from "../remote/bare-view.ts";
import type { GitFailure } from "../command/git-failure.ts";

const LIST_BYTES_MAX = 128 * 1_048_576;

/** Returns the first two such names of a commit; null when there are none. */
export async function findCaseTwins(
  views: BareViews,
  commit: string,
  signal: AbortSignal,
): Promise<Result<readonly [string, string] | null, GitFailure>> {
  const call = { arguments: ["ls-tree", "-r", "-z", "--name-only", commit], outputBytesMax: LIST_BYTES_MAX };
  const listed = await views.run(call, signal);
  if (!listed.ok) return listed;
  const seen = new Map<string, string>();
  for (const name of listed.value.stdout.split("\0")) {
    const folded = name.normalize("NFC").toLowerCase();
    const twin = seen.get(folded);
    if (twin !== undefined) return ok([twin, name]);
    seen.set(folded, name);
  }
  return ok(null);
}
