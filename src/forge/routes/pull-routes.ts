// These routes list, open, edit and merge pull requests, and list their files.

import { z } from "../../core/base/schema.ts";
import { answer, forbidden, refusal } from "../api/api-answer.ts";
import { type ApiRouter, type OnPull, readBody } from "../api/api-router.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import { changedFiles, unifiedDiff } from "../git/changed-files.ts";
import { inOrder } from "../issues/issue-selection.ts";
import { listAnswer } from "../api/pagination.ts";
import { mayChange } from "../store/permission.ts";
import { mergePull } from "../pulls/pull-merge.ts";
import { branchOf, editPull, openPull } from "../pulls/pull-writes.ts";
import { BODY_LENGTH_MAX, isPull, type PullIssue } from "../store/repository-record.ts";
import type { StoredRepository } from "../store/repository-store.ts";
import { changedFileView, commitView } from "../views/commit-view.ts";
import { pullSimpleView, pullView } from "../views/pull-view.ts";

/** GitHub limits one pull request to so many commits. */
const COMMITS_MAX = 250;

const body = z.optional(z.nullable(z.string().check(z.maxLength(BODY_LENGTH_MAX))));
const title = z.string().check(z.minLength(1));

const newPullSchema = z.object({
  title,
  body,
  head: z.string(),
  base: z.string(),
  draft: z.optional(z.boolean()),
});
const pullEditSchema = z.object({
  title: z.optional(title),
  body,
  state: z.optional(z.enum(["open", "closed"])),
  base: z.optional(z.string()),
});
const mergeSchema = z.object({
  commit_title: z.optional(z.string()),
  commit_message: z.optional(z.string()),
  sha: z.optional(z.string()),
  merge_method: z._default(z.enum(["merge", "squash", "rebase"]), "merge"),
});

export function pullRoutes(router: ApiRouter, core: ForgeCore): void {
  readRoutes(router, core);
  commitRoutes(router, core);
  writeRoutes(router, core);
}

function readRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("GET /pulls", "read", ({ request, repository }) =>
    listAnswer(request, selectPulls(repository, request.query), (issue) =>
      pullSimpleView(core.origin, repository.record, issue, request.login),
    ),
  );

  router.onPull("GET /pulls/:number{[0-9]+}", "read", async (on) => {
    const { request, repository, issue } = on;
    if (!/\bdiff\b/.test(request.accept)) return answer(200, await fullView(core, on));
    const text = await unifiedDiff(repository.git, issue.pull.baseSha, issue.pull.headSha, core.signal);
    return { ...answer(200), text, headers: { "content-type": "application/vnd.github.diff; charset=utf-8" } };
  });

  router.onPull("GET /pulls/:number{[0-9]+}/files", "read", async ({ request, repository, issue }) => {
    const { baseSha, headSha } = issue.pull;
    const all = await changedFiles(repository.git, baseSha, headSha, core.signal);
    const files = all.slice(0, repository.record.settings.filesMax);
    return listAnswer(request, files, (file) => changedFileView(core.origin, repository.record, file, headSha));
  });
}

function commitRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onPull("GET /pulls/:number{[0-9]+}/commits", "read", async ({ request, repository, issue }) => {
    const { baseSha, headSha } = issue.pull;
    const commits = await repository.git.commits(`${baseSha}..${headSha}`, COMMITS_MAX, core.signal);
    return listAnswer(request, commits.toReversed(), (commit) => commitView(core.origin, repository.record, commit));
  });
}

function writeRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("POST /pulls", "write", async (on) => {
    const { request, repository } = on;
    const input = readBody(request, newPullSchema, "PullRequest");
    if (!input.ok) return input.failure;
    const opened = await openPull({ core, repository, cause: request.cause }, input.value, core.signal);
    return opened.ok ? answer(201, await fullView(core, { ...on, issue: opened.value })) : opened.failure;
  });

  router.onPull("PATCH /pulls/:number{[0-9]+}", "read", async (on) => {
    const { request, repository, issue } = on;
    if (!mayChange(repository.record, request.login, issue.author, "write")) return forbidden();
    const input = readBody(request, pullEditSchema, "PullRequest");
    if (!input.ok) return input.failure;
    const edited = editPull({ core, repository, cause: request.cause }, issue, input.value);
    return edited.ok ? answer(200, await fullView(core, on)) : edited.failure;
  });

  router.onPull("GET /pulls/:number{[0-9]+}/merge", "read", ({ issue }) =>
    issue.pull.mergedAt === null ? refusal(404, "Not Found") : answer(204),
  );

  router.onPull("PUT /pulls/:number{[0-9]+}/merge", "write", async ({ request, repository, issue }) => {
    const input = readBody(request, mergeSchema, "PullRequest");
    if (!input.ok) return input.failure;
    const { merge_method: method, commit_title: commitTitle, commit_message: message, sha } = input.value;
    const order = { method, title: commitTitle, message, sha };
    const merged = await mergePull({ core, repository, cause: request.cause }, issue, order, core.signal);
    if (!merged.ok) return merged.failure;
    return answer(200, { sha: merged.value, merged: true, message: "Pull Request successfully merged" });
  });
}

function selectPulls(repository: StoredRepository, query: URLSearchParams): PullIssue[] {
  const state = query.get("state") ?? "open";
  const base = query.get("base");
  const head = query.get("head");
  const branch = head === null ? null : branchOf({ repository }, head);
  const selected = repository.record.issues
    .filter(isPull)
    .filter((issue) => state === "all" || issue.state === state)
    .filter((issue) => base === null || issue.pull.baseBranch === base)
    .filter((issue) => branch === null || issue.pull.headBranch === branch);
  const sort = query.get("sort") ?? "created";
  return inOrder(selected, sort, query.get("direction") ?? (sort === "created" ? "desc" : "asc"));
}

async function fullView(
  core: ForgeCore,
  { request, repository, issue }: Pick<OnPull, "request" | "repository" | "issue">,
) {
  const facts = await core.pullFacts.read(repository, issue, core.signal);
  return pullView(core.origin, repository.record, issue, { facts, login: request.login });
}
