// A login exists when it has a token, or when a repository mentions it. Logins are compared without case.

import type { ForgeCore } from "../kernel/forge-core.ts";
import type { StoredRepository } from "../store/repository-store.ts";

/** Maps each login in lower case to its spelling. */
export function knownLogins(core: ForgeCore, { record }: StoredRepository): Map<string, string> {
  const logins = [
    ...Object.keys(record.collaborators),
    ...record.issues.flatMap((issue) => [issue.author, ...issue.comments.map((comment) => comment.author)]),
    ...core.tokens.logins(),
    record.owner,
  ];
  return new Map(logins.map((login) => [login.toLowerCase(), login]));
}
