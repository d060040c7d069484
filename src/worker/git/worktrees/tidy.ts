// Git's own housekeeping for a repository that is ours alone. All other git calls have it switched off: in an operator's
// checkout it is theirs, and in the background it would outlive the call.

import { ok, type Result } from "../../../core/base/result.ts";
import type { Git } from "../command/git.ts";
import type { ConfigPair } from "../command/git-environment.ts";
import type { GitFailure } from "../command/git-failure.ts";

/** Git's defaults, said again behind ours. What nothing points to stays long enough for any run that is about to use it. */
const HOUSEKEEPING: readonly ConfigPair[] = [
  ["gc.auto", "6700"],
  ["gc.autoPackLimit", "50"],
  ["gc.autoDetach", "false"],
  ["gc.pruneExpire", "2.weeks.ago"],
  ["gc.worktreePruneExpire", "never"],
  ["gc.writeCommitGraph", "false"],
];

/** Safe while runs work there, and does nothing while there is little to do. */
export async function tidyRepository(
  git: Git,
  gitDirectory: string,
  signal: AbortSignal,
): Promise<Result<undefined, GitFailure>> {
  const call = { directory: gitDirectory, variables: { GIT_DIR: gitDirectory }, config: HOUSEKEEPING };
  const tidied = await git.run({ ...call, arguments: ["gc", "--auto", "--quiet"], isLong: true }, signal);
  return tidied.ok ? ok() : tidied;
}
