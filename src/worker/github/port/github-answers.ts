// Checks the parts of GitHub's answers that we read, once and here, and turns them into the port's words.

import { z } from "../../../core/base/schema.ts";
import {
  MERGE_METHODS,
  type Comment,
  type Issue,
  type MergeMethod,
  type PullRequest,
  type Repository,
  type Review,
} from "./github.ts";
import { repositoryIn } from "./repository-identity.ts";

/** GitHub's own pages show this name where the account is gone. */
const GHOST = "ghost";

const user = z.nullish(z.object({ login: z.string() }));
const text = z.nullish(z.string());
const labels = z.array(z.union([z.string(), z.object({ name: text })]));

const issueJson = z.object({
  number: z.int(),
  title: z.string(),
  body: text,
  labels,
  state: z.enum(["open", "closed"]),
  locked: z.optional(z.boolean()),
  user,
  repository_url: text,
  html_url: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
  /** Pull requests have this field; the issue endpoints list them too. */
  pull_request: z.optional(z.unknown()),
});

const commentJson = z.object({
  id: z.int(),
  user,
  body: text,
  issue_url: text,
  created_at: z.string(),
  updated_at: z.string(),
});

const pullJson = z.object({
  number: z.int(),
  node_id: z.string(),
  title: z.string(),
  body: text,
  state: z.enum(["open", "closed"]),
  user,
  merged_at: text,
  /** Only a pull request that was asked for alone has it. */
  mergeable: z.nullish(z.boolean()),
  mergeable_state: text,
  draft: z.optional(z.boolean()),
  head: z.object({ ref: z.string(), sha: z.string() }),
  base: z.object({ ref: z.string(), repo: z.optional(z.object({ full_name: z.string() })) }),
  labels,
  html_url: z.string(),
});

/** Says whose the answer is, which the port does not show. */
export interface Placed {
  /** The repository as `owner/name`; null where GitHub does not say. */
  readonly repository: string | null;
}

/** `isPull` tells the pull requests among the issues. */
export const issueAnswer = z.pipe(
  issueJson,
  z.transform((json): Issue & Placed & { isPull: boolean } => ({
    number: json.number,
    title: json.title,
    body: json.body ?? "",
    labels: labelNames(json.labels),
    state: json.state,
    isLocked: json.locked ?? false,
    author: json.user?.login ?? GHOST,
    url: json.html_url,
    createdAt: json.created_at,
    updatedAt: json.updated_at,
    isPull: json.pull_request !== undefined && json.pull_request !== null,
    repository: repositoryIn(json.repository_url ?? json.html_url),
  })),
);

export const commentAnswer = z.pipe(
  commentJson,
  z.transform((json): Comment & Placed & { issue: number | null } => ({
    id: json.id,
    author: json.user?.login ?? GHOST,
    body: json.body ?? "",
    createdAt: json.created_at,
    updatedAt: json.updated_at,
    issue: Number(json.issue_url?.slice(json.issue_url.lastIndexOf("/") + 1)) || null,
    repository: repositoryIn(json.issue_url ?? ""),
  })),
);

export const pullAnswer = z.pipe(
  pullJson,
  z.transform((json): PullRequest & Placed => ({
    number: json.number,
    nodeId: json.node_id,
    title: json.title,
    body: json.body ?? "",
    state: json.state,
    author: json.user?.login ?? GHOST,
    merged: typeof json.merged_at === "string",
    mergeable: json.mergeable ?? null,
    mergeState: json.mergeable_state ?? "unknown",
    draft: json.draft ?? false,
    headSha: json.head.sha,
    headBranch: json.head.ref,
    baseBranch: json.base.ref,
    labels: labelNames(json.labels),
    url: json.html_url,
    repository: json.base.repo?.full_name ?? repositoryIn(json.html_url),
  })),
);

export const reviewAnswer = z.pipe(
  z.object({ id: z.int(), user, body: text, state: z.string(), submitted_at: text }),
  z.transform(
    (json): Review => ({
      id: json.id,
      author: json.user?.login ?? GHOST,
      body: json.body ?? "",
      state: json.state,
      submittedAt: json.submitted_at ?? "",
    }),
  ),
);

/** Returns the paths of one changed file: where it is, and where it was. */
export const fileAnswer = z.pipe(
  z.object({ filename: z.string(), previous_filename: text }),
  z.transform((json) => [json.filename, json.previous_filename].filter((path) => typeof path === "string")),
);

export const labelsAnswer = z.pipe(labels, z.transform(labelNames));
export const loginAnswer = z.pipe(
  z.object({ login: z.string() }),
  z.transform(({ login }) => login),
);
export const repositoryAnswer = z.pipe(
  z.object({
    id: z.int(),
    full_name: z.string(),
    default_branch: z.string(),
    archived: z.optional(z.boolean()),
    has_issues: z.optional(z.boolean()),
    allow_squash_merge: z.optional(z.boolean()),
    allow_merge_commit: z.optional(z.boolean()),
    allow_rebase_merge: z.optional(z.boolean()),
    permissions: z.optional(z.object({ pull: z.optional(z.boolean()), push: z.optional(z.boolean()) })),
  }),
  z.transform((json): Repository & { id: number } => ({
    id: json.id,
    fullName: json.full_name,
    defaultBranch: json.default_branch,
    isArchived: json.archived ?? false,
    hasIssues: json.has_issues ?? true,
    mergeMethods: allowed({
      squash: json.allow_squash_merge,
      merge: json.allow_merge_commit,
      rebase: json.allow_rebase_merge,
    }),
    // An installation's token has no role of a person, so that all of them are false for it.
    mayPush: json.permissions?.push === true || (json.permissions?.pull === true ? false : null),
  })),
);
export const mergeAnswer = z.object({ sha: z.string(), merged: z.literal(true) });
export const aheadAnswer = z.pipe(
  z.object({ ahead_by: z.int() }),
  z.transform((json) => json.ahead_by),
);
export const permissionAnswer = z.object({ permission: z.string(), role_name: text });
/** Takes any answer, for requests whose answer is not read. */
export const anyAnswer = z.pipe(
  z.unknown(),
  z.transform(() => undefined),
);

/** GitHub names the methods only to an account that may push; for any other we take all of them. */
function allowed(said: Readonly<Record<MergeMethod, boolean | undefined>>): readonly MergeMethod[] {
  const methods = MERGE_METHODS.filter((method) => said[method] ?? false);
  return methods.length === 0 ? MERGE_METHODS : methods;
}

function labelNames(listed: z.infer<typeof labels>): string[] {
  return listed.map((label) => (typeof label === "string" ? label : (label.name ?? ""))).filter((name) => name !== "");
}
