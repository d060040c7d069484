// These routes give git's own data: refs, and the comparison of two commits.

import { answer, notFound, refusal } from "../api/api-answer.ts";
import { type ApiRouter, type OnRepository } from "../api/api-router.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import { changedFiles } from "../git/changed-files.ts";
import { listAnswer, pageOf } from "../api/pagination.ts";
import { branchOf } from "../pulls/pull-writes.ts";
import { deleteRef } from "../pulls/ref-writes.ts";
import { changedFileView, commitView, refView } from "../views/commit-view.ts";
import { repositoryApiUrl, repositoryHtmlUrl } from "../views/repository-view.ts";

/** GitHub limits one comparison to so many commits. */
const COMMITS_MAX = 250;
const FILES_MAX = 300;

export function gitRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("GET /git/ref/:ref{.+}", "read", ({ params, repository }) => {
    const ref = `refs/${params["ref"]}`;
    const sha = repository.record.refs[ref];
    return sha === undefined ? notFound() : answer(200, refView(core.origin, repository.record, ref, sha));
  });

  router.onRepository("DELETE /git/refs/:ref{.+}", "write", async ({ request, params, repository }) => {
    const ref = `refs/${params["ref"]}`;
    if (ref === `refs/heads/${repository.record.defaultBranch}`)
      return refusal(422, "Cannot delete the default branch");
    const deleted = await deleteRef({ core, repository, cause: request.cause }, ref, core.signal);
    return deleted.ok ? answer(204) : deleted.failure;
  });

  router.onRepository("GET /commits", "read", async ({ request, repository }) => {
    const { record, git } = repository;
    const sha = await git.resolve(request.query.get("sha") ?? record.defaultBranch, core.signal);
    if (sha === null) return notFound();
    const commits = await git.commits(sha, COMMITS_MAX, core.signal);
    return listAnswer(request, commits, (commit) => commitView(core.origin, record, commit));
  });

  router.onRepository("GET /compare/:basehead", "read", async (on) => {
    const [base, head] = (on.params["basehead"] ?? "").split("...");
    if (base === undefined || head === undefined) return notFound();
    const [baseSha, headSha] = await Promise.all(
      [base, head].map((name) => on.repository.git.resolve(branchOf(on, name), core.signal)),
    );
    if (baseSha === undefined || baseSha === null || headSha === undefined || headSha === null) return notFound();
    return await compare(core, on, baseSha, headSha);
  });
}

async function compare(core: ForgeCore, { request, params, repository }: OnRepository, base: string, head: string) {
  const { git, record } = repository;
  const mergeBase = await git.mergeBase(base, head, core.signal);
  if (mergeBase === null) return refusal(404, `No common ancestor between ${base} and ${head}.`);
  const [{ aheadBy, behindBy }, commits, files, [baseCommit], [mergeBaseCommit]] = await Promise.all([
    git.divergence(base, head, core.signal),
    git.commits(`${base}..${head}`, COMMITS_MAX, core.signal),
    changedFiles(git, base, head, core.signal),
    git.commits(base, 1, core.signal),
    git.commits(mergeBase, 1, core.signal),
  ]);
  if (baseCommit === undefined || mergeBaseCommit === undefined) return notFound();
  const oldestFirst = commits.toReversed();
  const isPaged = request.query.has("page") || request.query.has("per_page");
  const page = isPaged ? pageOf(request, oldestFirst) : { items: oldestFirst, headers: {} };
  const range = encodeURIComponent(params["basehead"] ?? "");
  const html = `${repositoryHtmlUrl(core.origin, record)}/compare/${range}`;
  const body = {
    url: `${repositoryApiUrl(core.origin, record)}/compare/${range}`,
    html_url: html,
    permalink_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    base_commit: commitView(core.origin, record, baseCommit),
    merge_base_commit: commitView(core.origin, record, mergeBaseCommit),
    status: comparisonStatus(aheadBy, behindBy),
    ahead_by: aheadBy,
    behind_by: behindBy,
    total_commits: aheadBy,
    commits: page.items.map((commit) => commitView(core.origin, record, commit)),
    files: files.slice(0, FILES_MAX).map((file) => changedFileView(core.origin, record, file, head)),
  };
  return { ...answer(200, body), headers: page.headers };
}

function comparisonStatus(aheadBy: number, behindBy: number): "diverged" | "ahead" | "behind" | "identical" {
  if (aheadBy > 0) return behindBy > 0 ? "diverged" : "ahead";
  return behindBy > 0 ? "behind" : "identical";
}
