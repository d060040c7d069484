// What falls between the stages: decisions that a crash or an outage kept from being carried out, issues that people
// closed or took away, claims that nobody needs any more. Runs after every sync, and does nothing when all is well.

import { isLegalMove, stageLabelsOf, type StageLabel, stageOfLabel } from "../../core/stage.ts";
import type { Issue } from "../github/github.ts";
import type { IssueStore } from "../issue-store.ts";
import type { IssueOutcome, IssueState, RunState } from "../issue-state.ts";
import type { SettlementParts } from "./apply-settlement.ts";
import { isWaiting } from "./backoff.ts";
import type { BugBook } from "./bug-book.ts";
import type { IssueRunner } from "./issue-runner.ts";
import { dropRun } from "./run-record.ts";
import { readStep, writeStep } from "./run-step.ts";
import type { FinalOutcome } from "./settle.ts";

/** GitHub's replicas lag: an issue is gone when it was missing in so many looks, one after the other. */
const MISSED_MAX = 3;

/** Names the runs that are none: what follows from an issue's having been closed. */
const SEEN_CLOSED = "closed-";

export interface UpkeepOptions extends SettlementParts {
  readonly store: IssueStore;
  readonly runner: IssueRunner;
  readonly bugs: BugBook;
}

export class Upkeep {
  readonly #options: UpkeepOptions;
  /** How often in a row GitHub had an issue no more. */
  readonly #missed = new Map<number, number>();

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { context, bugs } = this.#options;
    for (const [number, state] of context.state.issues()) {
      if (signal.aborted) return;
      try {
        await this.#look(number, state, signal);
      } catch (thrown) {
        if (!signal.aborted) bugs.note("the upkeep", number, thrown);
      }
    }
  }

  async #look(number: number, state: IssueState, signal: AbortSignal): Promise<void> {
    const { context, runner, store, claims } = this.#options;
    if (runner.isInHand(number) || isWaiting(state.retryAt, context.clock.now())) return;
    if (isSettling(state)) await this.#settle(number, state, signal);
    else if (claims.isReleasing(number)) await claims.release({ number }, signal);
    else if (store.find(number) === undefined && isOpenWork(state)) await this.#missing(number, state, signal);
  }

  async #settle(number: number, { run }: IssueState, signal: AbortSignal): Promise<void> {
    const { context, runner, claims } = this.#options;
    const step = run === null ? null : readStep(run.step);
    if (run === null || step?.at !== "settling") return;
    const issue = await this.#read(number, signal);
    if (issue === null) return;
    const at = context.clock.now().toISOString();
    // Nothing of it was our own decision, and the person's newer word counts.
    if (run.id.startsWith(SEEN_CLOSED) && issue.state === "open")
      return context.state.update(number, (old) => dropRun(old, "it was opened again", at));
    // Also where the state has no claim any more: giving it up may have been cut short, and only its holder can end that.
    const claimed = await claims.acquire(issue, run.stage, signal);
    if (!claimed.ok && claimed.failure.kind === "held") {
      return context.state.update(number, (old) => dropRun(old, "another worker went on with this issue", at));
    }
    if (!claimed.ok) return;
    await runner.resume(issue, run, step, signal);
  }

  /** GitHub lists it no more, or without a label of ours: somebody closed it, merged its pull request, or took it away. */
  async #missing(number: number, state: IssueState, signal: AbortSignal): Promise<void> {
    const issue = await this.#read(number, signal);
    if (issue === null) return;
    if (issue.state === "closed") return this.#ended(issue, state, signal);
    if (this.#labelsOf(issue).length === 0) return this.#letGo(issue, signal);
    this.#options.store.put(issue);
  }

  async #ended(issue: Issue, state: IssueState, signal: AbortSignal): Promise<void> {
    const { context, runner } = this.#options;
    const pull = state.pull === null ? null : await context.github.pull(state.pull, signal);
    // Whether it was merged must be known: everything that follows depends on it.
    if (pull !== null && !pull.ok) return;
    const label = this.#labelsOf(issue).at(-1);
    const isMerged = pull?.value.merged === true;
    if (label === "dup" || (label === "fixed" && !isMerged)) return this.#endedElsewhere(issue, label, state, signal);
    const outcome =
      isMerged && canBeFixed(label) ? this.#mergedOutcome(issue.number, state) : closedOutcome(isMerged, state);
    // As durable as a run's own decision: what a crash leaves of it is carried out by the next start.
    const decidedAt = context.clock.now().toISOString();
    const step = { at: "settling", outcome, decidedAt } as const;
    const run: RunState = {
      id: `${SEEN_CLOSED}${issue.updatedAt}`,
      stage: (label === undefined ? undefined : stageOfLabel(label)) ?? "review",
      attempt: 1,
      sessionId: "",
      startedAt: decidedAt,
      step: writeStep(step),
    };
    await context.state.update(issue.number, (old) => ({ ...old, run }));
    await runner.resume(issue, run, step, signal);
  }

  #mergedOutcome(number: number, { cycle, pull }: IssueState): FinalOutcome {
    const isOurs = this.#options.context.journal.keys(`${number}.${cycle}/merge`).length > 0;
    return { kind: "close", result: "merged", reason: isOurs ? `merged in #${pull}` : mergedElsewhere(pull) };
  }

  /** Its label says how, and stays. */
  async #endedElsewhere(
    issue: Issue,
    label: "fixed" | "dup",
    { pull }: IssueState,
    signal: AbortSignal,
  ): Promise<void> {
    const reason = "it was brought to its end by someone else";
    const released = await this.#options.claims.release(
      issue,
      signal,
      `**HydraFlow** has ended its work on this issue: ${reason}.`,
    );
    if (released.ok) await this.#note(issue.number, label === "fixed" ? "merged" : "already_satisfied", reason, pull);
  }

  async #letGo(issue: Issue, signal: AbortSignal): Promise<void> {
    const { context, claims } = this.#options;
    if (!(await this.#leaveQueue(issue.number, signal))) return;
    const reason = "its label was taken away";
    const released = await claims.release(
      issue,
      signal,
      `**HydraFlow** has stopped its work on this issue: ${reason}.`,
    );
    if (!released.ok) return;
    await context.state.update(issue.number, (old) => ({
      ...dropRun(old, reason, context.clock.now().toISOString()),
      hitl: null,
      pull: null,
      // Whoever puts the label again lets the text pass that stands there then.
      text: null,
    }));
  }

  /** A pull request in the merge queue is merged whatever becomes of its issue; false when it could not be taken out. */
  async #leaveQueue(number: number, signal: AbortSignal): Promise<boolean> {
    const { github, state } = this.#options.context;
    const { run, pull } = state.issue(number);
    const step = run === null ? null : readStep(run.step);
    if (pull === null || step?.at !== "approved" || typeof step.queuedAt !== "string") return true;
    const read = await github.pull(pull, signal);
    if (!read.ok) return read.failure.kind === "not-found";
    return (await github.dequeue(read.value, signal)).ok;
  }

  /** Null where GitHub does not show it; when it has not for long enough, the issue has ended here. */
  async #read(number: number, signal: AbortSignal): Promise<Issue | null> {
    const read = await this.#options.context.github.issue(number, signal);
    const missed = read.ok || read.failure.kind !== "not-found" ? 0 : (this.#missed.get(number) ?? 0) + 1;
    if (missed === 0 || missed === MISSED_MAX) this.#missed.delete(number);
    else this.#missed.set(number, missed);
    const reason = "GitHub has it no more: it was transferred to another repository, or deleted";
    if (missed === MISSED_MAX) await this.#note(number, "closed", reason, null);
    return read.ok ? read.value : null;
  }

  /** It has ended without us; its worktree goes at the next start. */
  async #note(number: number, kind: IssueOutcome["kind"], reason: string, pull: number | null): Promise<void> {
    const { state, clock } = this.#options.context;
    const at = clock.now().toISOString();
    await state.update(number, (old) => ({
      ...dropRun(old, reason, at),
      claim: null,
      hitl: null,
      outcome: { kind, reason, at, pull },
    }));
  }

  #labelsOf(issue: Issue) {
    return stageLabelsOf(issue.labels, this.#options.context.config.labelPrefix);
  }
}

/** A move that was cut short has left `fixed` beside another label. */
function canBeFixed(label: StageLabel | undefined): boolean {
  return label !== undefined && (label === "fixed" || isLegalMove(label, "fixed"));
}

function closedOutcome(isMerged: boolean, { pull }: IssueState): FinalOutcome {
  return {
    kind: "close",
    result: "closed",
    reason: isMerged ? mergedElsewhere(pull) : "it was closed by someone else",
  };
}

function mergedElsewhere(pull: number | null): string {
  return `#${pull} was merged by someone else`;
}

function isSettling({ run }: IssueState): boolean {
  return run !== null && readStep(run.step).at === "settling";
}

function isOpenWork(state: IssueState): boolean {
  return (
    state.outcome === null && (state.run !== null || state.claim !== null || state.hitl !== null || state.pull !== null)
  );
}
