// Pushes an issue's branch and opens its one pull request. Each is looked up before it is done, so that no crash makes
// a second one.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { gitHubOutcome, gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, handOut, retry, type StageOutcome } from "../pipeline/stage-outcome.ts";
import type { Workspace } from "../pipeline/workspace.ts";
import type { WorkParts } from "./commit-and-gate.ts";
import { type GitFailure, gitFailure } from "../git/command/git-failure.ts";
import type { GitHubFailure, PullRequest } from "../github/port/github.ts";
import { pullBody, titleOf } from "../issues/issue-text.ts";

export interface WorkToBringIn extends Pick<Workspace, "work" | "branch"> {
  /** We have pushed these to the branch, oldest first; `pushedShas` knows them. */
  readonly pushed?: readonly string[];
}

/**
 * Brings what others did with the remote's work branch into the worktree, and says what the remote has. Commits that
 * they added are merged. Where they took commits of ours away or wrote the branch anew, their word counts: the worktree
 * becomes what the remote is, and nothing of what is gone comes back.
 */
export async function takeInRemoteWork(
  { work, branch, pushed = [] }: WorkToBringIn,
  signal: AbortSignal,
): Promise<Result<string | null, StageOutcome>> {
  const fetched = await work.fetchHeads([branch], signal);
  if (!fetched.ok) return fail(gitOutcome(fetched.failure));
  const remote = fetched.value.get(branch) ?? null;
  const head = await work.headSha(signal);
  if (!head.ok) return fail(gitOutcome(head.failure));
  if (remote === null || remote === head.value) return ok(remote);
  const last = work.lastPushed ?? pushed.at(-1);
  const gone = await hasTakenAway({ work, last, remote, head: head.value }, signal);
  if (!gone.ok) return fail(gitOutcome(gone.failure));
  if (gone.value) {
    const reset = await work.resetTo(remote, signal);
    return reset.ok ? ok(remote) : fail(gitOutcome(reset.failure));
  }
  const merged = await work.mergeBase(branch, signal);
  if (!merged.ok) return fail(gitOutcome(merged.failure));
  if (merged.value.kind === "merged") return ok(remote);
  const files = merged.value.files.join(", ");
  return fail(
    handOut(
      "git",
      `Somebody else pushed to \`${branch}\`, and it conflicts with the work here in ${files}. Bring the branch in order and answer here; the worker goes on from what the branch then is.`,
    ),
  );
}

interface Branches {
  readonly work: Workspace["work"];
  readonly last: string | undefined;
  readonly remote: string;
  readonly head: string;
}

/**
 * Says whether the remote lacks what we pushed last, and the worktree holds that still or lacks what the remote has.
 */
async function hasTakenAway(
  { work, last, remote, head }: Branches,
  signal: AbortSignal,
): Promise<Result<boolean, GitFailure>> {
  if (last === undefined) return ok(false);
  const { changes } = work;
  const isThere = await changes.isAncestor({ base: last, head: remote }, signal);
  if (!isThere.ok || isThere.value) return isThere.ok ? ok(false) : isThere;
  const isHere = await changes.isAncestor({ base: last, head }, signal);
  if (!isHere.ok || isHere.value) return isHere;
  const hasRemote = await changes.isAncestor({ base: remote, head }, signal);
  return hasRemote.ok ? ok(!hasRemote.value) : hasRemote;
}

/** Lists what is known to have reached the remote in this cycle of the issue, oldest first. */
export function pushedShas({ journal }: Pick<StageContext, "journal">, run: Pick<StageRun, "key">): string[] {
  const prefix = run.key("push/");
  const open = new Set(journal.pending().map(({ key }) => key));
  return journal
    .keys(prefix)
    .filter((key) => !open.has(key))
    .map((key) => key.slice(prefix.length));
}

/**
 * Pushes `sha`, the head of the work branch, unless the remote has it. What others pushed meanwhile is taken in first,
 * by a new attempt.
 */
export async function pushWork(
  { context, run, workspace }: WorkParts,
  sha: string,
  signal: AbortSignal,
): Promise<Result<undefined, StageOutcome>> {
  const { work } = workspace;
  const sound = await requireSoundHistory(context, run, { workspace, sha }, signal);
  if (!sound.ok) return sound;
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
        const kept = await keepsAll(
          { changes: work.changes, pushed: pushedShas(context, run) },
          { remote: remote.value, sha },
          inner,
        );
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
  // A push against somebody's commits would be refused again, however green ours are, so the run begins anew.
  if (pushed.failure.kind === "rejected") await run.mark({ at: "begun" });
  return fail(gitOutcome(pushed.failure));
}

/**
 * Lets only a plain row of commits be pushed beside the base's and those that the remote's work branch has already. In
 * a history of another shape may stand what nobody has seen, so the branch then goes back to what the remote has.
 */
async function requireSoundHistory(
  { baseBranch }: StageContext,
  run: StageRun,
  { workspace, sha }: { readonly workspace: Workspace; readonly sha: string },
  signal: AbortSignal,
): Promise<Result<undefined, StageOutcome>> {
  const { work, branch, baseSha } = workspace;
  const fetched = await work.fetchHeads([baseBranch, branch], signal);
  if (!fetched.ok) return fail(gitOutcome(fetched.failure));
  const problem = await work.changes.checkHistory({ trusted: [baseSha, ...fetched.value.values()], head: sha }, signal);
  if (!problem.ok) return fail(gitOutcome(problem.failure));
  if (problem.value === null) return ok();
  await run.mark({ at: "begun" });
  const reset = await work.resetTo(fetched.value.get(branch) ?? baseSha, signal);
  return fail(
    reset.ok
      ? retry(`the work is not pushed, because of how it came to be: ${problem.value}`)
      : gitOutcome(reset.failure),
  );
}

/**
 * Says whether a push loses nobody's commit and brings none back that somebody took away: the remote has what we pushed
 * last, or the branch holds what the remote has and none of our own pushes that the remote has gone back behind.
 */
async function keepsAll(
  { changes, pushed }: { readonly changes: Workspace["work"]["changes"]; readonly pushed: readonly string[] },
  { remote, sha }: { readonly remote: string | null; readonly sha: string },
  signal: AbortSignal,
): Promise<Result<boolean, GitFailure>> {
  if (remote === null || remote === pushed.at(-1)) return ok(true);
  const kept = await changes.isAncestor({ base: remote, head: sha }, signal);
  if (!kept.ok || !kept.value) return kept;
  for (const old of pushed.filter((one) => one !== remote)) {
    const wentBack = await changes.isAncestor({ base: remote, head: old }, signal);
    if (!wentBack.ok) return wentBack;
    const bringsBack = wentBack.value ? await changes.isAncestor({ base: old, head: sha }, signal) : ok(false);
    if (!bringsBack.ok) return bringsBack;
    if (bringsBack.value) return ok(false);
  }
  return ok(true);
}

/** Returns the branch's open pull request, and opens one where there is none. A closed one is left closed beside it. */
export async function ensurePull(
  context: StageContext,
  run: StageRun,
  texts: { summary: string; plan: string | null },
  signal: AbortSignal,
): Promise<Result<PullRequest, StageOutcome>> {
  const { github, baseBranch } = context;
  const head = await context.workspaces.branchOf(run.issue.number);
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
    context.emit({
      type: "pull.opened",
      issue: run.issue.number,
      pull: pull.value.number,
      url: pull.value.url,
      recovered,
    });
  }
  return ok(pull.value);
}

/**
 * Finds the pull request that a review is about: the known one, else an open one of the branch; null when there is
 * none.
 */
export async function findPull(
  context: StageContext,
  run: StageRun,
  signal: AbortSignal,
): Promise<Result<PullRequest | null, StageOutcome>> {
  const { pull } = run.state();
  const found =
    pull === null
      ? await openPull(context, await context.workspaces.branchOf(run.issue.number), signal)
      : await context.github.pull(pull, signal);
  if (found.ok) return found;
  return found.failure.kind === "not-found" ? ok(null) : fail(gitHubOutcome(found.failure));
}

/** Returns null when the pull request can go on; else what its state means. */
export function closedPullOutcome(pull: PullRequest): StageOutcome | null {
  if (pull.merged) return { kind: "close", result: "merged", reason: `#${pull.number} is merged` };
  if (pull.state === "closed") {
    return handOut(
      "git",
      `The pull request #${pull.number} was closed without being merged. Reopen it and answer here, or skip or close this issue.`,
    );
  }
  if (pull.draft)
    return handOut("git", `The pull request #${pull.number} is a draft. Mark it as ready for review and answer here.`);
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
