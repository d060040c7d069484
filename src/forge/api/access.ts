// This file decides whether a request may do what it asks for in a repository, in the order in which GitHub says no:
// who may not read it does not learn that it exists, then the token's own permissions, then the login's role, then what
// the repository's state forbids.

import { type ApiAnswer, forbidden, notFound, refusal } from "./api-answer.ts";
import { allows, permissionOf } from "../store/permission.ts";
import type { Permission, RepositoryRecord } from "../store/repository-record.ts";
import type { TokenRecord } from "../store/token-registry.ts";

export interface AccessRequest {
  readonly method: string;
  /** The path lies below `/repos/:owner/:repo`. */
  readonly path: string;
  readonly login: string;
  readonly token: TokenRecord | null;
}

/**
 * Each path needs this permission of a fine-grained token or an app, as "Permissions required for GitHub Apps" has it.
 */
const SCOPES: readonly (readonly [RegExp, string])[] = [
  [/^\/commits\/.+\/check-(runs|suites)$|^\/check-(runs|suites)\b/, "checks"],
  [/^\/commits\/.+\/statuse?s?$|^\/statuses\//, "statuses"],
  [/^\/actions\//, "actions"],
  [/^\/pulls\/\d+\/merge$/, "contents"],
  [/^\/pulls\b/, "pull_requests"],
  [/^\/(issues|labels)\b/, "issues"],
  [/^\/branches\/.+\/protection\b|^\/rulesets\b|^\/interaction-limits$/, "administration"],
  [/^\/(git|compare|commits|branches|contents)\b/, "contents"],
  [/^\/hooks\b/, "repository_hooks"],
];

export function accessRefusal(
  record: RepositoryRecord,
  request: AccessRequest,
  needed: Permission,
): ApiAnswer | undefined {
  const has = permissionOf(record, request.login);
  if (!allows(has, "read")) return notFound();
  if (!mayByToken(request)) return forbidden(request.token);
  if (!allows(has, needed)) return needed === "admin" ? adminRefusal() : forbidden(request.token);
  if (record.settings.archived && request.method !== "GET" && request.path !== "") return archivedRefusal();
  return undefined;
}

function archivedRefusal(): ApiAnswer {
  return refusal(403, "Repository was archived so is read-only.");
}

export function issuesDisabled(): ApiAnswer {
  return refusal(410, "Issues are disabled for this repo");
}

function adminRefusal(): ApiAnswer {
  return refusal(403, "Must have admin rights to Repository.");
}

function mayByToken({ method, path, token }: AccessRequest): boolean {
  if (token === null || token.kind === "classic") return true;
  const scope = scopeOf(method, path);
  const needed = method === "GET" ? "read" : "write";
  // An issue's labels and comments open with either permission, since pull requests are issues.
  const names = scope === "issues" ? ["issues", "pull_requests"] : [scope];
  return names.some((name) => {
    const has = name === "metadata" ? "read" : token.permissions[name];
    return has === "write" || (has === "read" && needed === "read");
  });
}

function scopeOf(method: string, path: string): string {
  if (path === "" && method !== "GET") return "administration";
  return SCOPES.find(([pattern]) => pattern.test(path))?.[1] ?? "metadata";
}
