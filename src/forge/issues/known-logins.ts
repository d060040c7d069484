// Who exists: everyone with a token, and everyone a repository mentions. Logins are compared without case.

import type { ForgeCore } from "../kernel/forge-core.ts";
import type { StoredRepository } from "../store/repository-store.ts";

/** Login in lower case → as it is spelt. */
export function knownLogins(core: ForgeCore, { record }: StoredRepository): Map<string, string> {
  const logins = [
    ...Object.keys(record.collaborators),
    ...record.issues.flatMap((issue) => [issue.author, ...issue.comments.map((comment) => comment.author)]),
    ...core.tokens.logins(),
    record.owner,
  ];
  return new Map(logins.map((login) => [login.toLowerCase(), login]));
}
