// Identity of a repository: the full name `owner/name` as GitHub spells it, and the slug that stands in every path,
// URL, event, log line and file. The directory name of a checkout never decides identity; the origin remote does.
// Why a slug and when it grows a suffix: docs/adr/0003.

import { createHash } from "node:crypto";
import { fail, ok, type Result } from "../base/result.ts";
import { withoutTrailing } from "../base/trim-end.ts";

export interface RepositoryName {
  readonly owner: string;
  readonly name: string;
  /** `owner/name`, case kept as given. */
  readonly fullName: string;
}

export type NameFailure = { kind: "invalid-name"; message: string };

/**
 * GitHub allows an owner 39 letters, digits and inner hyphens, with `_` before the short code of an enterprise that
 * manages its users, and a name 100 word characters, dots and hyphens.
 */
const OWNER = /^[A-Za-z0-9](?:[A-Za-z0-9_-]{0,38})$/;
const NAME = /^[A-Za-z0-9._-]{1,100}$/;
const SLUG = /^[a-z0-9][a-z0-9._-]{0,99}$/;
const SLUG_LENGTH_MAX = 100;
const SUFFIX_LENGTH = 7;

/** The owner of checkouts that have no remote: their full name is `local/<directory name>`. */
export const LOCAL_OWNER = "local";

export function parseRepositoryName(text: string): Result<RepositoryName, NameFailure> {
  const [owner = "", name = "", ...rest] = text.split("/");
  if (rest.length > 0 || !OWNER.test(owner) || !isName(name)) {
    return fail({
      kind: "invalid-name",
      message: `'${text.slice(0, 200)}' is no repository name; write it as owner/name`,
    });
  }
  return ok({ owner, name, fullName: `${owner}/${name}` });
}

/** Reads `owner/name` out of a remote URL: https, ssh, `git@host:owner/name`, with or without `.git`. */
export function parseRemoteUrl(url: string): Result<RepositoryName, NameFailure> {
  const path =
    /^[a-z+]+:\/\/[^/]+\/(.+)$/i.exec(url)?.[1] ?? /^(?:[^@/:]+@)?[^/:]{2,}:(?!\/\/)(.+)$/.exec(url)?.[1] ?? "";
  if (/^file:/i.test(url))
    return fail({ kind: "invalid-name", message: `the remote '${redactUserInfo(url)}' names no repository` });
  const parts = withoutTrailing(path, "/")
    .replace(/\.git$/, "")
    .split("/");
  const parsed = parseRepositoryName(parts.slice(-2).join("/"));
  if (parsed.ok) return parsed;
  return fail({ kind: "invalid-name", message: `the remote '${redactUserInfo(url)}' names no repository` });
}

/** Makes `owner-name`, lower-cased; a name whose short slug is `taken` by another repository gets the longer form. */
export function slugOf(repository: RepositoryName, taken: (slug: string) => boolean = () => false): string {
  const short = `${repository.owner}-${repository.name}`.toLowerCase().slice(0, SLUG_LENGTH_MAX);
  if (!taken(short)) return short;
  const digest = createHash("sha256")
    .update(repository.fullName.toLowerCase())
    .digest("hex")
    .slice(0, SUFFIX_LENGTH - 1);
  return `${short.slice(0, SLUG_LENGTH_MAX - SUFFIX_LENGTH)}-${digest}`;
}

export function isSlug(text: string): boolean {
  return SLUG.test(text) && !text.includes("..");
}

/** GitHub compares names without case, so `Acme/Web` and `acme/web` are one repository. */
export function isSameRepository(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** GitHub compares logins without case, too. */
export function isSameLogin(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function isName(name: string): boolean {
  return NAME.test(name) && name !== "." && !name.includes("..") && !name.toLowerCase().endsWith(".git");
}

function redactUserInfo(url: string): string {
  return url.slice(0, 200).replace(/\/\/[^@/]*@/, "//");
}
