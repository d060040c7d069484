// What falls between the stages: decisions that a crash or an outage kept from being carried out, issues that people
// closed or took away, claims that nobody needs any more. Runs after every sync, and does nothing when all is well.

import { isLegalMove, type Stage, stageLabelsOf, stageOfLabel } from "../../core/stage.ts";
import type { GitHubFailure, Issue } from "../github/github.ts";
import type { IssueStore } from "../issue-store.ts";
import type { IssueOutcome, IssueState } from "../issue-state.ts";
import { applySettlement, type SettlementParts } from "./apply-settlement.ts";
import { isWaiting } from "./backoff.ts";
import type { BugBook } from "./bug-book.ts";
import type { IssueRunner } from "./issue-runner.ts";
import { dropRun } from "./run-record.ts";
import { readStep, stepMark } from "./run-step.ts";
import { failedCall } from "./run-waits.ts";
import type { FinalOutcome } from "./settle.ts";
import type { WaitBook } from "./wait-book.ts";

export interface UpkeepOptions extends SettlementParts {
  readonly store: IssueStore;
  readonly runner: IssueRunner;
  readonly bugs: BugBook;
  readonly waits: WaitBook;
}

/** What kept it from being done; null when nothing did. */
type Hindrance = GitHubFailure | null;

const MARK = "upkeep";

export class Upkeep {
  readonly #options: UpkeepOptions;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { context, bugs } = this.#options;
    for (const [number, state] of context.state.issues()) {
      if (signal.aborted) return;
      try {
        this.#note(number, await this.#look(number, state, signal));
      } catch (thrown) {
        if (!signal.aborted) bugs.note("the upkeep", number, thrown);
      }
    }
    this.#forgetEnded();
  }

  /** It is tried again after each sync. */
  #note(issue: number, hindrance: Hindrance): void {
    const { context, waits } = this.#options;
    if (hindrance === null) return waits.clear(issue, MARK);
    const { run, waitingSince: since } = context.state.issue(issue);
    waits.note(issue, { ...failedCall(hindrance), mark: stepMark(run) ?? MARK, since });
  }

  /** What a person has closed or taken away waits for nothing any more. */
  #forgetEnded(): void {
    const { context, store, waits } = this.#options;
    for (const issue of waits.issues)
      if (store.find(issue) === undefined && !isOpenWork(context.state.issue(issue))) waits.clear(issue);
  }

  async #look(number: number, state: IssueState, signal: AbortSignal): Promise<Hindrance> {
    const { context, runner, store } = this.#options;
    if (runner.isInHand(number) || isWaiting(state.retryAt, context.clock.now())) return null;
    if (isSettling(state)) return this.#settle(number, state, signal);
    if (store.find(number) === undefined && isOpenWork(state)) return this.#missing(number, state, signal);
    return null;
  }

  async #settle(number: number, { run }: IssueState, signal: AbortSignal): Promise<Hindrance> {
    const { context, runner, claims } = this.#options;
    const step = run === null ? null : readStep(run.step);
    if (run === null || step?.at !== "settling") return null;
    const issue = await context.github.issue(number, signal);
    if (!issue.ok) return this.#gone(number, issue.failure);
    // Also where the state has no claim any more: giving it up may have been cut short, and only its holder can end that.
    const claimed = await claims.acquire(issue.value, run.stage, signal);
    if (!claimed.ok) {
      if (claimed.failure.kind !== "held") return claimed.failure;
      const at = context.clock.now().toISOString();
      await context.state.update(number, (old) => dropRun(old, "another worker went on with this issue", at));
      return null;
    }
    await runner.resume(issue.value, run, step, signal);
    return null;
  }

  /** GitHub lists it no more, or without a label of ours: somebody closed it, merged its pull request, or took it away. */
  async #missing(number: number, state: IssueState, signal: AbortSignal): Promise<Hindrance> {
    const { context, store } = this.#options;
    const issue = await context.github.issue(number, signal);
    if (!issue.ok) return this.#gone(number, issue.failure);
    if (issue.value.state === "closed") return this.#ended(issue.value, state, signal);
    if (this.#labelsOf(issue.value).length === 0) return this.#letGo(issue.value, signal);
    store.put(issue.value);
    return null;
  }

  async #ended(issue: Issue, state: IssueState, signal: AbortSignal): Promise<Hindrance> {
    const { context } = this.#options;
    const pull = state.pull === null ? null : await context.github.pull(state.pull, signal);
    if (pull !== null && !pull.ok && pull.failure.retryable) return pull.failure;
    const label = this.#labelsOf(issue).at(-1);
    if (label === "fixed" || label === "dup") return this.#endedElsewhere(issue, label, state, signal);
    const isMerged = pull?.ok === true && pull.value.merged;
    const stage: Stage = (label === undefined ? undefined : stageOfLabel(label)) ?? "review";
    const outcome: FinalOutcome =
      isMerged && label !== undefined && isLegalMove(label, "fixed")
        ? { kind: "close", result: "merged", reason: `#${state.pull} was merged by someone else` }
        : {
            kind: "close",
            result: "closed",
            reason: isMerged ? `#${state.pull} was merged by someone else` : "it was closed by someone else",
          };
    const { updatedAt } = issue;
    const run = { id: `closed-${updatedAt}`, stage, attempt: 1, sessionId: "", startedAt: updatedAt, step: "" };
    const applied = await applySettlement(this.#options, { issue, run, outcome, decidedAt: updatedAt }, signal);
    // One that somebody has moved meanwhile is looked at as it is then.
    return applied.ok || applied.failure.kind === "taken-over" ? null : applied.failure;
  }

  /** Its label says how, and stays. */
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
    await context.state.update(issue.number, (old) => ({
      ...dropRun(old, reason, context.clock.now().toISOString()),
      hitl: null,
      pull: null,
      // Whoever puts the label again lets the text pass that stands there then.
      text: null,
    }));
    return null;
  }

  /** A pull request in the merge queue is merged whatever becomes of its issue, so it is taken out first. */
  async #leaveQueue(number: number, signal: AbortSignal): Promise<Hindrance> {
    const { github, state } = this.#options.context;
    const { run, pull } = state.issue(number);
    const step = run === null ? null : readStep(run.step);
    if (pull === null || step?.at !== "approved" || typeof step.queuedAt !== "string") return null;
    const read = await github.pull(pull, signal);
    if (!read.ok) return read.failure.kind === "not-found" ? null : read.failure;
    const out = await github.dequeue(read.value, signal);
    return out.ok ? null : out.failure;
  }

  async #gone(number: number, failure: GitHubFailure): Promise<Hindrance> {
    if (failure.kind !== "not-found") return failure;
    const reason = "GitHub has it no more: it was transferred to another repository, or deleted";
    await this.#end(number, "closed", reason, null);
    return null;
  }

  /** It has ended without us; its worktree goes at the next start. */
  async #end(number: number, kind: IssueOutcome["kind"], reason: string, pull: number | null): Promise<void> {
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

function isSettling({ run }: IssueState): boolean {
  return run !== null && readStep(run.step).at === "settling";
}

function isOpenWork(state: IssueState): boolean {
  return (
    state.outcome === null && (state.run !== null || state.claim !== null || state.hitl !== null || state.pull !== null)
  );
}
