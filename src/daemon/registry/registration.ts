// The rules of identity, as pure edits of the registry: one repository, one path, one slug. The origin remote decides
// who a checkout is, never its directory name. docs/adr/0003 says why.

import { createHash } from "node:crypto";

import { type SupervisorPaths, workerPaths } from "../../core/files/paths.ts";
import {
  isSameRepository,
  isSlug,
  LOCAL_OWNER,
  parseRepositoryName,
  type RepositoryName,
  slugOf,
} from "../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import type { ControlFailure } from "../../core/messages/supervisor-control.ts";
import { type RegistryDocument, type RepoRecord, RETIRED_MAX } from "./registry-document.ts";
import { NOT_FOUND } from "./refusal.ts";
import type { Edited } from "./registry.ts";

/** Names in the state directory that no repository may take, ours and those of the first implementation. */
const RESERVED = new Set(
  "cache clones config.json events.jsonl github-token logs manifest memory metrics metrics-token plans prep runs sessions.jsonl state.json token verification".split(
    " ",
  ),
);
const RESERVED_PREFIX = "supervisor-";
const SUFFIX_LENGTH = 6;

export interface Candidate {
  /** The path of the checkout; undefined when HydraFlow makes it, beneath `clones`. */
  readonly path: string | undefined;
  readonly name: RepositoryName;
  /** True when the operator named it, whatever the origin says. */
  readonly named: boolean;
}

export interface Registered {
  readonly record: RepoRecord;
  readonly isNew: boolean;
}

export interface RegisterOptions {
  readonly paths: Pick<SupervisorPaths, "home" | "clones">;
  readonly desired: RepoRecord["desired"];
  /** ISO time. */
  readonly now: string;
}

/** Registers a repository; it is idempotent for the same repository at the same path. */
export function register(
  document: RegistryDocument,
  candidate: Candidate,
  options: RegisterOptions,
): Result<Edited<Registered>, ControlFailure> {
  const { path } = candidate;
  const atPath = path === undefined ? undefined : document.repos.find((record) => record.path === path);
  if (atPath !== undefined) return known(document, atPath, candidate);
  const name = path === undefined ? candidate.name : distinctLocalName(document, candidate.name, path);
  const sameName = document.repos.find((record) => isSameRepository(record.repo, name.fullName));
  if (sameName !== undefined) {
    if (path === undefined && sameName.path === clonePath(options.paths.clones, sameName.slug))
      return known(document, sameName, candidate);
    return fail({
      code: "already_registered",
      message: `${sameName.repo} is registered as '${sameName.slug}' with ${sameName.path}; remove that first`,
    });
  }
  const slug = freeSlug(document, name);
  if (slug === undefined)
    return fail({
      code: "invalid_slug",
      message: `'${name.fullName}' cannot be made a directory name; give another repo_slug`,
    });
  const record: RepoRecord = {
    path: path ?? clonePath(options.paths.clones, slug),
    slug,
    port: 0,
    dashboard_url: "http://localhost:0",
    log_file: workerPaths(`${options.paths.home}/${slug}`).logFile,
    repo: name.fullName,
    repo_slug: candidate.named,
    desired: options.desired,
    quarantine: null,
    added_at: options.now,
  };
  const retired = document.retired.filter((entry) => entry.slug !== slug);
  return ok({ document: { ...document, repos: [...document.repos, record], retired }, value: { record, isNew: true } });
}

/** The slug stays reserved for this repository, because its data directory stays. */
export function unregister(document: RegistryDocument, slug: string): Result<Edited<undefined>, ControlFailure> {
  const record = document.repos.find((entry) => entry.slug === slug);
  if (record === undefined) return fail(NOT_FOUND);
  const repos = document.repos.filter((entry) => entry !== record);
  const retired = [...document.retired, { slug, repo: record.repo }].slice(-RETIRED_MAX);
  return ok({ document: { ...document, repos, retired }, value: undefined });
}

export function amend(
  document: RegistryDocument,
  slug: string,
  change: Partial<Pick<RepoRecord, "desired" | "quarantine">>,
): Result<Edited<RepoRecord>, ControlFailure> {
  const record = document.repos.find((entry) => entry.slug === slug);
  if (record === undefined) return fail(NOT_FOUND);
  const amended = { ...record, ...change };
  if (amended.desired === record.desired && amended.quarantine === record.quarantine)
    return ok({ document, value: record });
  return ok({
    document: { ...document, repos: document.repos.map((entry) => (entry === record ? amended : entry)) },
    value: amended,
  });
}

/** Finds a record by slug, or by `owner/name` as clients of the first implementation know it. */
export function findRecord({ repos }: RegistryDocument, text: string): RepoRecord | undefined {
  return repos.find(({ slug }) => slug === text) ?? repos.find(({ repo }) => isSameRepository(repo, text));
}

function known(
  document: RegistryDocument,
  record: RepoRecord,
  candidate: Candidate,
): Result<Edited<Registered>, ControlFailure> {
  const isSame = isSameRepository(record.repo, candidate.name.fullName);
  const isNamedBefore = record.repo_slug && !candidate.named;
  const isLocalBefore = record.repo.startsWith(`${LOCAL_OWNER}/`) && candidate.name.owner === LOCAL_OWNER;
  if (isSame || isNamedBefore || isLocalBefore) return ok({ document, value: { record, isNew: false } });
  return fail({
    code: "already_registered",
    message: `${record.path} is registered as ${record.repo}; remove '${record.slug}' first to register it as ${candidate.name.fullName}`,
  });
}

/** Two directories of one name without a remote are two repositories: the later one's name says which directory. */
function distinctLocalName(document: RegistryDocument, name: RepositoryName, path: string): RepositoryName {
  const isTaken = document.repos.some((record) => isSameRepository(record.repo, name.fullName));
  if (name.owner !== LOCAL_OWNER || !isTaken) return name;
  const suffix = createHash("sha256").update(path).digest("hex").slice(0, SUFFIX_LENGTH);
  const longer = parseRepositoryName(`${name.fullName}-${suffix}`);
  return longer.ok ? longer.value : name;
}

function freeSlug(document: RegistryDocument, name: RepositoryName): string | undefined {
  const isTaken = (slug: string): boolean =>
    RESERVED.has(slug) ||
    slug.startsWith(RESERVED_PREFIX) ||
    [...document.repos, ...document.retired].some(
      (entry) => entry.slug === slug && !isSameRepository(entry.repo, name.fullName),
    );
  const before = document.retired.find((entry) => isSameRepository(entry.repo, name.fullName));
  const slug = before?.slug ?? slugOf(name, isTaken);
  const isInUse = document.repos.some((record) => record.slug === slug);
  return isSlug(slug) && !isInUse ? slug : undefined;
}

function clonePath(clones: string, slug: string): string {
  return `${clones}/${slug}`;
}
