// Checks that the checkout is still one of our repository: its origin must say so, unless a person named the
// repository.

import { ORIGIN_QUESTION, originIn } from "../../../core/checkout/origin-url.ts";
import { isSameRepository, parseRemoteUrl, type RepositoryName } from "../../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import type { Git } from "../command/git.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";

export interface CheckedOrigin {
  readonly git: Git;
  readonly repository: RepositoryName;
  /** The absolute path of the operator's checkout. */
  readonly checkout: string;
  readonly commonDirectory: string;
  /** The operator named the repository by hand, so the checkout's origin may say something else. */
  readonly isOriginOverridden: boolean;
}

export async function checkOrigin(
  { git, repository, checkout, commonDirectory, isOriginOverridden }: CheckedOrigin,
  signal: AbortSignal,
): Promise<Result<undefined, GitFailure>> {
  if (isOriginOverridden) return ok();
  const call = { directory: commonDirectory, variables: { GIT_DIR: commonDirectory }, answers: [1] };
  const read = await git.run({ ...call, arguments: ORIGIN_QUESTION }, signal);
  if (!read.ok) return read;
  const origin = parseRemoteUrl((originIn(read.value.stdout) ?? "").trim());
  if (origin.ok && isSameRepository(origin.value.fullName, repository.fullName)) return ok();
  const found = origin.ok ? origin.value.fullName : "no repository";
  return fail(gitFailure("failed", `the origin of ${checkout} names ${found}, not ${repository.fullName}`));
}
