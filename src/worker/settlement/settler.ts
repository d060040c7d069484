// Brings an issue's way to its end, in the same way whoever decided: a run, or a person who ended the issue on GitHub.
//
//   decision ──▶ in the state ──▶ carried out (apply-settlement.ts) ──▶ remembered
//
// I1 A decision is in the state before anything of it is done outside, so that the reconciler finds what a crash or an
//    outage left of it, and enters at "carried out".
// I2 Whatever keeps it from being carried out leaves the decision in the state, unless somebody else's word counts now.

import type { IssueStore } from "../issues/issue-store.ts";
import type { Issue } from "../github/port/github.ts";
import { later } from "../pipeline/backoff.ts";
import { decideRun, dropRun } from "../pipeline/run-record.ts";
import type { Decision } from "../state/decision.ts";
import type { RunState } from "../state/issue-state.ts";
import type { SessionLog } from "../state/session-log.ts";
import { failedCall, RunWaits } from "../waits/run-waits.ts";
import type { WaitBook } from "../waits/wait-book.ts";
import { applySettlement, type SettlementParts, type Settling } from "./apply-settlement.ts";
import type { RunEmitter } from "./run-emitter.ts";

export interface SettlerOptions extends SettlementParts {
  readonly store: IssueStore;
  readonly sessions: SessionLog;
  readonly waits: WaitBook;
  readonly emitter: RunEmitter;
}

export class Settler {
  readonly #options: SettlerOptions;
  readonly #waits: RunWaits;

  constructor(options: SettlerOptions) {
    this.#options = options;
    this.#waits = new RunWaits(options);
  }

  /** Saves what a run decided (I1), and carries it out. */
  async decide(issue: Issue, run: RunState, outcome: Decision, signal: AbortSignal): Promise<void> {
    const { state, clock } = this.#options.context;
    const decidedAt = clock.now().toISOString();
    await state.update(issue.number, (old) => decideRun(old, run.id, outcome, decidedAt));
    return this.carryOut({ issue, run, outcome, decidedAt }, signal);
  }

  /** Carries out a decision that is in the state, and remembers that; `issue` is as GitHub has it now. */
  async carryOut(settling: Settling, signal: AbortSignal): Promise<void> {
    const { store, sessions, context, waits, emitter } = this.#options;
    const { issue, run, outcome } = settling;
    const applied = await applySettlement(this.#options, settling, signal);
    if (applied.ok) {
      waits.clear(issue.number);
      store.put(applied.value);
      emitter.ended(issue.number, run, outcome.kind);
      await context.state.count(`${run.stage}.${outcome.kind}`);
      await sessions.note(issue.number, outcome.kind === "hand-off" ? "failed" : "succeeded");
    } else if (applied.failure.kind === "taken-over") await this.drop(issue, run, applied.failure.message);
    else if (applied.failure.kind === "not-found" && (await this.#isGone(issue.number, signal)))
      await this.drop(issue, run, "the issue is gone");
    // I2
    else await this.#waits.put(issue.number, failedCall(applied.failure));
  }

  /** Ends the run without a result; the next poll says what the issue is now. */
  async drop(issue: Issue, run: Settling["run"], reason: string): Promise<void> {
    const { context, claims, store, waits, emitter } = this.#options;
    const { clock, config, state } = context;
    waits.clear(issue.number);
    await state.update(issue.number, (old) => dropRun(old, reason, clock.now().toISOString()));
    emitter.ended(issue.number, run, "dropped");
    store.defer(issue, later(clock.now(), config.pollIntervalMs));
    // The reconciler gives up a claim that cannot be given up here.
    await claims.release(
      issue,
      AbortSignal.timeout(config.claimLeaseMs),
      `**HydraFlow** has stopped its work on this issue: ${reason}`,
    );
  }

  /** Looks once more, because GitHub's replicas lag: a call about an issue that is there may be answered with 404. */
  async #isGone(issue: number, signal: AbortSignal): Promise<boolean> {
    const read = await this.#options.context.github.issue(issue, signal);
    return !read.ok && read.failure.kind === "not-found";
  }
}
