// Review brings the branch up to date with its base, lets an agent that may only read judge the change, and, once it is
// approved, goes on to checks and merge. What was approved is remembered by head and by file, so that waiting, restarts
// and refusals to merge repeat nothing, and a later change is reviewed as far as it differs.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { reviewForm, type ReviewVerdict } from "../agent/contract/verdict.ts";
import type { GitHubFailure, PullRequest } from "../github/port/github.ts";
import { isMarked, isSameLogin, withMarker } from "../issues/issue-comment.ts";
import { AgentSession } from "../workbench/agent-session.ts";
import { gitHubOutcome, gitOutcome } from "../pipeline/failure-outcome.ts";
import { approvedStep } from "../state/run-step.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, type StageOutcome } from "../pipeline/stage-outcome.ts";
import { reviewPrompt } from "../prompt/review-prompt.ts";
import { type ChangeUnderReview, readChange } from "../protection/change-under-review.ts";
import type { WorkParts } from "../workbench/commit-and-gate.ts";
import { feedbackText, reviewComment } from "../issues/issue-text.ts";
import { mergeWhenGreen } from "../merge/merge-when-green.ts";
import { protectedOutcome } from "../protection/protection-check.ts";
import { baseMismatchOutcome } from "../merge/base-mismatch.ts";
import { closedPullOutcome, findPull, pushWork } from "../workbench/pull-request.ts";
import { readPlan } from "../workbench/saved-plan.ts";
import { takenAwayOutcome } from "../workbench/taken-away.ts";
import { updateBranch } from "../workbench/update-branch.ts";

const SHA_LENGTH_SHOWN = 12;

export async function review(context: StageContext, run: StageRun, signal: AbortSignal): Promise<StageOutcome> {
  const found = await findPull(context, run, signal);
  if (!found.ok) return found.failure;
  const pull = found.value;
  if (pull === null)
    return { kind: "advance", to: "ready", note: "there is no pull request to review, so it is implemented again" };
  const closed = closedPullOutcome(pull);
  if (closed !== null) return closed;
  const elsewhere = await baseMismatchOutcome(context, pull, signal);
  if (elsewhere !== null) return elsewhere;
  if (run.step.at === "approved") return mergeWhenGreen({ context, run, pull, step: run.step }, signal);
  const opened = await context.workspaces.open(run.issue.number, context.baseBranch, signal);
  if (!opened.ok) return gitOutcome(opened.failure);
  const parts = { context, run, workspace: opened.value };
  const sha = await headToReview(parts, pull, signal);
  if (!sha.ok) return sha.failure;
  const change = await readChange(parts, sha.value, signal);
  if (!change.ok) return change.failure;
  const judged = await judgeOnce(parts, pull, change.value, signal);
  if (!judged.ok) return judged.failure;
  await run.change((state) => ({ ...state, reviewed: { sha: sha.value, files: change.value.digests } }));
  const protects = await protectedOutcome(parts, pull, signal);
  if (protects !== null) return protects;
  const step = approvedStep(sha.value, context.clock.now());
  await run.mark(step);
  return mergeWhenGreen({ context, run, pull: { ...pull, headSha: sha.value }, step }, signal);
}

/**
 * Returns the branch's head as it is to be judged, pushed. An approved head stays as it is, unless GitHub wants its
 * base in it.
 */
async function headToReview(
  parts: WorkParts,
  pull: PullRequest,
  signal: AbortSignal,
): Promise<Result<string, StageOutcome>> {
  const { context, run, workspace } = parts;
  const head = await workspace.work.headSha(signal);
  if (!head.ok) return fail(gitOutcome(head.failure));
  const isApproved = run.state().reviewed?.sha === head.value && head.value === pull.headSha;
  if (isApproved && run.step.at !== "behind") return head;
  const sha = await updateBranch(parts, signal);
  if (!sha.ok) return sha;
  const taken = await takenAwayOutcome(context, run, signal);
  if (taken !== null) return fail(taken);
  const pushed = await pushWork(parts, sha.value, signal);
  return pushed.ok ? sha : pushed;
}

/** Succeeds when the change is approved. An agent is asked about what nobody has approved yet, once per head. */
async function judgeOnce(
  parts: WorkParts,
  pull: PullRequest,
  change: ChangeUnderReview,
  signal: AbortSignal,
): Promise<Result<undefined, StageOutcome>> {
  const { context, run } = parts;
  if (change.isApproved) return ok();
  const known = run.step.at === "judged" && run.step.sha === change.sha ? ok(run.step.verdict) : null;
  const verdict = known ?? (await judge(parts, change, signal));
  if (!verdict.ok) return verdict;
  await run.mark({ at: "judged", sha: change.sha, verdict: verdict.value });
  const round = run.state().reviewRounds + 1;
  const shown = await show({ context, run, pull, verdict: verdict.value, round, sha: change.sha }, signal);
  if (!shown.ok) return shown;
  return verdict.value.verdict === "approve" ? ok() : fail(rejected(context, verdict.value, round, pull));
}

async function judge(
  parts: WorkParts,
  change: ChangeUnderReview,
  signal: AbortSignal,
): Promise<Result<ReviewVerdict, StageOutcome>> {
  const { context, run, workspace } = parts;
  const state = run.state();
  const plan = await readPlan(context, run);
  const { prompt, mustRead } = reviewPrompt({
    issue: run.issue,
    plan,
    guidance: state.guidance,
    base: workspace.baseSha,
    round: state.reviewRounds + 1,
    files: change.files,
    approvedFiles: change.approvedFiles,
  });
  return new AgentSession(parts).turn(
    { role: "review", prompt, access: "read", verdict: reviewForm(mustRead) },
    signal,
  );
}

interface Shown {
  readonly context: StageContext;
  readonly run: StageRun;
  readonly pull: PullRequest;
  readonly verdict: ReviewVerdict;
  readonly round: number;
  readonly sha: string;
}

/**
 * Shows the verdict as a review of the pull request, which only ever comments: GitHub lets nobody approve their own.
 */
async function show(
  { context, run, pull, verdict, round, sha }: Shown,
  signal: AbortSignal,
): Promise<Result<undefined, StageOutcome>> {
  const { github, journal } = context;
  const pass = (run.state().passes.review ?? 0) + 1;
  const key = run.key(`review/${pass}-${sha.slice(0, SHA_LENGTH_SHOWN)}`);
  const body = withMarker(reviewComment(verdict, round), key);
  const posted = await journal.effect<true, GitHubFailure>(
    key,
    {
      look: async (inner) => {
        const viewer = await github.viewer(inner);
        if (!viewer.ok) return viewer;
        const posts = await github.reviews(pull.number, inner);
        if (!posts.ok) return posts;
        const isOwn = (author: string) => viewer.value === null || isSameLogin(author, viewer.value);
        return ok(posts.value.some((post) => isOwn(post.author) && isMarked(post.body, key)) ? true : null);
      },
      act: async (inner) => {
        const created = await github.createReview(pull.number, { event: "comment", body, headSha: sha }, inner);
        return created.ok ? ok(true as const) : created;
      },
    },
    signal,
  );
  if (!posted.ok) return fail(gitHubOutcome(posted.failure));
  context.emit({ type: "pull.reviewed", issue: run.issue.number, pull: pull.number, verdict: verdict.verdict, round });
  return ok();
}

function rejected(context: StageContext, verdict: ReviewVerdict, round: number, pull: PullRequest): StageOutcome {
  if (verdict.verdict === "needs_input") return handOff("review", verdict.question ?? verdict.summary);
  const feedback = feedbackText(verdict);
  if (round < context.config.maxReviewRounds) {
    return {
      kind: "advance",
      to: "ready",
      note: `round ${round} asked for changes`,
      change: { feedback, reviewRounds: round },
    };
  }
  const question = `Round ${round} of the review still asks for changes in #${pull.number}, and no more rounds are allowed:\n\n${feedback}\n\nHow is this to be settled?`;
  return { kind: "hand-off", cause: "review", question, change: { feedback, reviewRounds: round } };
}
