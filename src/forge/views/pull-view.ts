// These views show pull requests and reviews as GitHub does. Lists show less than the single object, which adds what
// git computed.

import { authorAssociation } from "../store/permission.ts";
import type { PullIssue, RepositoryRecord, ReviewRecord } from "../store/repository-record.ts";
import { issueHtmlUrl, labelViews, lockView } from "./issue-view.ts";
import { repositoryApiUrl, repositoryView } from "./repository-view.ts";
import { nodeId, userView } from "./user-view.ts";

/** Only git can say these facts of a pull request. */
export interface PullFacts {
  /** It is null once the pull request is merged or closed: nobody asks any more. */
  readonly mergeable: boolean | null;
  readonly mergeableState: "behind" | "blocked" | "clean" | "dirty" | "draft" | "unstable" | "unknown";
  readonly commits: number;
  readonly additions: number;
  readonly deletions: number;
  readonly changedFiles: number;
}

/** `login` is who asks. */
export function pullSimpleView(origin: string, repository: RepositoryRecord, issue: PullIssue, login: string) {
  const { pull } = issue;
  const assignee = issue.assignees[0];
  return {
    id: issue.id,
    node_id: nodeId("PullRequest", issue.id),
    ...pullUrls(origin, repository, issue),
    number: issue.number,
    state: issue.state,
    ...lockView(issue),
    title: issue.title,
    body: issue.body,
    user: userView(origin, issue.author),
    // A label without description has null elsewhere, but pull request lists promise text.
    labels: labelViews(origin, repository, issue).map((label) => ({ ...label, description: label.description ?? "" })),
    milestone: null,
    draft: pull.draft,
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    closed_at: issue.closedAt,
    merged_at: pull.mergedAt,
    merge_commit_sha: pull.mergeSha,
    assignee: assignee === undefined ? null : userView(origin, assignee),
    assignees: issue.assignees.map((name) => userView(origin, name)),
    requested_reviewers: [],
    requested_teams: [],
    head: sideView(origin, repository, { ref: pull.headBranch, sha: pull.headSha }, login),
    base: sideView(origin, repository, { ref: pull.baseBranch, sha: pull.baseSha }, login),
    author_association: authorAssociation(repository, issue.author),
    auto_merge: null,
  };
}

export function pullView(
  origin: string,
  repository: RepositoryRecord,
  issue: PullIssue,
  { facts, login }: { readonly facts: PullFacts; readonly login: string },
) {
  const { pull } = issue;
  return {
    ...pullSimpleView(origin, repository, issue, login),
    merged: pull.mergedAt !== null,
    merged_by: pull.mergedBy === null ? null : userView(origin, pull.mergedBy),
    mergeable: facts.mergeable,
    rebaseable: facts.mergeable,
    mergeable_state: facts.mergeableState,
    comments: issue.comments.length,
    review_comments: 0,
    maintainer_can_modify: false,
    commits: facts.commits,
    additions: facts.additions,
    deletions: facts.deletions,
    changed_files: facts.changedFiles,
  };
}

/** Check runs name the pull requests they belong to in this form. */
export function pullMinimalView(origin: string, repository: RepositoryRecord, issue: PullIssue) {
  const url = repositoryApiUrl(origin, repository);
  const repo = { id: repository.id, url, name: repository.name };
  return {
    id: issue.id,
    number: issue.number,
    url: `${url}/pulls/${issue.number}`,
    head: { ref: issue.pull.headBranch, sha: issue.pull.headSha, repo },
    base: { ref: issue.pull.baseBranch, sha: issue.pull.baseSha, repo },
  };
}

export function reviewView(origin: string, repository: RepositoryRecord, issue: PullIssue, review: ReviewRecord) {
  const html = `${issueHtmlUrl(origin, repository, issue)}#pullrequestreview-${review.id}`;
  const pullUrl = `${repositoryApiUrl(origin, repository)}/pulls/${issue.number}`;
  return {
    id: review.id,
    node_id: nodeId("PullRequestReview", review.id),
    user: userView(origin, review.author),
    body: review.body,
    state: review.state,
    html_url: html,
    pull_request_url: pullUrl,
    _links: { html: { href: html }, pull_request: { href: pullUrl } },
    submitted_at: review.submittedAt,
    commit_id: review.commitSha,
    author_association: authorAssociation(repository, review.author),
  };
}

function pullUrls(origin: string, repository: RepositoryRecord, issue: PullIssue) {
  const api = repositoryApiUrl(origin, repository);
  const url = `${api}/pulls/${issue.number}`;
  const html = issueHtmlUrl(origin, repository, issue);
  const urls = {
    issue_url: `${api}/issues/${issue.number}`,
    commits_url: `${url}/commits`,
    review_comments_url: `${url}/comments`,
    review_comment_url: `${api}/pulls/comments{/number}`,
    comments_url: `${api}/issues/${issue.number}/comments`,
    statuses_url: `${api}/statuses/${issue.pull.headSha}`,
  };
  return {
    url,
    html_url: html,
    diff_url: `${html}.diff`,
    patch_url: `${html}.patch`,
    ...urls,
    _links: {
      self: { href: url },
      html: { href: html },
      issue: { href: urls.issue_url },
      comments: { href: urls.comments_url },
      review_comments: { href: urls.review_comments_url },
      review_comment: { href: urls.review_comment_url },
      commits: { href: urls.commits_url },
      statuses: { href: urls.statuses_url },
    },
  };
}

function sideView(origin: string, repository: RepositoryRecord, side: { ref: string; sha: string }, login: string) {
  return {
    label: `${repository.owner}:${side.ref}`,
    ref: side.ref,
    sha: side.sha,
    user: userView(origin, repository.owner),
    repo: repositoryView(origin, repository, login),
  };
}
