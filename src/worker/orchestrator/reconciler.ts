// Brings to its end what falls between the stages: decisions that a crash or an outage kept from being carried out,
// issues that people closed or took away, claims that nobody needs any more. It runs after every sync, and does nothing
// when all is well.

import type { Result } from "../../core/base/result.ts";
import { isLegalMove, stageLabelsOf, type StageLabel, stageOfLabel } from "../../core/domain/stage.ts";
import type { GitHubFailure, Issue } from "../github/port/github.ts";
import { claimGone } from "../claims/claim-record.ts";
import type { IssueStore } from "../issues/issue-store.ts";
import type { Decision } from "../state/decision.ts";
import { outcomeOf, pauseOf, questionOf, runOf } from "../state/issue-way.ts";
import type { IssueOutcome, IssueState } from "../state/issue-state.ts";
import type { DecidedRun, SeenEnd } from "../state/run-step.ts";
import type { SettlementParts, Settling } from "../settlement/apply-settlement.ts";
import { endIssue, seeEnd } from "../settlement/settle.ts";
import type { Settler } from "../settlement/settler.ts";
import { isWaiting } from "../pipeline/backoff.ts";
import type { BugBook } from "../waits/bug-book.ts";
import type { RunsInFlight } from "./runs-in-flight.ts";
import { dropRun, letGo } from "../pipeline/run-record.ts";
import { failedCall } from "../waits/run-waits.ts";
import type { WaitBook } from "../waits/wait-book.ts";

/** GitHub's replicas lag, so an issue counts as gone only when so many looks in a row did not find it. */
const MISSED_MAX = 3;

export interface ReconcilerOptions extends SettlementParts {
  readonly store: IssueStore;
  readonly settler: Settler;
  readonly inFlight: RunsInFlight;
  readonly bugs: BugBook;
  readonly waits: WaitBook;
}

/** It is what kept an issue from being reconciled; null when nothing did. */
type Hindrance = GitHubFailure | null;

const MARK = "reconciler";

export class Reconciler {
  readonly #options: ReconcilerOptions;
  /** It counts how often in a row GitHub did not have an issue. */
  readonly #missed = new Map<number, number>();

  constructor(options: ReconcilerOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { context, bugs } = this.#options;
    for (const [number, state] of context.state.issues()) {
      if (signal.aborted) return;
      try {
        this.#note(number, await this.#look(number, state, signal));
      } catch (thrown) {
        if (!signal.aborted) bugs.note("the reconciler", number, thrown);
      }
    }
    this.#forgetEnded();
  }

  /** Notes what an issue waits for here; the reconciler tries again after each sync. */
  #note(issue: number, hindrance: Hindrance): void {
    const { waits } = this.#options;
    if (hindrance === null) waits.clear(issue, MARK);
    else waits.note(issue, { ...failedCall(hindrance), mark: MARK });
  }

  /** Clears the waits of issues that a person has closed or taken away. */
  #forgetEnded(): void {
    const { context, store, waits } = this.#options;
    for (const issue of waits.issues)
      if (store.find(issue) === undefined && !isOpenWork(context.state.issue(issue))) waits.clear(issue);
  }

  async #look(number: number, state: IssueState, signal: AbortSignal): Promise<Hindrance> {
    const { context, inFlight, store, claims } = this.#options;
    if (inFlight.has(number) || isWaiting(pauseOf(state)?.until, context.clock.now())) return null;
    if (state.way.is === "settling") return this.#settle(number, state.way.record, signal);
    if (claims.isReleasing(number)) return failureOf(await claims.release({ number }, signal));
    if (store.find(number) === undefined && isOpenWork(state)) return this.#missing(number, state, signal);
    return null;
  }

  async #settle(number: number, run: DecidedRun | SeenEnd, signal: AbortSignal): Promise<Hindrance> {
    const { claims } = this.#options;
    const issue = await this.#read(number, signal);
    if (!issue.ok) return issue.failure;
    // Nothing of this was our own decision: a person had closed the issue, and their newer word counts.
    if (run.by === "person" && issue.value.state === "open") return this.#dropRun(number, "it was opened again");
    // The state may have no claim any more, because its release was cut short, and only a holder can finish that.
    const claimed = await claims.acquire(issue.value, run.stage, signal);
    if (!claimed.ok) {
      if (claimed.failure.kind !== "held") return claimed.failure;
      return this.#dropRun(number, "another worker went on with this issue");
    }
    const { outcome, decidedAt } = run.step;
    return this.#carryOut({ issue: issue.value, run, outcome, decidedAt }, signal);
  }

  /** Nobody else takes the issue up while its decision is carried out. */
  async #carryOut(settling: Settling, signal: AbortSignal): Promise<null> {
    const { inFlight, settler } = this.#options;
    using _inFlight = inFlight.take(settling.issue.number);
    await settler.carryOut(settling, signal);
    return null;
  }

  async #dropRun(number: number, reason: string): Promise<null> {
    const { context, waits } = this.#options;
    await context.state.update(number, (old) => dropRun(old, reason, context.clock.now().toISOString()));
    waits.clear(number);
    return null;
  }

  /**
   * Finds out what became of an issue that GitHub lists no more: somebody closed it, merged its pull request, or took
   * its label away.
   */
  async #missing(number: number, state: IssueState, signal: AbortSignal): Promise<Hindrance> {
    const issue = await this.#read(number, signal);
    if (!issue.ok) return issue.failure;
    if (issue.value.state === "closed") return this.#ended(issue.value, state, signal);
    if (this.#labelsOf(issue.value).length === 0) return this.#letGo(issue.value, signal);
    this.#options.store.put(issue.value);
    return null;
  }

  async #ended(issue: Issue, state: IssueState, signal: AbortSignal): Promise<Hindrance> {
    const { context } = this.#options;
    const pull = state.pull === null ? null : await context.github.pull(state.pull, signal);
    // Everything that follows depends on whether it was merged, so that must be known.
    if (pull !== null && !pull.ok) return pull.failure;
    const label = this.#labelsOf(issue).at(-1);
    const isMerged = pull?.value.merged === true;
    if (label === "dup" || (label === "fixed" && !isMerged)) return this.#endedElsewhere(issue, label, state, signal);
    const outcome =
      isMerged && canBeFixed(label) ? this.#mergedOutcome(issue.number, state) : closedOutcome(isMerged, state);
    // The end is saved as a run's own decision is, so that the next start carries out what a crash leaves of it.
    const decidedAt = context.clock.now().toISOString();
    const step = { at: "settling", outcome, decidedAt } as const;
    const stage = (label === undefined ? undefined : stageOfLabel(label)) ?? "review";
    const run: SeenEnd = { by: "person", id: `closed-${issue.updatedAt}`, stage, startedAt: decidedAt, step };
    await context.state.update(issue.number, (old) => seeEnd(old, run));
    return this.#carryOut({ issue, run, outcome, decidedAt }, signal);
  }

  #mergedOutcome(number: number, { cycle, pull }: IssueState): Decision {
    const isOurs = this.#options.context.journal.keys(`${number}.${cycle}/merge`).length > 0;
    return { kind: "close", result: "merged", reason: isOurs ? `merged in #${pull}` : mergedElsewhere(pull) };
  }

  /** Ends an issue whose label says how it ended; the label stays. */
  async #endedElsewhere(
    issue: Issue,
    label: "fixed" | "dup",
    { pull }: IssueState,
    signal: AbortSignal,
  ): Promise<Hindrance> {
    const reason = "it was brought to its end by someone else";
    const released = await this.#options.claims.release(
      issue,
      signal,
      `**HydraFlow** has ended its work on this issue: ${reason}.`,
    );
    if (!released.ok) return released.failure;
    await this.#end(issue.number, label === "fixed" ? "merged" : "already_satisfied", reason, pull);
    return null;
  }

  async #letGo(issue: Issue, signal: AbortSignal): Promise<Hindrance> {
    const { context, claims } = this.#options;
    const left = await this.#leaveQueue(issue.number, signal);
    if (left !== null) return left;
    const reason = "its label was taken away";
    const released = await claims.release(
      issue,
      signal,
      `**HydraFlow** has stopped its work on this issue: ${reason}.`,
    );
    if (!released.ok) return released.failure;
    await context.state.update(issue.number, (old) => letGo(old, reason, context.clock.now().toISOString()));
    return null;
  }

  /** Takes the pull request out of the merge queue, which would merge it whatever becomes of its issue. */
  async #leaveQueue(number: number, signal: AbortSignal): Promise<Hindrance> {
    const { github, state } = this.#options.context;
    const known = state.issue(number);
    const { pull } = known;
    const step = runOf(known)?.step;
    if (pull === null || step?.at !== "approved" || typeof step.queuedAt !== "string") return null;
    const read = await github.pull(pull, signal);
    if (!read.ok) return read.failure.kind === "not-found" ? null : read.failure;
    const out = await github.dequeue(read.value, signal);
    return out.ok ? null : out.failure;
  }

  /** Reads the issue, and ends it once GitHub has not had it in MISSED_MAX looks. */
  async #read(number: number, signal: AbortSignal): Promise<Result<Issue, GitHubFailure>> {
    const read = await this.#options.context.github.issue(number, signal);
    const missed = read.ok || read.failure.kind !== "not-found" ? 0 : (this.#missed.get(number) ?? 0) + 1;
    if (missed === 0 || missed === MISSED_MAX) this.#missed.delete(number);
    else this.#missed.set(number, missed);
    const reason = "GitHub has it no more: it was transferred to another repository, or deleted";
    if (missed === MISSED_MAX) await this.#end(number, "closed", reason, null);
    return read;
  }

  /** Records that the issue has ended without us; the orphan sweep removes its worktree. */
  async #end(number: number, kind: IssueOutcome["kind"], reason: string, pull: number | null): Promise<void> {
    const { state, clock } = this.#options.context;
    const at = clock.now().toISOString();
    await state.update(number, (old) => endIssue(claimGone(dropRun(old, reason, at)), { kind, reason, at, pull }));
  }

  #labelsOf(issue: Issue) {
    return stageLabelsOf(issue.labels, this.#options.context.config.labelPrefix);
  }
}

/** Says whether the label may become `fixed`. It is `fixed` already where a move was cut short. */
function canBeFixed(label: StageLabel | undefined): boolean {
  return label !== undefined && (label === "fixed" || isLegalMove(label, "fixed"));
}

function closedOutcome(isMerged: boolean, { pull }: IssueState): Decision {
  return {
    kind: "close",
    result: "closed",
    reason: isMerged ? mergedElsewhere(pull) : "it was closed by someone else",
  };
}

function mergedElsewhere(pull: number | null): string {
  return `#${pull} was merged by someone else`;
}

function failureOf(result: Result<unknown, GitHubFailure>): Hindrance {
  return result.ok ? null : result.failure;
}

function isOpenWork(state: IssueState): boolean {
  if (outcomeOf(state) !== null) return false;
  return runOf(state) !== null || state.claim !== null || questionOf(state) !== null || state.pull !== null;
}
