// Runs git's own housekeeping in a repository that is ours alone. All other git calls have it switched off: in an
// operator's checkout it is theirs to run, and in the background it would outlive the call.

import { ok, type Result } from "../../../core/base/result.ts";
import type { Git } from "../command/git.ts";
import type { ConfigPair } from "../command/git-environment.ts";
import type { GitFailure } from "../command/git-failure.ts";

/**
 * These are git's defaults, which override the settings that switch them off. An object that nothing points to stays
 * long enough for any run that is about to use it.
 */
const HOUSEKEEPING: readonly ConfigPair[] = [
  ["gc.auto", "6700"],
  ["gc.autoPackLimit", "50"],
  ["gc.autoDetach", "false"],
  ["gc.pruneExpire", "2.weeks.ago"],
  ["gc.worktreePruneExpire", "never"],
  ["gc.writeCommitGraph", "false"],
];

/** It is safe while runs work there, and does nothing while there is little to do. */
export async function tidyRepository(
  git: Git,
  gitDirectory: string,
  signal: AbortSignal,
): Promise<Result<undefined, GitFailure>> {
  const call = { directory: gitDirectory, variables: { GIT_DIR: gitDirectory }, config: HOUSEKEEPING };
  const tidied = await git.run({ ...call, arguments: ["gc", "--auto", "--quiet"], isLong: true }, signal);
  return tidied.ok ? ok() : tidied;
}
