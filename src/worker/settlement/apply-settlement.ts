// Carries out what settle.ts decided.
//
// I1 Every step is repeatable: a crash between any two of them is mended by doing it all again.
// I2 The settled state is saved last, so that what it says is done is done.

import { join } from "node:path";

import { fail, ok, type Result } from "../../core/base/result.ts";
import { isSameLabel, labelName, type LabelKey, MARKER_LABELS, STAGE_LABELS } from "../../core/domain/stage.ts";
import { removeAgentHome } from "../agent/process/agent-home.ts";
import type { ClaimKeeper } from "../claims/claim-keeper.ts";
import type { GitHubFailure, Issue } from "../github/port/github.ts";
import { commentOnce } from "../issues/issue-comment.ts";
import { quoted } from "../issues/issue-text.ts";
import type { Decision } from "../state/decision.ts";
import { questionOf } from "../state/issue-way.ts";
import type { RunState, SeenEnd } from "../state/run-step.ts";
import type { LabelMover } from "../issues/label-mover.ts";
import { settle, settledState, type Settlement } from "./settle.ts";
import { askPerson, noteComment } from "../pipeline/question-record.ts";
import type { StageContext } from "../pipeline/stage-context.ts";

/**
 * GitHub's "not found" for a branch that is there is tried again for this long; then a person is told of the branch.
 */
const BRANCH_PATIENCE_MS = 600_000;

export interface SettlementParts {
  readonly context: StageContext;
  readonly claims: ClaimKeeper;
  readonly mover: LabelMover;
}

export interface Settling {
  readonly issue: Issue;
  /** It decided: a run of a stage, or the sight of an end on GitHub. */
  readonly run: RunState | SeenEnd;
  readonly outcome: Decision;
  readonly decidedAt: string;
}

/** `taken-over`: someone else moved the issue, and theirs counts. */
export type SettlementFailure = GitHubFailure | { readonly kind: "taken-over"; readonly message: string };

/** Returns the issue as it is afterwards. */
export async function applySettlement(
  parts: SettlementParts,
  settling: Settling,
  signal: AbortSignal,
): Promise<Result<Issue, SettlementFailure>> {
  const { context, claims } = parts;
  const { issue, run, outcome, decidedAt } = settling;
  const state = context.state.issue(issue.number);
  const settlement = settle(outcome, { state, run, decidedAt, labelPrefix: context.config.labelPrefix });
  await ask(context, issue.number, settlement);
  const commented = await comment(context, settling, settlement, signal);
  if (!commented.ok) return commented;
  const moved = await move(parts, issue, settlement, signal);
  if (!moved.ok) return moved;
  const closed = settlement.close === null ? moved : await close(context, moved.value, settlement.close, signal);
  if (!closed.ok) return closed;
  const left = settlement.cleanUp === null ? ok("") : await cleanUp(context, settling, settlement.cleanUp, signal);
  if (!left.ok) return left;
  const released =
    settlement.release === null ? ok() : await claims.release(issue, signal, settlement.release + left.value);
  if (!released.ok) return released;
  // I2
  await context.state.update(issue.number, (old) =>
    settledState(old, outcome, run.stage, context.clock.now().toISOString()),
  );
  emitOutcome(context, issue.number, outcome);
  return closed;
}

async function ask({ state }: StageContext, issue: number, { question }: Settlement): Promise<void> {
  if (question === null || questionOf(state.issue(issue))?.askedAt === question.askedAt) return;
  await state.update(issue, (old) => askPerson(old, question));
}

async function comment(
  { github, journal, state }: StageContext,
  { issue: { number: issue }, run }: Settling,
  settlement: Settlement,
  signal: AbortSignal,
): Promise<Result<undefined, GitHubFailure>> {
  if (settlement.comment === null) return ok();
  const key = `${issue}.${state.issue(issue).cycle}/${settlement.comment.key}`;
  const { body } = settlement.comment;
  // I1
  const posted = await commentOnce({ github, journal, number: issue, key, run: run.id, body }, signal);
  if (!posted.ok) return posted;
  if (settlement.question !== null) {
    await state.update(issue, (old) => noteComment(old, posted.value.id));
  }
  return ok();
}

async function move(
  { context, mover }: SettlementParts,
  issue: Issue,
  settlement: Settlement,
  signal: AbortSignal,
): Promise<Result<Issue, SettlementFailure>> {
  const { from, to } = settlement;
  if (to === null) return ok(issue);
  if (to === "none") return unlabel(context, issue.number, [...STAGE_LABELS, ...MARKER_LABELS], signal);
  if (from === to) return unlabel(context, issue.number, ["hitl-active"], signal);
  const moved = await mover.move(issue, { from, to }, context.state.issue(issue.number), signal);
  if (moved.ok) return moved;
  return fail(
    moved.failure.kind === "illegal-move" ? { kind: "taken-over", message: moved.failure.message } : moved.failure,
  );
}

async function unlabel(
  { github, config }: StageContext,
  number: number,
  keys: readonly LabelKey[],
  signal: AbortSignal,
): Promise<Result<Issue, GitHubFailure>> {
  const read = await github.issue(number, signal);
  if (!read.ok) return read;
  const issue = read.value;
  const unwanted = keys.map((key) => labelName(config.labelPrefix, key));
  // The repository may write a label in another case than we do.
  const names = issue.labels.filter((label) => unwanted.some((name) => isSameLabel(label, name)));
  for (const name of names) {
    const removed = await github.removeLabel(issue.number, name, signal);
    if (!removed.ok) return removed;
  }
  return ok({ ...issue, labels: issue.labels.filter((label) => !names.includes(label)) });
}

/** Closes the issue. GitHub closes by itself what a merge fixes, a moment later, and closing twice changes nothing. */
async function close(
  { github, journal, state }: StageContext,
  issue: Issue,
  reason: "completed" | "not_planned",
  signal: AbortSignal,
): Promise<Result<Issue, GitHubFailure>> {
  const closed = await journal.effect<true, GitHubFailure>(
    `${issue.number}.${state.issue(issue.number).cycle}/close`,
    {
      alwaysLook: true,
      look: async (inner) => {
        const read = await github.issue(issue.number, inner);
        return read.ok ? ok(read.value.state === "closed" ? true : null) : read;
      },
      act: async (inner) => {
        const done = await github.closeIssue(issue.number, reason, inner);
        return done.ok ? ok(true as const) : done;
      },
    },
    signal,
  );
  return closed.ok ? ok({ ...issue, state: "closed" }) : closed;
}

/**
 * Removes what the ended issue has here. The remote's branch goes first, because the record that goes with the worktree
 * has its name. While GitHub's refusal to delete it may pass, this fails; after that it returns a sentence about the
 * branch for a person, which is empty otherwise. The orphan sweep removes whatever else cannot be removed here.
 */
async function cleanUp(
  context: StageContext,
  { issue: { number: issue }, decidedAt }: Settling,
  { remoteBranch, keepsLocalBranch }: NonNullable<Settlement["cleanUp"]>,
  signal: AbortSignal,
): Promise<Result<string, GitHubFailure>> {
  const { github, state, workspaces, paths } = context;
  const branch = state.issue(issue).branch ?? (await workspaces.branchOf(issue));
  const deleted = remoteBranch ? await github.deleteBranch(branch, signal) : ok();
  if (!deleted.ok && mayPass(deleted.failure, decidedAt, context.clock.now())) return deleted;
  const isOurs = state.issue(issue).branch !== null;
  await workspaces.remove(issue, signal, { keepsBranch: keepsLocalBranch === true, isOurs });
  await removeAgentHome(join(paths.agentHomes, `issue-${issue}`));
  if (deleted.ok) return ok("");
  return ok(` Its branch \`${branch}\` is left: GitHub did not delete it (${quoted(deleted.failure.message)}).`);
}

/** Says whether a failure may pass. An outage or a refused credential may at any time, and "not found" for a while. */
function mayPass({ retryable, kind }: GitHubFailure, decidedAt: string, now: Date): boolean {
  if (retryable || kind === "unauthorized") return true;
  return kind === "not-found" && now.getTime() - Date.parse(decidedAt) < BRANCH_PATIENCE_MS;
}

function emitOutcome({ emit }: StageContext, issue: number, outcome: Decision): void {
  if (outcome.kind === "hand-off") emit({ type: "hitl.asked", issue, question: outcome.question });
  if (outcome.kind === "close") emit({ type: "issue.closed", issue, reason: `${outcome.result}: ${outcome.reason}` });
}
