// Review: bring the branch up to date with its base, let an agent that may only read judge the change, and, once it is
// approved, go on to checks and merge. What was approved is remembered by its sha, so waiting and restarts repeat nothing.

import { fail, ok, type Result } from "../../core/result.ts";
import { type ReviewVerdict, VERDICTS } from "../agent/verdict.ts";
import type { GitHubFailure, PullRequest } from "../github/github.ts";
import { withMarker } from "../issue-comment.ts";
import { AgentSession } from "../pipeline/agent-session.ts";
import { gitHubOutcome, gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, type StageOutcome } from "../pipeline/stage-outcome.ts";
import { reviewPrompt } from "../prompt/review-prompt.ts";
import type { WorkParts } from "./finish-work.ts";
import { feedbackText, reviewComment } from "./issue-text.ts";
import { updateBranch } from "./update-branch.ts";
import { protectedOutcome } from "./protected-approval.ts";
import { closedPullOutcome, findPull, pushWork } from "./pull-request.ts";
import { mergeWhenGreen } from "./merge-when-green.ts";
import { readPlan } from "./saved-plan.ts";

export async function review(context: StageContext, run: StageRun, signal: AbortSignal): Promise<StageOutcome> {
  const found = await findPull(context, run, signal);
  if (!found.ok) return found.failure;
  const pull = found.value;
  if (pull === null)
    return { kind: "advance", to: "ready", note: "there is no pull request to review, so it is implemented again" };
  const closed = closedPullOutcome(pull);
  if (closed !== null) return closed;
  if (run.step.at === "approved") return mergeWhenGreen({ context, run, pull, step: run.step }, signal);
  const opened = await context.workspaces.open(run.issue.number, context.baseBranch, signal);
  if (!opened.ok) return gitOutcome(opened.failure);
  const parts = { context, run, workspace: opened.value };
  const sha = await updateBranch(parts, signal);
  if (!sha.ok) return sha.failure;
  const pushed = await pushWork(context, run, opened.value, sha.value, signal);
  if (!pushed.ok) return pushed.failure;
  const verdict = await judge(parts, signal);
  if (!verdict.ok) return verdict.failure;
  const round = run.state().reviewRounds + 1;
  const shown = await show({ context, run, pull, verdict: verdict.value, round, sha: sha.value }, signal);
  if (!shown.ok) return shown.failure;
  if (verdict.value.verdict !== "approve") return rejected(context, verdict.value, round, pull);
  const protects = await protectedOutcome(parts, pull, signal);
  if (protects !== null) return protects;
  const step = { at: "approved", sha: sha.value, since: context.clock.now().toISOString(), looks: 0 } as const;
  await run.mark(step);
  return mergeWhenGreen({ context, run, pull: { ...pull, headSha: sha.value }, step }, signal);
}

async function judge(parts: WorkParts, signal: AbortSignal): Promise<Result<ReviewVerdict, StageOutcome>> {
  const { context, run, workspace } = parts;
  const diff = await workspace.work.diff(workspace.baseSha, signal);
  if (!diff.ok) return fail(gitOutcome(diff.failure));
  const state = run.state();
  const plan = await readPlan(context, run);
  const prompt = reviewPrompt({
    issue: run.issue,
    plan,
    guidance: state.guidance,
    base: workspace.baseSha,
    round: state.reviewRounds + 1,
    diff: diff.value.text,
  });
  return new AgentSession(parts).turn({ role: "review", prompt, access: "read", verdict: VERDICTS.review }, signal);
}

interface Shown {
  readonly context: StageContext;
  readonly run: StageRun;
  readonly pull: PullRequest;
  readonly verdict: ReviewVerdict;
  readonly round: number;
  readonly sha: string;
}

/** As a review of the pull request. It only ever comments: GitHub lets nobody approve a pull request of their own. */
async function show(
  { context, run, pull, verdict, round, sha }: Shown,
  signal: AbortSignal,
): Promise<Result<undefined, StageOutcome>> {
  const { github, journal } = context;
  const key = run.key(`review/${round}-${run.id}`);
  const body = withMarker(reviewComment(verdict, round), key);
  const posted = await journal.effect<true, GitHubFailure>(
    key,
    {
      look: async (inner) => {
        const posts = await github.reviews(pull.number, inner);
        return posts.ok ? ok(posts.value.some((post) => post.body.trimEnd() === body) ? true : null) : posts;
      },
      act: async (inner) => {
        const created = await github.createReview(pull.number, { event: "comment", body, headSha: sha }, inner);
        return created.ok ? ok(true as const) : created;
      },
    },
    signal,
  );
  if (!posted.ok) return fail(gitHubOutcome(posted.failure));
  context.tell({ type: "pull.reviewed", issue: run.issue.number, pull: pull.number, verdict: verdict.verdict, round });
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
