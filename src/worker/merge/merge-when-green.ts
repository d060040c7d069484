// Takes an approved pull request over the last stretch: it waits until the checks are green and green can be believed,
// then merges. Waiting holds no slot: the run is put down and taken up again at its step.
//
// I1 Nothing but the commit that was approved is merged.
// I2 "No checks" and "could not ask" are never green.

import { assertNever } from "../../core/base/errors.ts";
import { ok, type Result } from "../../core/base/result.ts";
import type { CheckProblem, CheckState, ExpectedChecks, GitHubFailure, PullRequest } from "../github/port/github.ts";
import { later } from "../pipeline/backoff.ts";
import { type StageOutcome, wait } from "../pipeline/stage-outcome.ts";
import { type ApprovedPull, isLate, restart, waitForGitHub } from "./approved-pull.ts";
import { believe, nextLooks } from "../pipeline/green.ts";
import { mendChecks } from "./mend-checks.ts";
import { isInQueue, mergeApproved } from "./merge.ts";

/** A server needs a moment until its checks show up on a commit. */
const NO_CHECKS_LOOKS = 3;
/** It stands for every check where there is none. */
const ALL_CHECKS = "*";
/** Green checks are looked at again after this time, because the second look only confirms the first. */
const CONFIRM_MS_MAX = 5_000;

export async function mergeWhenGreen(given: ApprovedPull, signal: AbortSignal): Promise<StageOutcome> {
  const approved = await withPastSince(given);
  const { context, run, pull, step } = approved;
  // I1
  if (pull.headSha !== step.sha) return restart(approved, `the head of #${pull.number} is no longer what was approved`);
  const queued = await isInQueue(approved, signal);
  if (!queued.ok) return queued.failure;
  if (queued.value) return waitForGitHub(approved, `#${pull.number} is in the merge queue`, null);
  const checks = await context.github.checks(step.sha, signal);
  if (!checks.ok) return unread(approved, checks.failure);
  context.emit({ type: "pull.checks", issue: run.issue.number, pull: pull.number, state: checks.value.kind });
  return act(approved, checks.value, signal);
}

/** Counts the wait from now on where the clock was set back, because nobody knows how long it has lasted. */
async function withPastSince(approved: ApprovedPull): Promise<ApprovedPull> {
  const { context, run, step } = approved;
  const now = context.clock.now().toISOString();
  if (step.since <= now) return approved;
  const again = { ...step, since: now, green: null };
  await run.mark(again);
  return { ...approved, step: again };
}

async function act(approved: ApprovedPull, checks: CheckState, signal: AbortSignal): Promise<StageOutcome> {
  const { pull } = approved;
  switch (checks.kind) {
    case "passed":
      return green(approved, checks.names, signal);
    case "none":
      return none(approved, signal);
    case "pending":
      return isLate(approved)
        ? ask(lateChecks(pull, checks, minutesOf(approved)))
        : waitForGitHub(approved, `${checks.pending} of ${checks.total} checks of #${pull.number} are pending`, null);
    case "undecided": {
      if (isLetGo(approved, checks.undecided)) return mergeApproved(approved, signal);
      const reason = `${listOf(checks.undecided)} of #${pull.number} ended without a verdict on the code, and may run again`;
      return isLate(approved)
        ? ask(undecidedChecks(pull, checks.undecided), namesOf(checks.undecided))
        : waitForGitHub(approved, reason, null);
    }
    case "failed":
      return isLetGo(approved, checks.failed)
        ? mergeApproved(approved, signal)
        : mendChecks(approved, checks.failed, signal);
    default:
      return assertNever(checks);
  }
}

/** Says whether a person has waived every one of these checks, for this very commit. */
function isLetGo(approved: ApprovedPull, problems: readonly CheckProblem[]): boolean {
  const waived = waivedChecks(approved);
  return problems.every(({ name }) => waived.includes(name));
}

function waivedChecks({ run, step }: ApprovedPull): readonly string[] {
  const { waived } = run.state();
  return waived?.head === step.sha ? waived.checks : [];
}

function namesOf(problems: readonly CheckProblem[]): readonly string[] {
  return problems.map(({ name }) => name);
}

function minutesOf({ context }: ApprovedPull): number {
  return Math.round(context.config.ciTimeoutMs / 60_000);
}

async function green(approved: ApprovedPull, names: readonly string[], signal: AbortSignal): Promise<StageOutcome> {
  const { context, run, pull, step } = approved;
  const { config, clock } = context;
  const expected = await expectedChecks(approved, signal);
  if (!expected.ok) return unread(approved, expected.failure);
  const now = clock.now();
  const looks = nextLooks(step.green ?? null, names, now);
  await run.mark({ ...step, green: looks });
  const belief = believe({
    looks,
    expected: expected.value,
    configured: config.requiredChecks,
    waived: waivedChecks(approved),
    settleMs: config.checksSettleMs,
    now,
  });
  switch (belief.kind) {
    case "believed":
      return mergeApproved(approved, signal);
    case "not-yet":
      return wait(`#${pull.number}: ${belief.reason}`, later(now, Math.min(config.ciPollIntervalMs, CONFIRM_MS_MAX)));
    case "missing":
      return isLate(approved)
        ? ask(missingChecks(pull, belief.names), belief.names)
        : waitForGitHub(
            approved,
            `#${pull.number} waits for ${belief.names.join(", ")}, which did not report yet`,
            null,
          );
    default:
      return assertNever(belief);
  }
}

/** Returns null where the credential may not see what is expected, because then nobody knows. */
async function expectedChecks(
  { context, pull }: ApprovedPull,
  signal: AbortSignal,
): Promise<Result<ExpectedChecks | null, GitHubFailure>> {
  const expected = await context.github.expectedChecks(pull.baseBranch, signal);
  if (expected.ok || expected.failure.retryable || expected.failure.kind === "unauthorized") return expected;
  return ok(null);
}

async function none(approved: ApprovedPull, signal: AbortSignal): Promise<StageOutcome> {
  const { context, run, pull, step } = approved;
  const isEnough = context.config.mergeWithoutChecks || waivedChecks(approved).includes(ALL_CHECKS);
  // I2: a setting or a person lets it pass.
  if (step.looks + 1 >= NO_CHECKS_LOOKS)
    return isEnough ? mergeApproved(approved, signal) : ask(noChecks(pull), [ALL_CHECKS]);
  await run.mark({ ...step, looks: step.looks + 1, green: null });
  return waitForGitHub(approved, `#${pull.number} has no checks yet`, null);
}

/** Asks a person. An approval waives `checks`, and after any other answer the checks are looked at again. */
function ask(question: string, checks: readonly string[] = []): StageOutcome {
  return { kind: "hand-off", cause: "ci", question, resumes: true, change: { askedChecks: checks } };
}

/**
 * Waits while an outage may pass (I2). A refusal that lasts, for instance of a credential without the right to read
 * checks, needs a person.
 */
function unread(approved: ApprovedPull, { message, kind, retryable, retryAt }: GitHubFailure): StageOutcome {
  const problem = `the checks of #${approved.pull.number} could not be read: ${message}`;
  if (retryable || kind === "unauthorized" || !isLate(approved)) return waitForGitHub(approved, problem, retryAt);
  return ask(
    `#${approved.pull.number} is approved, but ${problem}. Give the credential the right to read checks and commit statuses (docs/github-credentials.md says how), then answer \`approve\`.`,
  );
}

function noChecks(pull: PullRequest): string {
  return `#${pull.number} is approved, but the repository reports no check at all for its head, so nothing says that it works. Merge it yourself, add checks, or set \`mergeWithoutChecks\` in the configuration; or answer \`approve\` to let it be merged without any.`;
}

function lateChecks(pull: PullRequest, checks: Extract<CheckState, { kind: "pending" }>, minutes: number): string {
  return `#${pull.number} is approved, but ${checks.pending} of its ${checks.total} checks have not ended within ${minutes} minutes. Look at the checks, and answer here to wait for them once more.`;
}

function undecidedChecks(pull: PullRequest, undecided: readonly CheckProblem[]): string {
  const list = undecided
    .map(({ name, conclusion, url }) => `- \`${name}\` ended as \`${conclusion}\`${url === "" ? "" : ` (${url})`}`)
    .join("\n");
  return `#${pull.number} is approved, but these checks ended without a verdict on the code, so changing the code cannot help:\n${list}\n\nRun them again on GitHub and answer here when they have run, or answer \`approve\` to merge without their verdict.`;
}

function missingChecks(pull: PullRequest, names: readonly string[]): string {
  return `#${pull.number} is approved and what has reported is green, but these checks have not reported on it, as they do on other pull requests here: ${names.map((name) => `\`${name}\``).join(", ")}.\n\nAnswer \`approve\` to merge without waiting for them, or anything else to look again.`;
}

function listOf(problems: readonly CheckProblem[]): string {
  return problems.map(({ name, conclusion }) => `${name} (${conclusion})`).join(", ");
}
