// Issues are opened, edited, closed and commented on here. Pull requests are issues too and share numbers, title, body,
// state and comments with them.

import { emit, isoNow, type Write } from "../kernel/forge-core.ts";
import { addEvent } from "./issue-events.ts";
import { addLabels, setLabels } from "./label-writes.ts";
import { type CommentRecord, type IssueRecord, isPull, nextId, type PullRecord } from "../store/repository-record.ts";
import { commentView, issueView } from "../views/issue-view.ts";
import { pullSimpleView } from "../views/pull-view.ts";

export interface IssueInput {
  readonly title: string;
  readonly body?: string | null | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly assignees?: readonly string[] | undefined;
}

export interface IssueEdit {
  readonly title?: string | undefined;
  readonly body?: string | null | undefined;
  readonly state?: "open" | "closed" | undefined;
  readonly stateReason?: IssueRecord["stateReason"] | undefined;
  readonly labels?: readonly string[] | undefined;
  readonly assignees?: readonly string[] | undefined;
}

export function createIssue(write: Write, input: IssueInput): IssueRecord {
  const issue = addIssue(write, input, null);
  emitIssue(write, issue, { kind: "created", action: "opened", detail: { title: issue.title } });
  addLabels(write, issue, input.labels ?? []);
  return issue;
}

/** Makes the record only; a pull request's caller emits it. */
export function addIssue(write: Write, input: IssueInput, pull: PullRecord | null): IssueRecord {
  const { record } = write.repository;
  const now = isoNow(write.core);
  const issue: IssueRecord = {
    id: nextId(record),
    number: record.issues.length + 1,
    title: input.title,
    body: input.body ?? null,
    state: "open",
    stateReason: null,
    author: write.cause.actor,
    labelIds: [],
    assignees: [...(input.assignees ?? [])],
    createdAt: now,
    updatedAt: now,
    closedAt: null,
    closedBy: null,
    comments: [],
    pull,
    events: [],
    bodyEdits: [],
  };
  record.issues.push(issue);
  return issue;
}

export function editIssue(write: Write, issue: IssueRecord, edit: IssueEdit): void {
  editText(write, issue, edit);
  if (edit.labels !== undefined) setLabels(write, issue, edit.labels);
  if (edit.state === "closed" && issue.state === "open") closeIssue(write, issue, edit.stateReason ?? "completed");
  if (edit.state === "open" && issue.state === "closed") reopenIssue(write, issue);
}

/** `commitSha` is the commit whose message closed it. */
export function closeIssue(
  write: Write,
  issue: IssueRecord,
  reason: IssueRecord["stateReason"],
  commitSha?: string,
): void {
  const now = isoNow(write.core);
  issue.state = "closed";
  issue.stateReason = isPull(issue) ? null : reason;
  issue.closedAt = now;
  issue.closedBy = write.cause.actor;
  issue.updatedAt = now;
  addEvent(write, issue, { event: "closed", ...(commitSha === undefined ? {} : { commitSha }) });
  emitIssue(write, issue, { kind: "closed", action: "closed", detail: { reason: issue.stateReason } });
}

function reopenIssue(write: Write, issue: IssueRecord): void {
  issue.state = "open";
  issue.stateReason = isPull(issue) ? null : "reopened";
  issue.closedAt = null;
  issue.closedBy = null;
  issue.updatedAt = isoNow(write.core);
  addEvent(write, issue, { event: "reopened" });
  emitIssue(write, issue, { kind: "reopened", action: "reopened", detail: {} });
}

export function addComment(write: Write, issue: IssueRecord, body: string): CommentRecord {
  const now = isoNow(write.core);
  const comment = {
    id: nextId(write.repository.record),
    author: write.cause.actor,
    body,
    createdAt: now,
    updatedAt: now,
  };
  issue.comments.push(comment);
  emitComment(write, issue, comment, "created");
  return comment;
}

export function editComment(write: Write, issue: IssueRecord, comment: CommentRecord, body: string): void {
  comment.body = body;
  comment.updatedAt = isoNow(write.core);
  emitComment(write, issue, comment, "updated");
}

export function deleteComment(write: Write, issue: IssueRecord, comment: CommentRecord): void {
  issue.comments = issue.comments.filter((other) => other !== comment);
  emitComment(write, issue, comment, "deleted");
}

export interface IssueChange {
  /** It is the ledger's word. */
  readonly kind: string;
  /** It is GitHub's word. */
  readonly action: string;
  readonly detail: Readonly<Record<string, unknown>>;
}

export function emitIssue(write: Write, issue: IssueRecord, { kind, action, detail }: IssueChange): void {
  const { core, cause, repository } = write;
  emit(write, {
    kind: `${isPull(issue) ? "pull" : "issue"}.${kind}`,
    number: issue.number,
    detail,
    event: {
      name: isPull(issue) ? "pull_request" : "issues",
      payload: () => ({
        action,
        number: issue.number,
        ...(isPull(issue)
          ? { pull_request: pullSimpleView(core.origin, repository.record, issue, cause.actor) }
          : { issue: issueView(core.origin, repository.record, issue) }),
      }),
    },
  });
}

function editText(write: Write, issue: IssueRecord, edit: IssueEdit): void {
  const changed = [
    ...(edit.title !== undefined && edit.title !== issue.title ? ["title"] : []),
    ...(edit.body !== undefined && edit.body !== issue.body ? ["body"] : []),
    ...(edit.assignees !== undefined && edit.assignees.join() !== issue.assignees.join() ? ["assignees"] : []),
  ];
  if (changed.length === 0) return;
  keepHistory(write, issue, edit);
  issue.title = edit.title ?? issue.title;
  issue.body = edit.body === undefined ? issue.body : edit.body;
  issue.assignees = [...(edit.assignees ?? issue.assignees)];
  issue.updatedAt = isoNow(write.core);
  emitIssue(write, issue, { kind: "updated", action: "edited", detail: { changed } });
}

/** GitHub keeps the first version of a body too, from the first edit on. */
function keepHistory(write: Write, issue: IssueRecord, { title, body }: IssueEdit): void {
  if (title !== undefined && title !== issue.title) {
    addEvent(write, issue, { event: "renamed", rename: { from: issue.title, to: title } });
  }
  if (body === undefined || body === issue.body) return;
  if (issue.bodyEdits.length === 0) {
    issue.bodyEdits.push({ editor: issue.author, editedAt: issue.createdAt, body: issue.body ?? "" });
  }
  issue.bodyEdits.push({ editor: write.cause.actor, editedAt: isoNow(write.core), body: body ?? "" });
}

function emitComment(
  write: Write,
  issue: IssueRecord,
  comment: CommentRecord,
  change: "created" | "updated" | "deleted",
): void {
  const { core } = write;
  const { record } = write.repository;
  issue.updatedAt = isoNow(core);
  emit(write, {
    kind: `comment.${change}`,
    number: issue.number,
    detail: { comment: comment.id, body: comment.body },
    event: {
      name: "issue_comment",
      payload: () => ({
        action: change === "updated" ? "edited" : change,
        issue: issueView(core.origin, record, issue),
        comment: commentView(core.origin, record, issue, comment),
      }),
    },
  });
}
