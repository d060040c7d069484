// The parts of GitHub's answers that we read, checked once here, and what they become in the port's words.

import { z } from "../../core/schema.ts";
import type { CheckRun, CommitStatus } from "./check-state.ts";
import type { Comment, Issue, PullRequest } from "./github.ts";

/** Shown where the account is gone, as GitHub's own pages do. */
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
  user,
  html_url: z.string(),
  created_at: z.string(),
  updated_at: z.string(),
  /** Present on pull requests, which the issue endpoints list too. */
  pull_request: z.optional(z.unknown()),
});

const commentJson = z.object({ id: z.int(), user, body: text, created_at: z.string(), updated_at: z.string() });

const pullJson = z.object({
  number: z.int(),
  title: z.string(),
  body: text,
  state: z.enum(["open", "closed"]),
  merged_at: text,
  draft: z.optional(z.boolean()),
  head: z.object({ ref: z.string(), sha: z.string() }),
  base: z.object({ ref: z.string() }),
  labels,
  html_url: z.string(),
});

const checkRunJson = z.object({
  name: z.string(),
  status: z.string(),
  conclusion: text,
  html_url: text,
  output: z.nullish(z.object({ title: text, summary: text })),
});

const statusJson = z.object({ context: z.string(), state: z.string(), description: text, target_url: text });

/** `isPull` tells the pull requests among the issues. */
export const issueAnswer = z.pipe(
  issueJson,
  z.transform((json): Issue & { isPull: boolean } => ({
    number: json.number,
    title: json.title,
    body: json.body ?? "",
    labels: labelNames(json.labels),
    state: json.state,
    author: json.user?.login ?? GHOST,
    url: json.html_url,
    createdAt: json.created_at,
    updatedAt: json.updated_at,
    isPull: json.pull_request !== undefined && json.pull_request !== null,
  })),
);

export const commentAnswer = z.pipe(
  commentJson,
  z.transform(
    (json): Comment => ({
      id: json.id,
      author: json.user?.login ?? GHOST,
      body: json.body ?? "",
      createdAt: json.created_at,
      updatedAt: json.updated_at,
    }),
  ),
);

export const pullAnswer = z.pipe(
  pullJson,
  z.transform(
    (json): PullRequest => ({
      number: json.number,
      title: json.title,
      body: json.body ?? "",
      state: json.state,
      merged: typeof json.merged_at === "string",
      draft: json.draft ?? false,
      headSha: json.head.sha,
      headBranch: json.head.ref,
      baseBranch: json.base.ref,
      labels: labelNames(json.labels),
      url: json.html_url,
    }),
  ),
);

export const reviewAnswer = z.pipe(
  z.object({ id: z.int(), user, body: text, state: z.string() }),
  z.transform((json) => ({ id: json.id, author: json.user?.login ?? GHOST, body: json.body ?? "", state: json.state })),
);

const checkRunAnswer = z.pipe(
  checkRunJson,
  z.transform(
    (json): CheckRun => ({
      name: json.name,
      status: json.status,
      conclusion: json.conclusion ?? null,
      summary: [json.output?.title, json.output?.summary].filter((part) => part).join(": "),
      url: json.html_url ?? "",
    }),
  ),
);

const commitStatusAnswer = z.pipe(
  statusJson,
  z.transform(
    (json): CommitStatus => ({
      context: json.context,
      state: json.state,
      description: json.description ?? "",
      url: json.target_url ?? "",
    }),
  ),
);

export const labelsAnswer = z.pipe(labels, z.transform(labelNames));
export const loginAnswer = z.pipe(
  z.object({ login: z.string() }),
  z.transform(({ login }) => login),
);
export const repositoryAnswer = z.pipe(
  z.object({ full_name: z.string(), default_branch: z.string() }),
  z.transform((json) => ({ fullName: json.full_name, defaultBranch: json.default_branch })),
);
export const mergeAnswer = z.object({ sha: z.string(), merged: z.literal(true) });
export const aheadAnswer = z.pipe(
  z.object({ ahead_by: z.int() }),
  z.transform((json) => json.ahead_by),
);
export const permissionAnswer = z.object({ permission: z.string(), role_name: text });
export const checkRunsPage = z.pipe(
  z.object({ check_runs: z.array(checkRunAnswer) }),
  z.transform((json) => json.check_runs),
);
export const statusesPage = z.pipe(
  z.object({ statuses: z.array(commitStatusAnswer) }),
  z.transform((json) => json.statuses),
);
/** For requests whose answer is not read. */
export const anyAnswer = z.pipe(
  z.unknown(),
  z.transform(() => undefined),
);

function labelNames(listed: z.infer<typeof labels>): string[] {
  return listed.map((label) => (typeof label === "string" ? label : (label.name ?? ""))).filter((name) => name !== "");
}
