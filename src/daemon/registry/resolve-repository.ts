// Resolves which repository an `add_repo` means: from a checkout's origin remote, or from a name or clone URL that
// HydraFlow clones itself. Nothing is written here.

import { basename } from "node:path";

import type { GitHost } from "../../core/checkout/git-question.ts";
import {
  LOCAL_OWNER,
  parseRemoteUrl,
  parseRepositoryName,
  type RepositoryName,
} from "../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import type { AddRequest, ControlFailure, ControlResult } from "../../core/messages/supervisor-control.ts";
import { type Checkout, inspectCheckout } from "./checkout.ts";
import type { Candidate } from "./registration.ts";

export interface RepositoryHost extends GitHost {
  /** The one host that clones come from. */
  readonly gitUrl: string;
}

export async function resolveRepository(
  request: AddRequest,
  host: RepositoryHost,
  signal: AbortSignal,
): Promise<ControlResult<Candidate>> {
  const given = request.repo_slug === undefined ? undefined : parseRepositoryName(request.repo_slug);
  if (given?.ok === false) return fail({ code: "invalid_slug", message: `repo_slug: ${given.failure.message}` });
  if (request.path !== undefined && request.repo !== undefined)
    return fail({ code: "bad_request", message: "give path or repo, not both" });
  if (request.repo !== undefined) {
    const name = parseSource(request.repo, host.gitUrl);
    if (!name.ok) return name;
    return ok({ path: undefined, name: given?.value ?? name.value, named: given !== undefined });
  }
  if (request.path === undefined) return fail({ code: "bad_request", message: "Missing path" });
  const checkout = await inspectCheckout(request.path, host, signal);
  if (!checkout.ok) return checkout;
  const name = given ?? nameOfCheckout(checkout.value);
  return name.ok ? ok({ path: checkout.value.path, name: name.value, named: given !== undefined }) : name;
}

/** Names a checkout without the operator's word: by its origin remote, or `local/<directory>` when it has none. */
export function nameOfCheckout({ path, originUrl }: Checkout): Result<RepositoryName, ControlFailure> {
  if (originUrl === null) {
    const directory = basename(path).replace(/[^A-Za-z0-9._-]+/g, "-");
    const local = parseRepositoryName(`${LOCAL_OWNER}/${directory}`);
    if (local.ok) return local;
    return fail({
      code: "invalid_slug",
      message: `the directory name '${directory}' names no repository; give repo_slug: "owner/name"`,
    });
  }
  const named = parseRemoteUrl(originUrl);
  return named.ok
    ? named
    : fail({ code: "no_repository_name", message: `${named.failure.message}; give repo_slug: "owner/name"` });
}

/** Reads `owner/name`, or a clone URL of the configured host: https, or http to this machine, without credentials. */
function parseSource(text: string, gitUrl: string): Result<RepositoryName, ControlFailure> {
  if (!text.includes("://")) {
    const name = parseRepositoryName(text);
    return name.ok
      ? name
      : fail({ code: "invalid_slug", message: `${name.failure.message}, or as a clone URL of ${gitUrl}` });
  }
  const url = URL.parse(text);
  const host = new URL(gitUrl).host;
  const isPlain = url !== null && url.username === "" && url.password === "" && url.search === "" && url.hash === "";
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && isLoopback(url.hostname));
  if (!isPlain || !isSafe || url.host !== host) {
    return fail({
      code: "bad_request",
      message: `repo: give owner/name, or an https URL on ${host} without credentials`,
    });
  }
  const name = parseRepositoryName(url.pathname.replace(/^\/|\/$/g, "").replace(/\.git$/, ""));
  return name.ok
    ? name
    : fail({ code: "invalid_slug", message: `repo: the URL names no repository; write it as ${gitUrl}/owner/name` });
}

function isLoopback(hostname: string): boolean {
  return hostname === "127.0.0.1" || hostname === "localhost" || hostname === "[::1]";
}
