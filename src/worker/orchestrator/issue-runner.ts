// Takes one issue through one stage: looks again, claims, runs it, and hands what came out to the settler. Every
// failure ends here, as a state that says when the issue is tried again and why; nothing that happens to one issue
// reaches another one.

import type { Clock } from "../../core/base/clock.ts";
import { assertNever } from "../../core/base/errors.ts";
import { RecentMap } from "../../core/base/recent-map.ts";
import { LABEL_OF_STAGE, type Stage, stageLabelsOf } from "../../core/domain/stage.ts";
import type { Claim, ClaimHeld } from "../claims/claim-keeper.ts";
import type { Issue } from "../github/port/github.ts";
import type { IssueStore } from "../issues/issue-store.ts";
import type { RunState } from "../state/issue-state.ts";
import { runOf } from "../state/issue-way.ts";
import type { SessionLog } from "../state/session-log.ts";
import type { SettlementParts } from "../settlement/apply-settlement.ts";
import { backoffMs, later } from "../pipeline/backoff.ts";
import type { BugBook } from "../waits/bug-book.ts";
import { shortOutcome } from "../pipeline/failure-outcome.ts";
import { beginRun, failRun } from "../pipeline/run-record.ts";
import type { RunEmitter } from "../settlement/run-emitter.ts";
import { failedCall, RunWaits } from "../waits/run-waits.ts";
import { type RunsInFlight, TakenAway, takenAwayReason } from "./runs-in-flight.ts";
import { askAboutWait, escalate } from "../settlement/settle.ts";
import type { Settler } from "../settlement/settler.ts";
import type { StageWork } from "../pipeline/stage-context.ts";
import type { StageOutcome } from "../pipeline/stage-outcome.ts";
import { runStage } from "./stage-run.ts";
import type { WaitBook } from "../waits/wait-book.ts";

export interface IssueRunnerOptions extends SettlementParts {
  readonly store: IssueStore;
  readonly sessions: SessionLog;
  readonly settler: Settler;
  readonly emitter: RunEmitter;
  readonly inFlight: RunsInFlight;
  readonly stages: Readonly<Record<Stage, StageWork>>;
  readonly bugs: BugBook;
  readonly waits: WaitBook;
}

const HELD_MAX = 1_000;
const CLAIM_LOST = "the claim was lost, and with it the right to go on";

export class IssueRunner {
  readonly #options: IssueRunnerOptions;
  readonly #waits: RunWaits;
  /** It holds the issues that another worker had at our last look. */
  readonly #heldBy = new RecentMap<number, ClaimHeld>(HELD_MAX);

  constructor(options: IssueRunnerOptions) {
    this.#options = options;
    this.#waits = new RunWaits(options);
  }

  isInFlight(issue: number): boolean {
    return this.#options.inFlight.has(issue);
  }

  /** Says whether an agent, a gate or git works on it now. */
  isWorking(issue: number): boolean {
    return this.#options.inFlight.isWorking(issue);
  }

  /** Returns the other worker that had this issue at our last look. */
  heldBy(issue: number): ClaimHeld | null {
    return this.#heldBy.get(issue) ?? null;
  }

  get inFlight(): number {
    return this.#options.inFlight.size;
  }

  /** Takes an issue that the store gave out for this stage through it. */
  async run(stage: Stage, taken: Issue, signal: AbortSignal): Promise<void> {
    const inFlight = this.#options.inFlight.take(taken.number);
    try {
      const issue = await this.#look(stage, taken, signal);
      const claim = issue === null ? null : await this.#claim(stage, issue, signal);
      if (issue !== null && claim !== null) await this.#work(stage, issue, claim, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      this.#waits.deferThrown(taken, this.#options.bugs.note(`a run of ${stage}`, taken.number, thrown));
    } finally {
      inFlight[Symbol.dispose]();
      this.#options.store.release(taken);
    }
  }

  /**
   * Stops the runs whose issues a person has closed, moved or taken away. A listing may be late, so each issue that one
   * shows so is read once more.
   */
  async stopTakenAway(signal: AbortSignal): Promise<void> {
    const { context, store } = this.#options;
    const strayed = new Set(store.strayed());
    for (const { issue, stage } of this.#options.inFlight.working().filter((work) => strayed.has(work.issue))) {
      // A merge of ours closes the issue by itself, before the run that asked for it has ended.
      const { cycle } = context.state.issue(issue);
      if (context.journal.keys(`${issue}.${cycle}/merge`).length > 0) continue;
      const read = await context.github.issue(issue, signal);
      if (!read.ok && read.failure.kind !== "not-found") continue;
      if (read.ok && this.#isExpected(stage, read.value)) store.put(read.value);
      else this.#options.inFlight.stop(issue, read.ok ? takenAwayReason(read.value) : "GitHub has it no more");
    }
  }

  /** Returns null when the poll that gave us the issue was stale. */
  async #look(stage: Stage, taken: Issue, signal: AbortSignal): Promise<Issue | null> {
    const { context, store, waits } = this.#options;
    const read = await context.github.issue(taken.number, signal);
    if (!read.ok) return this.#waits.defer(taken, failedCall(read.failure));
    if (this.#isExpected(stage, read.value) || stageLabelsOf(read.value.labels, context.config.labelPrefix).length > 1)
      return read.value;
    waits.clear(taken.number);
    store.put(read.value);
    return null;
  }

  #isExpected(stage: Stage, issue: Issue): boolean {
    const labels = stageLabelsOf(issue.labels, this.#options.context.config.labelPrefix);
    return issue.state === "open" && labels.length === 1 && labels[0] === LABEL_OF_STAGE[stage];
  }

  async #claim(stage: Stage, issue: Issue, signal: AbortSignal): Promise<Claim | null> {
    const { context, claims, mover, store } = this.#options;
    const lostCycle = context.state.issues().has(issue.number) ? 0 : context.journal.lastCycle(issue.number);
    const claimed = await claims.acquire(issue, stage, signal);
    if (!claimed.ok) {
      if (claimed.failure.kind !== "held") return this.#waits.defer(issue, failedCall(claimed.failure));
      this.#heldBy.set(issue.number, claimed.failure);
      this.#options.waits.clear(issue.number);
      store.defer(issue, claimed.failure.until);
      return null;
    }
    this.#heldBy.delete(issue.number);
    if (!this.#isExpected(stage, issue)) {
      const reconciled = await mover.reconcile(issue, signal);
      if (!reconciled.ok) return this.#waits.defer(issue, failedCall(reconciled.failure));
      this.#waits.begun(issue.number);
      store.put(reconciled.value);
      return null;
    }
    const at = this.#clock.now().toISOString();
    await context.state.update(issue.number, (state) => beginRun(state, { stage, at, lostCycle }));
    const shown = await claims.setStage(issue.number, stage, signal);
    if (!shown.ok) return this.#waits.defer(issue, failedCall(shown.failure));
    this.#waits.begun(issue.number);
    return claimed.value;
  }

  async #work(stage: Stage, issue: Issue, claim: Claim, signal: AbortSignal): Promise<void> {
    const { context } = this.#options;
    const record = runOf(context.state.issue(issue.number));
    if (record?.by !== "stage") return;
    this.#options.emitter.started(issue.number, record);
    using work = this.#options.inFlight.work(issue.number, stage);
    const outcome = await runStage(
      this.#options,
      { issue, record, isExpected: (read) => this.#isExpected(stage, read) },
      AbortSignal.any([signal, claim.lost, work.signal]),
    );
    work[Symbol.dispose]();
    if (signal.aborted && outcome.kind === "interrupted") return;
    const reason: unknown = work.signal.reason;
    if (reason instanceof TakenAway) {
      await context.workspaces.keepWork(issue.number, context.baseBranch, signal);
      await this.#options.settler.drop(issue, record, reason.message);
    } else if (claim.lost.aborted) {
      // The run stays: most often GitHub was away for too long, and the claim comes back to us.
      await this.#waits.put(issue.number, { cause: "claim", reason: CLAIM_LOST, until: null });
    } else await this.#conclude(issue, record, outcome, signal);
  }

  async #conclude(issue: Issue, record: RunState, decided: StageOutcome, signal: AbortSignal): Promise<void> {
    const { context, sessions, settler } = this.#options;
    const { state, config } = context;
    // An agent or a gate that met a full disk says so in its own words, if at all.
    const short = decided.kind === "retry" ? await context.roomProblem() : null;
    const outcome = escalate(
      short === null ? decided : shortOutcome(short),
      state.issue(issue.number),
      record.stage,
      config.maxIssueAttempts,
    );
    switch (outcome.kind) {
      case "interrupted":
        return;
      case "skip":
        return settler.drop(issue, record, `${record.stage}: ${outcome.reason}`);
      case "wait":
        return this.#waitOrAsk(issue, record, outcome, signal);
      case "retry":
        await this.#retry(issue.number, record, outcome);
        return sessions.note(issue.number, "failed");
      case "advance":
      case "hand-off":
      case "close": {
        return settler.decide(issue, record, outcome, signal);
      }
      default:
        return assertNever(outcome);
    }
  }

  /** Asks a person about an issue that has waited for too long, unless every issue waits for the same. */
  async #waitOrAsk(
    issue: Issue,
    record: RunState,
    { cause, reason, until }: Extract<StageOutcome, { kind: "wait" }>,
    signal: AbortSignal,
  ): Promise<void> {
    const end = until === null ? null : new Date(until);
    const { waits, context } = this.#options;
    const put = await this.#waits.put(issue.number, { cause, reason, until: end });
    const run = runOf(context.state.issue(issue.number));
    // In hitl a question would take the place of the one whose answer is worked in, so that wait is only a notice.
    if (run === null || record.stage === "hitl" || !waits.takeQuestion(issue.number)) return;
    await this.#options.settler.decide(issue, record, askAboutWait(put, record.stage, run.step), signal);
  }

  async #retry(issue: number, record: RunState, outcome: Extract<StageOutcome, { kind: "retry" }>): Promise<void> {
    const { state, config, emit } = this.#options.context;
    const now = this.#clock.now();
    const retryInMs = backoffMs((state.issue(issue).attempts[record.stage] ?? 0) + 1, config.pollIntervalMs);
    const times = { at: now.toISOString(), retryAt: later(now, retryInMs).toISOString() };
    await state.update(issue, (old) => failRun(old, outcome, record.stage, times));
    this.#options.waits.clear(issue);
    emit({ type: "run.failed", issue, stage: record.stage, run: record.id, reason: outcome.reason, retryInMs });
  }

  get #clock(): Clock {
    return this.#options.context.clock;
  }
}
