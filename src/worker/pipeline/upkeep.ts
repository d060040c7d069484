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
import { readStep } from "./run-step.ts";
import type { FinalOutcome } from "./settle.ts";

export interface UpkeepOptions extends SettlementParts {
  readonly store: IssueStore;
  readonly runner: IssueRunner;
  readonly bugs: BugBook;
}

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
        await this.#look(number, state, signal);
      } catch (thrown) {
        if (!signal.aborted) bugs.note("the upkeep", number, thrown);
      }
    }
  }

  async #look(number: number, state: IssueState, signal: AbortSignal): Promise<void> {
    const { context, runner, store } = this.#options;
    if (runner.isInHand(number) || isWaiting(state.retryAt, context.clock.now())) return;
    if (isSettling(state)) await this.#settle(number, state, signal);
    else if (store.find(number) === undefined && isOpenWork(state)) await this.#missing(number, state, signal);
  }

  async #settle(number: number, { run }: IssueState, signal: AbortSignal): Promise<void> {
    const { context, runner, claims } = this.#options;
    const step = run === null ? null : readStep(run.step);
    if (run === null || step?.at !== "settling") return;
    const issue = await context.github.issue(number, signal);
    if (!issue.ok) return this.#gone(number, issue.failure);
    // Also where the state has no claim any more: giving it up may have been cut short, and only its holder can end that.
    const claimed = await claims.acquire(issue.value, run.stage, signal);
    if (!claimed.ok && claimed.failure.kind === "held") {
      return context.state.update(number, (old) =>
        dropRun(old, "another worker went on with this issue", context.clock.now().toISOString()),
      );
    }
    if (!claimed.ok) return;
    await runner.resume(issue.value, run, step, signal);
  }

  /** GitHub lists it no more, or without a label of ours: somebody closed it, merged its pull request, or took it away. */
  async #missing(number: number, state: IssueState, signal: AbortSignal): Promise<void> {
    const { context, store } = this.#options;
    const issue = await context.github.issue(number, signal);
    if (!issue.ok) return this.#gone(number, issue.failure);
    if (issue.value.state === "closed") return this.#ended(issue.value, state, signal);
    if (this.#labelsOf(issue.value).length === 0) return this.#letGo(issue.value, signal);
    store.put(issue.value);
  }

  async #ended(issue: Issue, state: IssueState, signal: AbortSignal): Promise<void> {
    const { context } = this.#options;
    const pull = state.pull === null ? null : await context.github.pull(state.pull, signal);
    if (pull !== null && !pull.ok && pull.failure.retryable) return;
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
    await applySettlement(this.#options, { issue, run, outcome, decidedAt: updatedAt }, signal);
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

  async #gone(number: number, failure: GitHubFailure): Promise<void> {
    if (failure.kind === "not-found")
      await this.#note(
        number,
        "closed",
        "GitHub has it no more: it was transferred to another repository, or deleted",
        null,
      );
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

function isSettling({ run }: IssueState): boolean {
  return run !== null && readStep(run.step).at === "settling";
}

function isOpenWork(state: IssueState): boolean {
  return (
    state.outcome === null && (state.run !== null || state.claim !== null || state.hitl !== null || state.pull !== null)
  );
}
