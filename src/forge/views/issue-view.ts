// These views show issues, comments and labels as GitHub does. A pull request is an issue too, with a `pull_request`
// field.

import { authorAssociation } from "../store/permission.ts";
import type {
  CommentRecord,
  EventRecord,
  IssueRecord,
  LabelRecord,
  RepositoryRecord,
} from "../store/repository-record.ts";
import { repositoryApiUrl, repositoryHtmlUrl } from "./repository-view.ts";
import { nodeId, userView } from "./user-view.ts";

export function issueView(origin: string, repository: RepositoryRecord, issue: IssueRecord) {
  const api = repositoryApiUrl(origin, repository);
  const url = `${api}/issues/${issue.number}`;
  return {
    id: issue.id,
    node_id: nodeId("Issue", issue.id),
    url,
    repository_url: api,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    timeline_url: `${url}/timeline`,
    html_url: issueHtmlUrl(origin, repository, issue),
    number: issue.number,
    state: issue.state,
    state_reason: issue.stateReason,
    title: issue.title,
    body: issue.body,
    user: userView(origin, issue.author),
    labels: labelViews(origin, repository, issue),
    assignee: issue.assignees[0] === undefined ? null : userView(origin, issue.assignees[0]),
    assignees: issue.assignees.map((login) => userView(origin, login)),
    milestone: null,
    ...lockView(issue),
    comments: issue.comments.length,
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    closed_at: issue.closedAt,
    closed_by: issue.closedBy === null ? null : userView(origin, issue.closedBy),
    author_association: authorAssociation(repository, issue.author),
    reactions: reactionsView(url),
    performed_via_github_app: null,
    ...pullLinks(origin, repository, issue),
  };
}

export function commentView(origin: string, repository: RepositoryRecord, issue: IssueRecord, comment: CommentRecord) {
  const api = repositoryApiUrl(origin, repository);
  const url = `${api}/issues/comments/${comment.id}`;
  return {
    id: comment.id,
    node_id: nodeId("IssueComment", comment.id),
    url,
    html_url: `${issueHtmlUrl(origin, repository, issue)}#issuecomment-${comment.id}`,
    issue_url: `${api}/issues/${issue.number}`,
    user: userView(origin, comment.author),
    body: comment.body,
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    author_association: authorAssociation(repository, comment.author),
    reactions: reactionsView(url),
    performed_via_github_app: null,
  };
}

export function labelView(origin: string, repository: RepositoryRecord, label: LabelRecord) {
  return {
    id: label.id,
    node_id: nodeId("Label", label.id),
    url: `${repositoryApiUrl(origin, repository)}/labels/${encodeURIComponent(label.name)}`,
    name: label.name,
    color: label.color,
    description: label.description,
    default: false,
  };
}

export function labelViews(origin: string, repository: RepositoryRecord, issue: IssueRecord) {
  return labelsOf(repository, issue).map((label) => labelView(origin, repository, label));
}

export function labelsOf(repository: RepositoryRecord, issue: IssueRecord): LabelRecord[] {
  return repository.labels.filter((label) => issue.labelIds.includes(label.id));
}

export function lockView(issue: IssueRecord) {
  const reason = issue.lockReason ?? null;
  return { locked: reason !== null, active_lock_reason: reason === "" ? null : reason };
}

export function eventView(origin: string, repository: RepositoryRecord, event: EventRecord) {
  const api = repositoryApiUrl(origin, repository);
  return {
    id: event.id,
    node_id: nodeId("IssueEvent", event.id),
    url: `${api}/issues/events/${event.id}`,
    actor: userView(origin, event.actor),
    event: event.event,
    commit_id: event.commitSha ?? null,
    commit_url: event.commitSha === undefined ? null : `${api}/commits/${event.commitSha}`,
    created_at: event.createdAt,
    performed_via_github_app: null,
    ...(event.label === undefined ? {} : { label: event.label }),
    ...(event.rename === undefined ? {} : { rename: event.rename }),
  };
}

export function issueHtmlUrl(origin: string, repository: RepositoryRecord, issue: IssueRecord): string {
  return `${repositoryHtmlUrl(origin, repository)}/${issue.pull === null ? "issues" : "pull"}/${issue.number}`;
}

function pullLinks(origin: string, repository: RepositoryRecord, issue: IssueRecord) {
  if (issue.pull === null) return {};
  const html = issueHtmlUrl(origin, repository, issue);
  return {
    draft: issue.pull.draft,
    pull_request: {
      url: `${repositoryApiUrl(origin, repository)}/pulls/${issue.number}`,
      html_url: html,
      diff_url: `${html}.diff`,
      patch_url: `${html}.patch`,
      merged_at: issue.pull.mergedAt,
    },
  };
}

function reactionsView(url: string) {
  const counts = { "+1": 0, "-1": 0, laugh: 0, confused: 0, heart: 0, hooray: 0, eyes: 0, rocket: 0 };
  return { url: `${url}/reactions`, total_count: 0, ...counts };
}
