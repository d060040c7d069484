// The last stretch of an approved pull request: wait until its checks are green, let an agent mend what they show, merge
// exactly the commit that was approved, or mended since and then gated and checked anew. "No checks" and "could not ask" are never green. Waiting holds no slot: the run is put
// down and taken up again at its step.

import { randomUUID } from "node:crypto";

import { assertNever } from "../../core/errors.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import { VERDICTS } from "../agent/verdict.ts";
import type { CheckState, GitHubFailure, PullRequest } from "../github/github.ts";
import { AgentSession } from "../pipeline/agent-session.ts";
import { later } from "../pipeline/backoff.ts";
import { gitHubOutcome, gitOutcome } from "../pipeline/failure-outcome.ts";
import type { RunStep } from "../pipeline/run-step.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, retry, type StageOutcome, wait } from "../pipeline/stage-outcome.ts";
import { ciFixPrompt } from "../prompt/implement-prompt.ts";
import { finishWork, requireGate } from "./finish-work.ts";
import { titleOf } from "./issue-text.ts";
import { protectedOutcome } from "./protected-approval.ts";
import { pushWork } from "./pull-request.ts";

/** A server needs a moment until its checks show up on a commit. */
const NO_CHECKS_LOOKS = 3;

export interface ApprovedPull {
  readonly context: StageContext;
  readonly run: StageRun;
  readonly pull: PullRequest;
  readonly step: Extract<RunStep, { at: "approved" }>;
}

export async function mergeWhenGreen(given: ApprovedPull, signal: AbortSignal): Promise<StageOutcome> {
  const approved = await withPastSince(given);
  const { context, run, pull, step } = approved;
  if (pull.headSha !== step.sha) return restart(approved, `the head of #${pull.number} is no longer what was approved`);
  const checks = await context.github.checks(step.sha, signal);
  if (!checks.ok) return unread(approved, checks.failure);
  context.tell({ type: "pull.checks", issue: run.issue.number, pull: pull.number, state: checks.value.kind });
  return act(approved, checks.value, signal);
}

/** Where the clock was set back, nobody knows how long it has waited: that counts from now on. */
async function withPastSince(approved: ApprovedPull): Promise<ApprovedPull> {
  const { context, run, step } = approved;
  const now = context.clock.now().toISOString();
  if (step.since <= now) return approved;
  const again = { ...step, since: now };
  await run.mark(again);
  return { ...approved, step: again };
}

async function act(approved: ApprovedPull, checks: CheckState, signal: AbortSignal): Promise<StageOutcome> {
  const { context, run, pull, step } = approved;
  const { config, clock } = context;
  switch (checks.kind) {
    case "passed":
      return merge(approved, signal);
    case "none":
      if (step.looks + 1 >= NO_CHECKS_LOOKS)
        return config.mergeWithoutChecks ? merge(approved, signal) : handOff("ci", noChecks(pull));
      await run.mark({ ...step, looks: step.looks + 1 });
      return waitForChecks(approved, `#${pull.number} has no checks yet`, null);
    case "pending":
      if (clock.now().getTime() - Date.parse(step.since) > config.ciTimeoutMs)
        return handOff("ci", lateChecks(pull, checks, config.ciTimeoutMs));
      return waitForChecks(
        approved,
        `${checks.pending} of ${checks.total} checks of #${pull.number} are pending`,
        null,
      );
    case "failed":
      return fix(approved, checks, signal);
    default:
      return assertNever(checks);
  }
}

/** An outage passes; a refusal that lasts, for instance of a credential without the right to read checks, needs a person. */
function unread(approved: ApprovedPull, { message, kind, retryable, retryAt }: GitHubFailure): StageOutcome {
  const { context, pull, step } = approved;
  const problem = `the checks of #${pull.number} could not be read: ${message}`;
  const isLate = context.clock.now().getTime() - Date.parse(step.since) > context.config.ciTimeoutMs;
  if (retryable || kind === "unauthorized" || !isLate) return waitForChecks(approved, problem, retryAt);
  return handOff(
    "ci",
    `#${pull.number} is approved, but ${problem}. Give the credential the right to read checks and commit statuses, then answer here.`,
  );
}

async function merge(approved: ApprovedPull, signal: AbortSignal): Promise<StageOutcome> {
  const { context, run, pull, step } = approved;
  const { github, journal } = context;
  const issue = await github.issue(run.issue.number, signal);
  if (!issue.ok) return gitHubOutcome(issue.failure);
  // A person may have taken it out of our hands while we waited.
  if (issue.value.state === "closed" || !run.isExpected(issue.value))
    return { kind: "skip", reason: "it was closed or moved by someone else before the merge" };
  const merged = await journal.effect<{ sha: string }, GitHubFailure>(
    run.key("merge"),
    {
      look: async (inner) => {
        const read = await github.pull(pull.number, inner);
        return read.ok ? ok(read.value.merged ? { sha: read.value.headSha } : null) : read;
      },
      act: (inner) =>
        github.merge(
          pull.number,
          { headSha: step.sha, method: "squash", title: `${titleOf(run.issue)} (#${pull.number})`, message: "" },
          inner,
        ),
    },
    signal,
  );
  if (!merged.ok) return refused(approved, merged.failure);
  context.tell({ type: "pull.merged", issue: run.issue.number, pull: pull.number, sha: merged.value.sha });
  return { kind: "close", result: "merged", reason: `merged in #${pull.number}` };
}

/** The base moved or the head did: look at it all anew, from the branch on. */
async function refused(approved: ApprovedPull, failure: GitHubFailure): Promise<StageOutcome> {
  if (failure.retryable || failure.kind === "unauthorized") return gitHubOutcome(failure);
  return restart(approved, `GitHub refused to merge #${approved.pull.number}: ${failure.message}`);
}

async function restart({ run }: ApprovedPull, reason: string): Promise<StageOutcome> {
  await run.mark({ at: "begun" });
  return retry(reason);
}

async function fix(
  approved: ApprovedPull,
  checks: Extract<CheckState, { kind: "failed" }>,
  signal: AbortSignal,
): Promise<StageOutcome> {
  const { context, run, pull } = approved;
  const log = checks.failed.map(({ name, summary, url }) => `${name}: ${summary} (${url})`).join("\n");
  const { ciFixes } = run.state();
  if (ciFixes >= context.config.maxCiFixAttempts) {
    return handOff(
      "ci",
      `The checks of #${pull.number} still fail after ${ciFixes} attempts to mend them:\n\n${log}\n\nWhat is to be done?`,
    );
  }
  const opened = await context.workspaces.open(run.issue.number, context.baseBranch, signal);
  if (!opened.ok) return gitOutcome(opened.failure);
  const parts = { context, run, workspace: opened.value };
  const discarded = await opened.value.discard(signal);
  if (!discarded.ok) return gitOutcome(discarded.failure);
  const gate = await requireGate(parts, signal);
  if (!gate.ok) return gate.failure;
  const session = new AgentSession({ ...parts, sessionId: randomUUID() });
  const verdict = await session.turn(
    { role: "implement", prompt: ciFixPrompt(run.issue, log), access: "write", verdict: VERDICTS.implement },
    signal,
  );
  if (!verdict.ok) return verdict.failure;
  if (verdict.value.outcome === "needs_input") return handOff("ci", verdict.value.question ?? verdict.value.summary);
  const sha = await finishWork({ ...parts, gateCommand: gate.value, session, role: "implement" }, signal);
  if (!sha.ok) return sha.failure;
  const counted = await countFix(approved, sha.value, log);
  if (!counted.ok) return counted.failure;
  const protects = await protectedOutcome(parts, pull, signal);
  // Nothing of it is approved then; a person sees it in the pull request all the same.
  if (protects !== null) await run.mark({ at: "begun" });
  const pushed = await pushWork(context, run, opened.value, sha.value, signal);
  if (!pushed.ok) return pushed.failure;
  return protects ?? waitForChecks(approved, `the checks of #${pull.number} run again`, null);
}

/** The mended commit takes the approved one's place before it is pushed, so that a restart waits for the right checks. */
async function countFix(
  { context, run, pull, step }: ApprovedPull,
  sha: string,
  log: string,
): Promise<Result<undefined, StageOutcome>> {
  if (sha === step.sha)
    return fail(
      handOff(
        "ci",
        `The checks of #${pull.number} fail, and the agent found nothing to change:\n\n${log}\n\nWhat is to be done?`,
      ),
    );
  await run.change((state) => ({ ...state, ciFixes: state.ciFixes + 1 }));
  await run.mark({ at: "approved", sha, since: context.clock.now().toISOString(), looks: 0 });
  return ok();
}

function waitForChecks({ context }: ApprovedPull, reason: string, retryAt: Date | null): StageOutcome {
  return wait(reason, retryAt ?? later(context.clock.now(), context.config.ciPollIntervalMs));
}

function noChecks(pull: PullRequest): string {
  return `#${pull.number} is approved, but the repository reports no check at all for its head, so nothing says that it works. Merge it yourself, add checks, or set \`mergeWithoutChecks\` in the configuration; then answer here.`;
}

function lateChecks(pull: PullRequest, checks: Extract<CheckState, { kind: "pending" }>, timeoutMs: number): string {
  return `#${pull.number} is approved, but ${checks.pending} of its ${checks.total} checks have not ended within ${Math.round(timeoutMs / 60_000)} minutes. Look at the checks and answer here to wait for them once more.`;
}
