// GitHub's issue list has these filters and this order.

import { type IssueRecord, isoSeconds, type RepositoryRecord } from "../store/repository-record.ts";
import { labelsOf } from "../views/issue-view.ts";

/** The defaults are GitHub's: open issues, newest first. Several labels mean all of them. */
export function selectIssues(repository: RepositoryRecord, query: URLSearchParams): IssueRecord[] {
  const state = query.get("state") ?? "open";
  const since = sinceOf(query);
  const creator = query.get("creator")?.toLowerCase();
  const assignee = query.get("assignee")?.toLowerCase();
  const wanted = (query.get("labels") ?? "").split(",").map((name) => name.trim().toLowerCase());
  const labels = wanted.filter((name) => name !== "");
  const selected = repository.issues.filter(
    (issue) =>
      isHere(issue) &&
      (state === "all" || issue.state === state) &&
      issue.updatedAt >= since &&
      (creator === undefined || issue.author.toLowerCase() === creator) &&
      isAssigned(issue, assignee) &&
      hasLabels(repository, issue, labels),
  );
  return inOrder(selected, query.get("sort") ?? "created", query.get("direction") ?? "desc");
}

/** A number that was transferred or deleted is in no list. */
function isHere(issue: IssueRecord): boolean {
  return issue.transferredTo === undefined && issue.isDeleted !== true;
}

/** Gives `since` in the form times are kept in, which compares as text; it is empty when absent or no time. */
export function sinceOf(query: URLSearchParams): string {
  const at = new Date(query.get("since") ?? "");
  return Number.isNaN(at.getTime()) ? "" : isoSeconds(at);
}

/** Among equals, the higher number counts as later. */
export function inOrder<T extends IssueRecord>(issues: readonly T[], sort: string, direction: string): T[] {
  const rising = issues.toSorted((one, other) => compare(one, other, sort) || one.number - other.number);
  return direction === "asc" ? rising : rising.toReversed();
}

function compare(one: IssueRecord, other: IssueRecord, sort: string): number {
  if (sort === "comments") return one.comments.length - other.comments.length;
  const [first, second] = sort === "updated" ? [one.updatedAt, other.updatedAt] : [one.createdAt, other.createdAt];
  return first < second ? -1 : Number(first > second);
}

function isAssigned(issue: IssueRecord, assignee: string | undefined): boolean {
  if (assignee === undefined) return true;
  if (assignee === "none") return issue.assignees.length === 0;
  return assignee === "*"
    ? issue.assignees.length > 0
    : issue.assignees.some((login) => login.toLowerCase() === assignee);
}

function hasLabels(repository: RepositoryRecord, issue: IssueRecord, labels: readonly string[]): boolean {
  if (labels.length === 0) return true;
  const names = labelsOf(repository, issue).map((label) => label.name.toLowerCase());
  return labels.every((label) => names.includes(label));
}
