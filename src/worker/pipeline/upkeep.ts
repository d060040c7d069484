// What falls between the stages: decisions that a crash or an outage kept from being carried out, issues that people
// closed or took away, claims that nobody needs any more. Runs after every sync, and does nothing when all is well.

import { isLegalMove, type Stage, stageLabelsOf, stageOfLabel } from "../../core/stage.ts";
import type { GitHubFailure, Issue } from "../github/github.ts";
import type { IssueStore } from "../issue-store.ts";
import type { IssueState } from "../issue-state.ts";
import { applySettlement, type SettlementParts } from "./apply-settlement.ts";
import type { IssueRunner } from "./issue-runner.ts";
import { dropRun } from "./run-record.ts";
import { readStep } from "./run-step.ts";
import type { FinalOutcome } from "./settle.ts";

export interface UpkeepOptions extends SettlementParts {
  readonly store: IssueStore;
  readonly runner: IssueRunner;
}

export class Upkeep {
  readonly #options: UpkeepOptions;

  constructor(options: UpkeepOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { context, runner, store } = this.#options;
    const now = context.clock.now().toISOString();
    for (const [number, state] of context.state.issues()) {
      if (signal.aborted) return;
      if (runner.isInHand(number) || (state.retryAt !== null && state.retryAt > now)) continue;
      const known = store.find(number);
      if (isSettling(state)) await this.#settle(number, state, signal);
      else if (known === undefined && isOpenWork(state)) await this.#ended(number, state, signal);
      else if (known !== undefined && state.claim !== null && this.#labelsOf(known).length === 0) await this.#letGo(known, state, signal);
    }
  }

  async #settle(number: number, { run, claim }: IssueState, signal: AbortSignal): Promise<void> {
    const { context, runner, claims } = this.#options;
    const step = run === null ? null : readStep(run.step);
    if (run === null || step?.at !== "settling") return;
    const issue = await context.github.issue(number, signal);
    if (!issue.ok) return this.#gone(number, issue.failure);
    // Without a claim in the state, giving it up was already part of what is carried out here.
    if (claim !== null) {
      const claimed = await claims.acquire(issue.value, run.stage, signal);
      if (!claimed.ok && claimed.failure.kind === "held") {
        return context.state.update(number, (old) => dropRun(old, "another worker went on with this issue", context.clock.now().toISOString()));
      }
      if (!claimed.ok) return;
    }
    await runner.resume(issue.value, run, step, signal);
  }

  /** GitHub lists it no more: somebody closed it, or merged its pull request. */
  async #ended(number: number, state: IssueState, signal: AbortSignal): Promise<void> {
    const { context, store } = this.#options;
    const issue = await context.github.issue(number, signal);
    if (!issue.ok) return this.#gone(number, issue.failure);
    if (issue.value.state === "open") return store.put(issue.value);
    const pull = state.pull === null ? null : await context.github.pull(state.pull, signal);
    if (pull !== null && !pull.ok && pull.failure.retryable) return;
    const label = this.#labelsOf(issue.value).at(-1);
    const isMerged = pull?.ok === true && pull.value.merged;
    const stage: Stage = (label === undefined ? undefined : stageOfLabel(label)) ?? "review";
    const outcome: FinalOutcome =
      isMerged && label !== undefined && isLegalMove(label, "fixed")
        ? { kind: "close", result: "merged", reason: `#${state.pull} was merged by someone else` }
        : { kind: "close", result: "closed", reason: isMerged ? `#${state.pull} was merged by someone else` : "it was closed by someone else" };
    const run = { id: `closed-${issue.value.updatedAt}`, stage, attempt: 1, sessionId: "", startedAt: issue.value.updatedAt, step: "" };
    await applySettlement(this.#options, { issue: issue.value, run, outcome, decidedAt: issue.value.updatedAt }, signal);
  }

  async #letGo(issue: Issue, state: IssueState, signal: AbortSignal): Promise<void> {
    const { context, claims } = this.#options;
    const released = await claims.release(issue, signal, "**HydraFlow** has stopped its work on this issue: its label was taken away.");
    if (released.ok && state.run !== null) {
      await context.state.update(issue.number, (old) => dropRun(old, "its label was taken away", context.clock.now().toISOString()));
    }
  }

  async #gone(number: number, failure: GitHubFailure): Promise<void> {
    const { state, clock } = this.#options.context;
    if (failure.kind !== "not-found") return;
    const at = clock.now().toISOString();
    const outcome = { kind: "closed", reason: "GitHub has it no more", at, pull: null } as const;
    await state.update(number, (old) => ({ ...dropRun(old, outcome.reason, at), claim: null, hitl: null, outcome }));
  }

  #labelsOf(issue: Issue) {
    return stageLabelsOf(issue.labels, this.#options.context.config.labelPrefix);
  }
}

export function isSettling({ run }: IssueState): boolean {
  return run !== null && readStep(run.step).at === "settling";
}

function isOpenWork(state: IssueState): boolean {
  return state.outcome === null && (state.run !== null || state.claim !== null || state.hitl !== null || state.pull !== null);
}
