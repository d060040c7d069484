// Issues and their comments.

import { z } from "../../core/schema.ts";
import { answer, forbidden, notFound } from "../api-answer.ts";
import { type ApiRouter, type OnRepository, readBody } from "../api-router.ts";
import type { ForgeCore } from "../forge-core.ts";
import { addComment, createIssue, deleteComment, editComment, editIssue } from "../issue-writes.ts";
import { selectIssues, sinceOf } from "../issue-selection.ts";
import { listAnswer } from "../pagination.ts";
import { mayChange } from "../permission.ts";
import { editPull } from "../pull-writes.ts";
import { BODY_LENGTH_MAX, type CommentRecord, type IssueRecord, isPull } from "../repository-record.ts";
import { commentView, issueView } from "../views/issue-view.ts";

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

export function issueRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onRepository("GET /issues", "read", ({ request, repository }) =>
    listAnswer(request, selectIssues(repository.record, request.query), (issue) =>
      issueView(core.origin, repository.record, issue),
    ),
  );

  router.onRepository("POST /issues", "read", ({ request, repository }) => {
    const input = readBody(request, newIssueSchema, "Issue");
    if (!input.ok) return input.failure;
    const issue = createIssue({ core, repository, cause: request.cause }, input.value);
    return answer(201, issueView(core.origin, repository.record, issue));
  });

  router.onIssue("GET /issues/:number{[0-9]+}", "read", ({ repository, issue }) =>
    answer(200, issueView(core.origin, repository.record, issue)),
  );

  router.onIssue("PATCH /issues/:number{[0-9]+}", "read", ({ request, repository, issue }) => {
    if (!mayChange(repository.record, request.login, issue.author, "triage")) return forbidden();
    const input = readBody(request, issueEditSchema, "Issue");
    if (!input.ok) return input.failure;
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
}

function commentRoutes(router: ApiRouter, core: ForgeCore): void {
  router.onIssue("GET /issues/:number{[0-9]+}/comments", "read", ({ request, repository, issue }) => {
    const since = sinceOf(request.query);
    const comments = issue.comments.filter((comment) => comment.updatedAt >= since);
    return listAnswer(request, comments, (comment) => commentView(core.origin, repository.record, issue, comment));
  });

  router.onIssue("POST /issues/:number{[0-9]+}/comments", "read", ({ request, repository, issue }) => {
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
