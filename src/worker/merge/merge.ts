// Merges exactly the commit that was approved, by a method that the repository allows, after a last look at what GitHub
// itself says the pull request changes. A refusal is told apart by what ends it: another method, a newer branch, a
// person's review, more time.

import { assertNever } from "../../core/base/errors.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import {
  type GitHubFailure,
  MERGE_METHODS,
  type MergeBlocked,
  type MergeMethod,
  type PullRequest,
} from "../github/port/github.ts";
import { gitHubOutcome } from "../pipeline/failure-outcome.ts";
import { handOff, handOut, type StageOutcome } from "../pipeline/stage-outcome.ts";
import { type ApprovedPull, isLate, lookAnew, restart, waitForGitHub } from "./approved-pull.ts";
import { approversOf, mergeSigns } from "./approvers.ts";
import { mergeMessage } from "../issues/issue-text.ts";
import { objectionOutcome } from "./merge-approval.ts";
import { baseMismatchOutcome } from "./base-mismatch.ts";
import { takenAwayOutcome } from "../workbench/taken-away.ts";

/** A person is asked about a queue that is this many times slower than checks may be. */
const QUEUE_TIMEOUT_FACTOR = 6;

export async function mergeApproved(approved: ApprovedPull, signal: AbortSignal): Promise<StageOutcome> {
  const { context, run, pull } = approved;
  const taken = await takenAwayOutcome(context, run, signal);
  if (taken !== null) return taken;
  const elsewhere = await goesElsewhere(approved, signal);
  if (elsewhere !== null) return elsewhere;
  const objection = await objectionOutcome(context, run, pull, signal);
  if (objection !== null) return objection;
  const methods = await allowedMethods(approved, signal);
  if (!methods.ok) return gitHubOutcome(methods.failure);
  const merged = await context.journal.effect<{ sha: string }, GitHubFailure | MergeBlocked>(
    run.key("merge"),
    {
      look: async (inner) => {
        const read = await context.github.pull(pull.number, inner);
        return read.ok ? ok(read.value.merged ? { sha: read.value.headSha } : null) : read;
      },
      act: (inner) => mergeBy(approved, methods.value, inner),
    },
    signal,
  );
  if (!merged.ok) return refused(approved, merged.failure, signal);
  context.emit({ type: "pull.merged", issue: run.issue.number, pull: pull.number, sha: merged.value.sha });
  return { kind: "close", result: "merged", reason: `merged in #${pull.number}` };
}

/**
 * Looks again, because the review may have taken an hour, in which somebody may have sent the pull request elsewhere.
 */
async function goesElsewhere({ context, pull }: ApprovedPull, signal: AbortSignal): Promise<StageOutcome | null> {
  const read = await context.github.pull(pull.number, signal);
  return read.ok ? baseMismatchOutcome(context, read.value, signal) : gitHubOutcome(read.failure);
}

/** Says whether GitHub's merge queue has it; the failure is the outcome that it has come to there. */
export async function isInQueue(approved: ApprovedPull, signal: AbortSignal): Promise<Result<boolean, StageOutcome>> {
  const { context, run, pull, step } = approved;
  if (typeof step.queuedAt !== "string") return ok(false);
  const stop = (await takenAwayOutcome(context, run, signal)) ?? (await objectionOutcome(context, run, pull, signal));
  if (stop !== null) {
    // An outcome that only waits for GitHub's answer takes nothing out of the queue.
    if (stop.kind === "wait") return fail(stop);
    const out = await context.github.dequeue(pull, signal);
    return fail(out.ok ? stop : gitHubOutcome(out.failure));
  }
  const queued = await context.github.isQueued(pull, signal);
  if (!queued.ok) return fail(gitHubOutcome(queued.failure));
  const waitedMs = context.clock.now().getTime() - Date.parse(step.queuedAt);
  if (queued.value && waitedMs <= context.config.ciTimeoutMs * QUEUE_TIMEOUT_FACTOR) return ok(true);
  if (!queued.value && step.hasLeftQueue !== true) {
    // It may have been merged a moment ago: the next look shows the pull request as it is then.
    await run.mark({ ...step, hasLeftQueue: true });
    return fail(waitForGitHub(approved, `#${pull.number} is in the merge queue no more`, null));
  }
  await run.mark({ ...step, queuedAt: null, hasLeftQueue: false });
  return fail(
    handOut(
      "ci",
      queued.value
        ? `#${pull.number} is approved and has been in the merge queue for ${Math.round(waitedMs / 60_000)} minutes. Look at the queue, then answer here to wait for it once more.`
        : `#${pull.number} is approved, but the merge queue has given it back without merging it. Look at what the queue says about it, then answer here to try again.`,
    ),
  );
}

/**
 * Lists the setting's method first, then the others that the repository allows. GitHub's rules may refuse one all the
 * same.
 */
async function allowedMethods(
  { context }: ApprovedPull,
  signal: AbortSignal,
): Promise<Result<readonly MergeMethod[], GitHubFailure>> {
  const repository = await context.github.repository(signal);
  if (!repository.ok) return repository;
  const { mergeMethod } = context.config;
  const { mergeMethods } = repository.value;
  const first = MERGE_METHODS.filter((method) => method === mergeMethod && mergeMethods.includes(method));
  return ok([...first, ...mergeMethods.filter((method) => !first.includes(method))]);
}

async function mergeBy(
  { context, run, pull, step }: ApprovedPull,
  methods: readonly MergeMethod[],
  signal: AbortSignal,
): Promise<Result<{ sha: string }, GitHubFailure | MergeBlocked>> {
  let last: MergeBlocked = noMethod();
  for (const method of methods) {
    const request = { headSha: step.sha, method, ...mergeMessage(run.issue, pull, "") };
    const merged = await context.github.merge(pull.number, request, signal);
    if (merged.ok || merged.failure.kind !== "merge-blocked" || merged.failure.reason !== "method") return merged;
    last = merged.failure;
  }
  return fail(last);
}

async function refused(
  approved: ApprovedPull,
  failure: GitHubFailure | MergeBlocked,
  signal: AbortSignal,
): Promise<StageOutcome> {
  const { pull } = approved;
  if (failure.kind === "merge-blocked") return blocked(approved, failure, signal);
  if (failure.retryable || failure.kind === "unauthorized") return gitHubOutcome(failure);
  if (failure.kind === "conflict" || failure.kind === "not-found")
    return restart(approved, `GitHub refused to merge #${pull.number}: ${failure.message}`);
  return handOff("git", refusal(pull, failure.message));
}

async function blocked(approved: ApprovedPull, failure: MergeBlocked, signal: AbortSignal): Promise<StageOutcome> {
  const { context, pull, run } = approved;
  const { reason, message } = failure;
  context.emit({ type: "pull.blocked", issue: run.issue.number, pull: pull.number, reason, message });
  switch (reason) {
    case "behind":
      return updateAnew(approved, message);
    case "conflict":
      return conflicts(approved, message, signal);
    case "queue":
      return enqueue(approved, signal);
    case "review":
      return askForReview(approved, message, signal);
    case "checks":
      return missesChecks(approved, message, signal);
    case "method":
      return handOff("git", refusal(pull, `${message} (none of the ways to merge is allowed)`));
    case "signature":
      return handOff(
        "git",
        `${refusal(pull, message)} HydraFlow's commits are not signed; a squash merge that GitHub signs, or an exception for its login, lets them pass.`,
      );
    case "other":
      return handOff("git", refusal(pull, message));
    default:
      return assertNever(reason);
  }
}

/**
 * Deals with missing checks although all are green: where the branch must be up to date, GitHub says only that checks
 * are expected.
 */
async function missesChecks(approved: ApprovedPull, message: string, signal: AbortSignal): Promise<StageOutcome> {
  const { context, pull } = approved;
  const behind = await context.github.aheadBy(pull.headBranch, pull.baseBranch, signal);
  if (!behind.ok) return gitHubOutcome(behind.failure);
  if (behind.value > 0) return updateAnew(approved, message);
  return isLate(approved)
    ? handOff("ci", refusal(pull, message))
    : waitForGitHub(approved, `GitHub does not merge #${pull.number} yet: ${message}`, null);
}

/** Deals with a conflict, of which GitHub speaks even while it still works out whether the two sides merge. */
async function conflicts(approved: ApprovedPull, message: string, signal: AbortSignal): Promise<StageOutcome> {
  const { context, pull } = approved;
  const read = await context.github.pull(pull.number, signal);
  if (!read.ok) return gitHubOutcome(read.failure);
  if (read.value.mergeable === null && !isLate(approved))
    return waitForGitHub(approved, `GitHub works out whether #${pull.number} can be merged`, null);
  return updateAnew(approved, message);
}

/** Has the branch take in a base that has moved, and be gated and checked anew. None of this costs an attempt. */
function updateAnew(approved: ApprovedPull, message: string): Promise<StageOutcome> {
  const { number } = approved.pull;
  return lookAnew(
    approved,
    { at: "behind" },
    `GitHub does not merge #${number}: ${message}; its branch takes in the base`,
  );
}

async function enqueue(approved: ApprovedPull, signal: AbortSignal): Promise<StageOutcome> {
  const { context, run, pull, step } = approved;
  const put = await context.github.enqueue(pull, signal);
  if (!put.ok)
    return put.failure.retryable ? gitHubOutcome(put.failure) : handOff("git", refusal(pull, put.failure.message));
  await run.mark({ ...step, queuedAt: context.clock.now().toISOString() });
  return waitForGitHub(approved, `#${pull.number} is in the merge queue`, null);
}

/**
 * Asks for the review that GitHub wants. What reviewers do on GitHub ends it, without an answer here and another agent.
 */
async function askForReview(approved: ApprovedPull, message: string, signal: AbortSignal): Promise<StageOutcome> {
  const { context, pull } = approved;
  const approvers = await approversOf(context.github, pull.number, signal);
  if (!approvers.ok) return gitHubOutcome(approvers.failure);
  const awaits = await mergeSigns(context.github, pull.number, signal);
  if (!awaits.ok) return gitHubOutcome(awaits.failure);
  const so = approvers.value.length === 0 ? "" : ` Approved so far by ${approvers.value.join(", ")}.`;
  return {
    kind: "hand-off",
    cause: "review",
    awaits: awaits.value,
    question: `#${pull.number} is approved by the reviewing agent and its checks are green, but GitHub wants more before it is merged: ${message}${so}\n\nWhoever may review it (people with write access; code owners where GitHub says so) approves the pull request on GitHub, and the merge goes on by itself. Where something else was wanted and is done, answer \`approve\`. Or say here what is to be changed.`,
  };
}

function refusal(pull: PullRequest, message: string): string {
  return `#${pull.number} is approved and its checks are green, but GitHub refuses to merge it: ${message}\n\nMend that on GitHub, or merge it yourself. Answer \`approve\` to let it be tried again as it is, or say what is to be changed.`;
}

function noMethod(): MergeBlocked {
  return {
    kind: "merge-blocked",
    reason: "method",
    message: "the repository allows no way to merge",
    status: 405,
    retryable: false,
    retryAt: null,
  };
}
