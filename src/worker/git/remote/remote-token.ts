// Gets the credential of one talk with the remote. It asks right before the talk, since the token may have been
// replaced or have run out since the last one. When the remote refuses a token, it reports that and tries once more
// with the next one.

import { fail, type Result } from "../../../core/base/result.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";
import type { FixedAccess, RemoteAccess } from "./remote-access.ts";

export async function withToken<T>(
  access: RemoteAccess,
  talk: (access: FixedAccess) => Promise<Result<T, GitFailure>>,
  signal: AbortSignal,
): Promise<Result<T, GitFailure>> {
  const { token: source } = access;
  if (source === null || typeof source === "string") return talk({ ...access, token: source });
  const token = await source.token(signal);
  if (!token.ok) return noToken(token.failure);
  const first = await talk({ ...access, token: token.value });
  if (first.ok || first.failure.kind !== "auth" || token.value === null) return first;
  source.invalidate(token.value);
  const next = await source.token(signal);
  if (!next.ok || next.value === token.value) return first;
  return talk({ ...access, token: next.value });
}

function noToken({ message, retryable }: { message: string; retryable: boolean }): Result<never, GitFailure> {
  return fail(gitFailure(retryable ? "network" : "auth", `no credential for the remote: ${message}`));
}
