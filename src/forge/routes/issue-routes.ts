// These routes serve issues and their comments.

import { z } from "../../core/base/schema.ts";
import { issuesDisabled } from "../api/access.ts";
import { answer, forbidden, notFound, refusal } from "../api/api-answer.ts";
import { type ApiRouter, type OnRepository, readBody } from "../api/api-router.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import { addComment, createIssue, deleteComment, editComment, editIssue } from "../issues/issue-writes.ts";
import { lockIssue } from "../issues/issue-moves.ts";
import { selectIssues, sinceOf } from "../issues/issue-selection.ts";
import { listAnswer } from "../api/pagination.ts";
import { allows, mayChange, permissionOf } from "../store/permission.ts";
import { editPull } from "../pulls/pull-writes.ts";
import {
  BODY_LENGTH_MAX,
  type CommentRecord,
  type IssueRecord,
  isPull,
  type RepositoryRecord,
} from "../store/repository-record.ts";
import { commentView, eventView, issueView } from "../views/issue-view.ts";

const labelName = z.union([
  z.string(),
  z.pipe(
    z.object({ name: z.string() }),
    z.transform((label) => label.name),
  ),
]);
const text = z.optional(z.nullable(z.string().check(z.maxLength(BODY_LENGTH_MAX))));

const newIssueSchema = z.object({
  title: z.string().check(z.minLength(1)),
  body: text,
  labels: z.optional(z.array(labelName)),
  assignees: z.optional(z.array(z.string())),
});

const issueEditSchema = z.object({
  title: z.optional(z.string().check(z.minLength(1))),
  body: text,
  state: z.optional(z.enum(["open", "closed"])),
  state_reason: z.optional(z.nullable(z.enum(["completed", "not_planned", "duplicate", "reopened"]))),
  labels: z.optional(z.array(labelName)),
  assignees: z.optional(z.array(z.string())),
});

const commentSchema = z.object({ body: z.string().check(z.minLength(1), z.maxLength(BODY_LENGTH_MAX)) });

const lockSchema = z.object({
  lock_reason: z.optional(z.enum(["off-topic", "too heated", "resolved", "spam"])),
});

export function issueRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("GET /issues", "read", ({ request, repository }) =>
    repository.record.settings.hasIssues
      ? listAnswer(request, selectIssues(repository.record, request.query), (issue) =>
          issueView(core.origin, repository.record, issue),
        )
      : issuesDisabled(),
  );

  router.onRepository("POST /issues", "read", ({ request, repository }) => {
    const { record } = repository;
    if (!record.settings.hasIssues) return issuesDisabled();
    if (isLimited(record, request.login)) return interactionRefusal();
    const input = readBody(request, newIssueSchema, "Issue");
    if (!input.ok) return input.failure;
    const mayLabel = allows(permissionOf(record, request.login), "triage");
    // "Only users with push access can set labels for new issues. Labels are silently dropped otherwise."
    const { labels, assignees, ...texts } = input.value;
    const issue = createIssue(
      { core, repository, cause: request.cause },
      mayLabel ? { ...texts, labels, assignees } : texts,
    );
    return answer(201, issueView(core.origin, repository.record, issue));
  });

  router.onIssue("GET /issues/:number{[0-9]+}", "read", ({ repository, issue }) =>
    answer(200, issueView(core.origin, repository.record, issue)),
  );

  router.onIssue("PATCH /issues/:number{[0-9]+}", "read", ({ request, repository, issue }) => {
    if (!mayChange(repository.record, request.login, issue.author, "triage")) return forbidden(request.token);
    const input = readBody(request, issueEditSchema, "Issue");
    if (!input.ok) return input.failure;
    // The triage role moves issues about; only the author and those who may write change what they say.
    const isText = input.value.title !== undefined || input.value.body !== undefined;
    if (isText && !mayChange(repository.record, request.login, issue.author, "write")) {
      return forbidden(request.token);
    }
    const { state_reason: stateReason, ...rest } = input.value;
    const write = { core, repository, cause: request.cause };
    const edit = { ...rest, stateReason };
    if (isPull(issue)) {
      const edited = editPull(write, issue, edit);
      if (!edited.ok) return edited.failure;
    } else editIssue(write, issue, edit);
    return answer(200, issueView(core.origin, repository.record, issue));
  });

  commentRoutes(router, core);
  historyRoutes(router, core);
}

function historyRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onIssue("GET /issues/:number{[0-9]+}/events", "read", ({ request, repository, issue }) =>
    listAnswer(request, issue.events, (event) => eventView(core.origin, repository.record, event)),
  );

  router.onIssue("PUT /issues/:number{[0-9]+}/lock", "triage", ({ request, repository, issue }) => {
    const input = readBody(request, lockSchema, "Issue");
    if (!input.ok) return input.failure;
    lockIssue({ core, repository, cause: request.cause }, issue, input.value.lock_reason ?? "");
    return answer(204);
  });

  router.onIssue("DELETE /issues/:number{[0-9]+}/lock", "triage", ({ request, repository, issue }) => {
    lockIssue({ core, repository, cause: request.cause }, issue, null);
    return answer(204);
  });
}

/** "Limiting interactions in your repository" asks who was here before, who has contributed, who may write. */
function isLimited(record: RepositoryRecord, login: string): boolean {
  const { interactionLimit } = record.settings;
  if (interactionLimit === null || allows(permissionOf(record, login), "write")) return false;
  if (interactionLimit === "collaborators_only") return true;
  return !record.issues.some(({ author, pull }) => author === login && pull?.mergedAt !== null);
}

function interactionRefusal() {
  return refusal(403, "Interactions on this repository have been restricted to certain users.");
}

function commentRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onIssue("GET /issues/:number{[0-9]+}/comments", "read", ({ request, repository, issue }) => {
    const since = sinceOf(request.query);
    const comments = issue.comments.filter((comment) => comment.updatedAt >= since);
    return listAnswer(request, comments, (comment) => commentView(core.origin, repository.record, issue, comment));
  });

  router.onIssue("POST /issues/:number{[0-9]+}/comments", "read", ({ request, repository, issue }) => {
    const { record } = repository;
    const isWriter = allows(permissionOf(record, request.login), "write");
    if ((issue.lockReason ?? null) !== null && !isWriter) {
      return refusal(403, "Unable to create comment because issue is locked.");
    }
    if (isLimited(record, request.login)) return interactionRefusal();
    const input = readBody(request, commentSchema, "IssueComment");
    if (!input.ok) return input.failure;
    const comment = addComment({ core, repository, cause: request.cause }, issue, input.value.body);
    return answer(201, commentView(core.origin, repository.record, issue, comment));
  });

  router.onRepository("GET /issues/comments/:id", "read", (on) => {
    const found = findComment(on);
    return found === undefined
      ? notFound()
      : answer(200, commentView(core.origin, on.repository.record, found.issue, found.comment));
  });

  router.onRepository("PATCH /issues/comments/:id", "read", (on) => {
    const found = findComment(on);
    if (found === undefined) return notFound();
    if (!mayChange(on.repository.record, on.request.login, found.comment.author, "write")) return forbidden();
    const input = readBody(on.request, commentSchema, "IssueComment");
    if (!input.ok) return input.failure;
    editComment(
      { core, repository: on.repository, cause: on.request.cause },
      found.issue,
      found.comment,
      input.value.body,
    );
    return answer(200, commentView(core.origin, on.repository.record, found.issue, found.comment));
  });

  router.onRepository("DELETE /issues/comments/:id", "read", (on) => {
    const found = findComment(on);
    if (found === undefined) return notFound();
    if (!mayChange(on.repository.record, on.request.login, found.comment.author, "write")) return forbidden();
    deleteComment({ core, repository: on.repository, cause: on.request.cause }, found.issue, found.comment);
    return answer(204);
  });
}

function findComment({ repository, params }: OnRepository): { issue: IssueRecord; comment: CommentRecord } | undefined {
  for (const issue of repository.record.issues) {
    const comment = issue.comments.find((candidate) => candidate.id === Number(params["id"]));
    if (comment !== undefined) return { issue, comment };
  }
  return undefined;
}
