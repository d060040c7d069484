// Pull requests are opened, edited and reviewed here. Head and base lie in the same repository: forks are not offered.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { type ApiAnswer, invalid, refusal } from "../api/api-answer.ts";
import { rulesFor } from "../store/branch-rules.ts";
import { emit, isoNow, type Write } from "../kernel/forge-core.ts";
import { addIssue, editIssue, emitIssue, type IssueEdit } from "../issues/issue-writes.ts";
import { isPull, nextId, type PullIssue, type PullRecord, type ReviewRecord } from "../store/repository-record.ts";
import { pullSimpleView, reviewView } from "../views/pull-view.ts";

export interface PullInput {
  readonly title: string;
  readonly body?: string | null | undefined;
  /** It is a branch, or `owner:branch`. */
  readonly head: string;
  readonly base: string;
  readonly draft?: boolean | undefined;
}

export async function openPull(
  write: Write,
  input: PullInput,
  signal: AbortSignal,
): Promise<Result<PullIssue, ApiAnswer>> {
  const { record, git } = write.repository;
  const headBranch = branchOf(write, input.head);
  const headSha = record.refs[`refs/heads/${headBranch}`];
  const baseSha = record.refs[`refs/heads/${input.base}`];
  if (headSha === undefined) return fail(invalid({ resource: "PullRequest", field: "head", code: "invalid" }));
  if (baseSha === undefined) return fail(invalid({ resource: "PullRequest", field: "base", code: "invalid" }));
  const { aheadBy } = await git.divergence(baseSha, headSha, signal);
  if (aheadBy === 0) return fail(customInvalid(`No commits between ${input.base} and ${headBranch}`));
  if (openPulls(write, headBranch).some((issue) => issue.pull.baseBranch === input.base)) {
    return fail(customInvalid(`A pull request already exists for ${record.owner}:${headBranch}.`));
  }
  const pull = newPull({ headBranch, headSha, baseBranch: input.base, baseSha, draft: input.draft ?? false });
  const issue: PullIssue = Object.assign(addIssue(write, input, pull), { pull });
  emitIssue(write, issue, {
    kind: "created",
    action: "opened",
    detail: {
      head: headBranch,
      base: input.base,
      sha: headSha,
      title: issue.title,
    },
  });
  await git.pin(`refs/pull/${issue.number}/head`, headSha, signal);
  write.core.ci.start(write, headSha, "pull_request");
  return ok(issue);
}

export function editPull(
  write: Write,
  issue: PullIssue,
  edit: IssueEdit & { base?: string | undefined },
): Result<undefined, ApiAnswer> {
  const { refs } = write.repository.record;
  if (edit.state === "open" && issue.state === "closed") {
    const isGone = refs[`refs/heads/${issue.pull.headBranch}`] === undefined;
    if (issue.pull.mergedAt !== null || isGone)
      return fail(customInvalid("state cannot be changed. The pull request cannot be reopened."));
  }
  if (edit.base !== undefined && edit.base !== issue.pull.baseBranch) {
    const baseSha = refs[`refs/heads/${edit.base}`];
    if (baseSha === undefined) return fail(invalid({ resource: "PullRequest", field: "base", code: "invalid" }));
    Object.assign(issue.pull, { baseBranch: edit.base, baseSha });
    issue.updatedAt = isoNow(write.core);
    emitIssue(write, issue, { kind: "updated", action: "edited", detail: { changed: ["base"] } });
  }
  editIssue(write, issue, edit);
  return ok();
}

export function addReview(
  write: Write,
  issue: PullIssue,
  input: { state: ReviewRecord["state"]; body: string; commitSha?: string | undefined },
): Result<ReviewRecord, ApiAnswer> {
  const { core, cause } = write;
  const { record } = write.repository;
  if (input.state !== "COMMENTED" && issue.author.toLowerCase() === cause.actor.toLowerCase()) {
    const verb = input.state === "APPROVED" ? "approve" : "request changes on";
    return fail(refusal(422, "Unprocessable Entity", [`Can not ${verb} your own pull request`]));
  }
  const now = isoNow(core);
  const review: ReviewRecord = {
    id: nextId(record),
    author: cause.actor,
    body: input.body,
    state: input.state,
    commitSha: input.commitSha ?? issue.pull.headSha,
    submittedAt: now,
  };
  issue.pull.reviews.push(review);
  issue.updatedAt = now;
  emit(write, {
    kind: "review.created",
    number: issue.number,
    detail: { state: review.state, body: review.body, commit: review.commitSha },
    event: {
      name: "pull_request_review",
      payload: () => ({
        action: "submitted",
        review: reviewView(core.origin, record, issue, review),
        pull_request: pullSimpleView(core.origin, record, issue, cause.actor),
      }),
    },
  });
  return ok(review);
}

/** A push takes approvals away where the base branch's rules say so. */
export function dismissStale(write: Write, issue: PullIssue): void {
  if (!rulesFor(write.repository.record, issue.pull.baseBranch).some((rules) => rules.dismissStale)) return;
  for (const review of issue.pull.reviews) if (review.state === "APPROVED") dismissReview(write, issue, review);
}

export function dismissReview(write: Write, issue: PullIssue, review: ReviewRecord): void {
  review.state = "DISMISSED";
  issue.updatedAt = isoNow(write.core);
  emit(write, { kind: "review.dismissed", number: issue.number, detail: { review: review.id } });
}

/** Turns `owner:branch` into `branch`. */
export function branchOf(write: Pick<Write, "repository">, head: string): string {
  const prefix = `${write.repository.record.owner}:`;
  return head.toLowerCase().startsWith(prefix.toLowerCase()) ? head.slice(prefix.length) : head;
}

export function openPulls(write: Pick<Write, "repository">, headBranch?: string): PullIssue[] {
  const pulls = write.repository.record.issues.filter(isPull).filter((issue) => issue.state === "open");
  return headBranch === undefined ? pulls : pulls.filter((issue) => issue.pull.headBranch === headBranch);
}

function newPull(sides: Pick<PullRecord, "headBranch" | "headSha" | "baseBranch" | "baseSha" | "draft">): PullRecord {
  return { ...sides, mergedAt: null, mergedBy: null, mergeSha: null, reviews: [] };
}

function customInvalid(message: string): ApiAnswer {
  return invalid({ resource: "PullRequest", code: "custom", message });
}
