// The one pull request of an issue: pushing its branch and opening it, each looked up before it is done, so that no crash
// makes a second one.

import { fail, ok, type Result } from "../../core/result.ts";
import { gitHubOutcome, gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, type StageOutcome } from "../pipeline/stage-outcome.ts";
import type { Workspace } from "../pipeline/workspace.ts";
import { workBranchName } from "../git/branch-name.ts";
import { type GitFailure, gitFailure } from "../git/git-failure.ts";
import type { GitHubFailure, PullRequest } from "../github/github.ts";
import { pullBody, titleOf } from "./issue-text.ts";

/** Brings what others pushed to the work branch into the worktree, and says what the remote has. Nobody's commit is ever pushed over. */
export async function takeInRemoteWork(
  workspace: Workspace,
  signal: AbortSignal,
): Promise<Result<string | null, StageOutcome>> {
  const { work, branch } = workspace;
  const remote = await work.remoteHead(signal);
  if (!remote.ok) return fail(gitOutcome(remote.failure));
  const head = await work.headSha(signal);
  if (!head.ok) return fail(gitOutcome(head.failure));
  if (remote.value === null || remote.value === head.value) return remote;
  const merged = await work.mergeBase(branch, signal);
  if (!merged.ok) return fail(gitOutcome(merged.failure));
  if (merged.value.kind === "merged") return remote;
  const files = merged.value.files.join(", ");
  return fail(
    handOff(
      "git",
      `Somebody else pushed to \`${branch}\`, and it conflicts with the work here in ${files}. Bring the branch in order and answer here; the worker goes on from what the branch then is.`,
    ),
  );
}

/** Pushes `sha`, the head of the work branch, unless the remote has it. What others pushed meanwhile is taken in first, by a new attempt. */
export async function pushWork(
  context: StageContext,
  run: StageRun,
  workspace: Workspace,
  sha: string,
  signal: AbortSignal,
): Promise<Result<undefined, StageOutcome>> {
  const { work } = workspace;
  const pushed = await context.journal.effect<{ sha: string }, GitFailure>(
    run.key(`push/${sha}`),
    {
      alwaysLook: true,
      look: async (inner) => {
        const remote = await work.remoteHead(inner);
        return remote.ok ? ok(remote.value === sha ? { sha } : null) : remote;
      },
      act: async (inner) => {
        const remote = await work.remoteHead(inner);
        if (!remote.ok) return remote;
        const kept = await keepsAll(context, run, workspace, remote.value, inner);
        if (!kept.ok) return kept;
        if (!kept.value) return fail(gitFailure("rejected", `somebody else pushed to ${workspace.branch} meanwhile`));
        const done = await work.pushBranch(remote.value, inner);
        if (!done.ok) return done;
        return done.value === sha
          ? ok({ sha })
          : fail(gitFailure("conflict", "the work branch moved while it was pushed"));
      },
    },
    signal,
  );
  if (pushed.ok) return ok();
  // A push against somebody's commits would be refused again, however green its own are.
  if (pushed.failure.kind === "rejected") await run.mark({ at: "begun" });
  return fail(gitOutcome(pushed.failure));
}

/** Whether a push loses nobody's commit: the branch holds what the remote has, or the remote has what we pushed ourselves. */
async function keepsAll(
  { journal }: StageContext,
  run: StageRun,
  { work }: Workspace,
  remote: string | null,
  signal: AbortSignal,
): Promise<Result<boolean, GitFailure>> {
  if (remote === null || journal.keys(run.key("push/")).includes(run.key(`push/${remote}`))) return ok(true);
  return work.contains(remote, signal);
}

/** The issue's pull request, opened where there is none. One that a person closed stays closed. */
export async function ensurePull(
  context: StageContext,
  run: StageRun,
  texts: { summary: string; plan: string | null },
  signal: AbortSignal,
): Promise<Result<PullRequest, StageOutcome>> {
  const { github, baseBranch } = context;
  const head = workBranchName(run.issue.number);
  const ahead = await github.aheadBy(baseBranch, head, signal);
  if (!ahead.ok) return fail(gitHubOutcome(ahead.failure));
  if (ahead.value === 0) {
    return fail(
      handOff(
        "git",
        `GitHub sees no commit on \`${head}\` that \`${baseBranch}\` has not. Is the issue done already? Close it, or say what is missing.`,
      ),
    );
  }
  let recovered = true;
  const opened = await context.journal.effect<{ number: number }, GitHubFailure>(
    run.key("pull"),
    {
      alwaysLook: true,
      look: async (inner) => {
        const open = await openPull(context, head, inner);
        return open.ok ? ok(open.value === null ? null : { number: open.value.number }) : open;
      },
      act: async (inner) => {
        recovered = false;
        const body = pullBody(run.issue, texts.summary, texts.plan);
        const created = await github.createPull(
          { title: titleOf(run.issue), body, head, base: baseBranch, draft: false },
          inner,
        );
        return created.ok ? ok({ number: created.value.number }) : created;
      },
    },
    signal,
  );
  if (!opened.ok) return fail(gitHubOutcome(opened.failure));
  const pull = await github.pull(opened.value.number, signal);
  if (!pull.ok) return fail(gitHubOutcome(pull.failure));
  if (run.state().pull !== pull.value.number) {
    await run.change((state) => ({ ...state, pull: pull.value.number, branch: head }));
    context.tell({
      type: "pull.opened",
      issue: run.issue.number,
      pull: pull.value.number,
      url: pull.value.url,
      recovered,
    });
  }
  return ok(pull.value);
}

/** The pull request that a review is about: the known one, else an open one of the branch; null when there is none. */
export async function findPull(
  context: StageContext,
  run: StageRun,
  signal: AbortSignal,
): Promise<Result<PullRequest | null, StageOutcome>> {
  const { pull } = run.state();
  const found =
    pull === null
      ? await openPull(context, workBranchName(run.issue.number), signal)
      : await context.github.pull(pull, signal);
  if (found.ok) return found;
  return found.failure.kind === "not-found" ? ok(null) : fail(gitHubOutcome(found.failure));
}

/** Null when the pull request can go on; else what its state means. */
export function closedPullOutcome(pull: PullRequest): StageOutcome | null {
  if (pull.merged) return { kind: "close", result: "merged", reason: `#${pull.number} is merged` };
  if (pull.state === "closed") {
    return handOff(
      "git",
      `The pull request #${pull.number} was closed without being merged. Reopen it and answer here, or skip or close this issue.`,
    );
  }
  if (pull.draft)
    return handOff("git", `The pull request #${pull.number} is a draft. Mark it as ready for review and answer here.`);
  return null;
}

async function openPull(
  context: StageContext,
  head: string,
  signal: AbortSignal,
): Promise<Result<PullRequest | null, GitHubFailure>> {
  const pulls = await context.github.pullsByBranch(head, signal);
  return pulls.ok ? ok(pulls.value.find(({ state }) => state === "open") ?? null) : pulls;
}
