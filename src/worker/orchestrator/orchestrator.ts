// Runs the five stage loops of one repository, and the sync that feeds them. Loops share nothing but the store, so one
// that has trouble leaves the others alone. One signal ends everything.

import type { Result } from "../../core/base/result.ts";
import { type Stage, STAGES } from "../../core/domain/stage.ts";
import { type ClaimHeld, ClaimKeeper } from "../claims/claim-keeper.ts";
import type { WorkerEvent } from "../events/event.ts";
import type { GitHubFailure, Issue, RateLimit } from "../github/port/github.ts";
import { IssueStore } from "../issues/issue-store.ts";
import { LabelMover } from "../issues/label-mover.ts";
import type { SessionLog } from "../state/session-log.ts";
import { pauseOf, questionOf, runOf } from "../state/issue-way.ts";
import { hitl } from "../stages/hitl.ts";
import { implement } from "../stages/implement.ts";
import { plan } from "../stages/plan.ts";
import { review } from "../stages/review.ts";
import { triage } from "../stages/triage.ts";
import { isWaiting } from "../pipeline/backoff.ts";
import { isDecided } from "../pipeline/question-record.ts";
import { BugBook } from "../waits/bug-book.ts";
import { HitlInbox } from "./hitl-inbox.ts";
import { IssueRunner } from "./issue-runner.ts";
import { OrphanSweep } from "./orphan-sweep.ts";
import type { StageContext, StageWork } from "../pipeline/stage-context.ts";
import { StageLoop, type StageLoopState } from "./stage-loop.ts";
import { RunEmitter } from "../settlement/run-emitter.ts";
import { Settler } from "../settlement/settler.ts";
import { StallWatch } from "../waits/stall-watch.ts";
import { Reconciler } from "./reconciler.ts";
import { RunsInFlight } from "./runs-in-flight.ts";
import { WaitBook } from "../waits/wait-book.ts";
import { Notifier } from "./notifier.ts";
import { type Said, Whereabouts } from "./whereabouts.ts";
import type { Place, Seen } from "./explain.ts";

const FULL_SYNC_INTERVAL_MS = 600_000;
const NOTHING: Said = { drained: [], holds: [], notes: [] };
const STAGE_WORK: Readonly<Record<Stage, StageWork>> = { triage, plan, implement, review, hitl };

export interface OrchestratorOptions {
  readonly context: StageContext;
  readonly sessions: SessionLog;
  /** It is `<hostname>/<slug>/<instance>`. */
  readonly owner: string;
  /** It is false while no new issue may be taken. */
  readonly isOpen?: () => boolean;
}

export class Orchestrator implements AsyncDisposable {
  readonly store: IssueStore;
  readonly inbox: HitlInbox;
  readonly bugs: BugBook;
  readonly waits: WaitBook;
  readonly watch: StallWatch;
  readonly #whereabouts: Whereabouts;
  readonly #options: OrchestratorOptions;
  readonly #claims: ClaimKeeper;
  readonly #runner: IssueRunner;
  readonly #reconciler: Reconciler;
  readonly #syncNotifier: Notifier;
  readonly #inboxNotifier: Notifier;
  readonly #loopNotifiers: readonly Notifier[];
  readonly #loops: readonly StageLoop[];

  constructor(given: OrchestratorOptions) {
    const emit = (event: WorkerEvent) => {
      this.watch.saw(event);
      given.context.emit(event);
    };
    const options = { ...given, context: { ...given.context, emit } };
    const { context, owner } = options;
    const { github, state, clock, config, journal } = context;
    this.#options = options;
    const { labelPrefix } = config;
    this.store = new IssueStore({
      github,
      labelPrefix,
      clock,
      emit,
      syncIntervalMs: config.pollIntervalMs,
      fullSyncIntervalMs: FULL_SYNC_INTERVAL_MS,
      isDue: (issue, stage, now) => this.#isDue(issue, stage, now),
    });
    this.#claims = new ClaimKeeper({ github, state, clock, emit, owner, labelPrefix, leaseMs: config.claimLeaseMs });
    const mover = new LabelMover({ github, journal, labelPrefix, emit, stateOf: (issue) => state.issue(issue) });
    this.bugs = new BugBook(clock, emit);
    this.waits = this.#openWaits();
    const parts = { ...options, claims: this.#claims, mover, store: this.store, bugs: this.bugs, waits: this.waits };
    const emitter = new RunEmitter(context);
    const way = { ...parts, emitter, inFlight: new RunsInFlight(), settler: new Settler({ ...parts, emitter }) };
    this.#runner = new IssueRunner({ ...way, stages: STAGE_WORK });
    this.#reconciler = new Reconciler(way);
    this.inbox = new HitlInbox(context, this.store, this.waits);
    this.#whereabouts = new Whereabouts({
      ...parts,
      runner: this.#runner,
      slotsOf: (stage) => this.slotsOf(stage),
      isOpen: () => options.isOpen?.() !== false,
    });
    this.watch = this.#openWatch();
    this.#syncNotifier = new Notifier(clock);
    this.#inboxNotifier = new Notifier(clock);
    const loops = STAGES.map((stage) => this.#loopOf(stage));
    this.#loops = loops.map(({ loop }) => loop);
    this.#loopNotifiers = loops.map(({ notifier }) => notifier);
  }

  get inFlight(): number {
    return this.#runner.inFlight;
  }

  /** Returns the other worker that had this issue at our last look. */
  heldBy(issue: number): ClaimHeld | null {
    return this.#runner.heldBy(issue);
  }

  /** Reads the issue as GitHub has it now. */
  read(issue: number, signal: AbortSignal): Promise<Result<Issue, GitHubFailure>> {
    return this.#options.context.github.issue(issue, signal);
  }

  placeOf(issue: number): Place | null {
    return this.#whereabouts.placeOf(issue);
  }

  isWaiting(issue: number, stage: Stage): boolean {
    return this.#whereabouts.isWaiting(issue, stage);
  }

  /** Returns every reason why the issue is not moving, the most telling one first. */
  explain(issue: number, said: Said, seen: Seen = "unknown"): string[] {
    return this.#whereabouts.explain(issue, said, this.watch, seen);
  }

  rateLimit(): RateLimit | null {
    return this.#options.context.github.rateLimit();
  }

  get loops(): readonly StageLoopState[] {
    return this.#loops.map(({ state }) => state);
  }

  slotsOf(stage: Stage): number {
    const { maxTriagers, maxPlanners, maxWorkers, maxReviewers, maxHitlWorkers } = this.#options.context.config;
    return {
      triage: maxTriagers,
      plan: maxPlanners,
      implement: maxWorkers,
      review: maxReviewers,
      hitl: maxHitlWorkers,
    }[stage];
  }

  /** Has the sync and every loop look at once, because somebody knows that there is something to do. */
  notify(): void {
    this.#syncNotifier.notify();
    this.#notifyLoops();
  }

  /** Returns when aborted and every run has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const isInFlight = (issue: number) => this.#runner.isInFlight(issue);
    const orphans = new OrphanSweep({ context: this.#options.context, isInFlight });
    using _changes = this.store.onChange(() => this.#notifyLoops());
    await Promise.all([
      this.#sync(signal),
      this.#readAnswers(signal),
      ...this.#loops.map((loop) => loop.run(signal)),
      this.watch.run(signal),
      orphans.run(signal),
    ]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#claims[Symbol.asyncDispose]();
  }

  async #sync(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const synced = await this.store.refresh(signal, { force: true });
        if (synced.ok) {
          await this.#runner.stopTakenAway(signal);
          await this.#reconciler.run(signal);
          this.#inboxNotifier.notify();
        }
        this.#notifyLoops();
      } catch (thrown) {
        if (!signal.aborted) this.bugs.note("the sync", null, thrown);
      }
      await this.#syncNotifier.wait(this.#options.context.config.pollIntervalMs, signal);
    }
  }

  /** Reads people's answers in a loop of its own, so that whatever holds the sync up does not hold them up. */
  async #readAnswers(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#inboxNotifier.wait(this.#options.context.config.pollIntervalMs, signal);
      if (signal.aborted) return;
      try {
        await this.inbox.look(signal);
        this.#notifyLoops();
      } catch (thrown) {
        if (!signal.aborted) this.bugs.note("the inbox", null, thrown);
      }
    }
  }

  #openWaits(): WaitBook {
    const { clock, emit, state, config } = this.#options.context;
    return new WaitBook({
      clock,
      emit,
      limitMs: config.waitLimitMs,
      ciTimeoutMs: config.ciTimeoutMs,
      pollIntervalMs: config.pollIntervalMs,
      isAsking: (issue) => questionOf(state.issue(issue)) !== null,
      isGitHubUp: () => this.store.lastSync.ok,
    });
  }

  #openWatch(): StallWatch {
    const { clock, emit, config } = this.#options.context;
    return new StallWatch({
      clock,
      emit,
      stallMs: config.stallMs,
      busyMs: Math.max(config.agentTurnMs, config.gateTimeoutMs),
      pollIntervalMs: config.pollIntervalMs,
      issues: {
        standings: () => this.#whereabouts.standings(),
        // An alarm's text stays the same from one try to the next, so it comes from the wait.
        reasonOf: (issue) => this.waits.of(issue)?.reason ?? this.explain(issue, NOTHING)[0] ?? "no reason known",
      },
      listing: this.store,
    });
  }

  #notifyLoops(): void {
    for (const notifier of this.#loopNotifiers) notifier.notify();
  }

  #loopOf(stage: Stage): { loop: StageLoop; notifier: Notifier } {
    const { clock, config, attention } = this.#options.context;
    const notifier = new Notifier(clock);
    const loop = new StageLoop({
      stage,
      slots: this.slotsOf(stage),
      notifier,
      pollIntervalMs: config.pollIntervalMs,
      queue: {
        take: () => (this.#options.isOpen?.() === false ? undefined : this.store.take(stage, clock.now())),
        nextDueMs: () => this.#nextDueMs(stage),
      },
      worker: {
        work: (issue, signal) => attention.about(issue.number, () => this.#runner.run(stage, issue, signal)),
        noteBug: (thrown) => void this.bugs.note(`the loop of ${stage}`, null, thrown),
      },
    });
    return { loop, notifier };
  }

  #isDue(issue: Issue, stage: Stage, now: Date): boolean {
    const { state, agentPause, attention } = this.#options.context;
    // The store does not know which issues the reconciler works on.
    if (this.#runner.isInFlight(issue.number) || this.#claims.isReleasing(issue.number)) return false;
    const known = state.issue(issue.number);
    const step = runOf(known)?.step.at ?? "begun";
    // An approved pull request needs no agent to be merged.
    if (step === "settling" || (agentPause.current !== null && step !== "approved")) return false;
    const asked = questionOf(known);
    const isAnswered = asked !== null && isDecided(asked);
    if (stage === "hitl" && !isAnswered && !attention.isUnasked(issue.number)) return false;
    return !isWaiting(pauseOf(known)?.until, now);
  }

  /** Says when the next queued issue becomes due, which the state knows and the store does not. */
  #nextDueMs(stage: Stage): number {
    const { state, clock, agentPause } = this.#options.context;
    const now = clock.now().getTime();
    const { queued } = this.store.queues()[stage];
    const times = queued
      .flatMap(({ number }) => pauseOf(state.issue(number))?.until ?? [])
      .map((at) => Date.parse(at) - now);
    if (agentPause.current !== null) times.push(agentPause.current.until.getTime() - now);
    return Math.min(...times.filter((ms) => ms > 0));
  }
}
