// Holds everything of one repository, made in one way for every kind of start. It takes the data root's lock first and
// gives it back last, so that there is never a second one; the rest is closed in the reverse order of its making.

import { hostname } from "node:os";
import { dirname } from "node:path";

import type { Clock } from "../../core/base/clock.ts";
import { messageOf } from "../../core/base/errors.ts";
import type { FileLog } from "../../core/logs/log.ts";
import { worktreeRoot } from "../../core/files/paths.ts";
import { type Stage, STAGES } from "../../core/domain/stage.ts";
import type { AgentDriver } from "../agent/contract/agent-driver.ts";
import { TranscriptKeeper } from "../agent/process/transcript-keeper.ts";
import { attentiveAgent } from "../attention/attentive-tools.ts";
import type { EventBus } from "../events/event-bus.ts";
import type { Metrics } from "../events/metrics.ts";
import { AgentPause } from "../pipeline/agent-pause.ts";
import type { Orchestrator, OrchestratorOptions } from "../orchestrator/orchestrator.ts";
import type { StageContext } from "../pipeline/stage-context.ts";
import type { Said } from "../orchestrator/whereabouts.ts";
import type { RunMeter } from "../events/run-meter.ts";
import type { SessionLog } from "../state/session-log.ts";
import { runOf } from "../state/issue-way.ts";
import type { StateTracker } from "../state/state-tracker.ts";
import { allOrNone, isEndOf } from "./all-or-none.ts";
import { roomProblem } from "../preconditions/disk-room.ts";
import { NoticeEmitter, noticeOf, saidOf } from "./notice.ts";
import { openParts, type RuntimeParts } from "./open-parts.ts";
import type { PrepareOptions, Prepared } from "./prepare.ts";
import type { RepoRuntimeOptions } from "./runtime-options.ts";
import { Preconditions } from "../preconditions/preconditions.ts";

const BUG_DELAY_MS = 30_000;

export class RepoRuntime implements AsyncDisposable {
  readonly slug: string;
  /** It is `owner/name`. */
  readonly repo: string;
  readonly bus: EventBus;
  readonly state: StateTracker;
  readonly sessions: SessionLog;
  readonly metrics: Metrics;
  readonly meter: RunMeter;
  readonly agentPause: AgentPause;
  readonly startedAt: Date;
  readonly #options: RepoRuntimeOptions;
  readonly #parts: RuntimeParts;
  readonly #resources: AsyncDisposableStack;
  #running: { readonly stop: AbortController; readonly ended: Promise<unknown> } | null = null;
  #orchestrator: Orchestrator | null = null;
  #preconditions: Preconditions | null = null;
  #problem: string | null = null;
  /** Returns what GitHub says of the repository and stops no work. */
  #advice: () => readonly (string | null)[] = () => [];
  #isOpen = true;
  /** It is false before the first start, which is about to come. */
  #isStopped = false;
  readonly #emitter: NoticeEmitter;

  /** Throws RUNTIME_LOCKED (exit 75) while another process has the data root. Nothing stays open when it throws. */
  static async create(options: RepoRuntimeOptions, signal: AbortSignal): Promise<RepoRuntime> {
    await using resources = new AsyncDisposableStack();
    const parts = await openParts(options, resources, () => queueDepth(runtime), signal);
    const runtime: RepoRuntime = new RepoRuntime(options, parts, resources.move());
    return runtime;
  }

  private constructor(options: RepoRuntimeOptions, parts: RuntimeParts, resources: AsyncDisposableStack) {
    this.slug = options.slug;
    this.repo = options.repository.fullName;
    this.bus = parts.bus;
    this.state = parts.state;
    this.sessions = parts.sessions;
    this.metrics = parts.metrics;
    this.meter = parts.meter;
    this.agentPause = new AgentPause(parts.clock);
    this.startedAt = parts.clock.now();
    this.#options = options;
    this.#parts = parts;
    this.#resources = resources;
    this.#emitter = new NoticeEmitter(parts.bus, parts.clock, () => this.notice);
  }

  /** It is null until GitHub and the checkout have been seen. */
  get orchestrator(): Orchestrator | null {
    return this.#orchestrator;
  }

  get config(): RepoRuntimeOptions["config"] {
    return this.#options.config;
  }

  get log(): FileLog {
    return this.#parts.log;
  }

  get clock(): Clock {
    return this.#parts.clock;
  }

  get isRunning(): boolean {
    return this.#running !== null;
  }

  get inFlight(): number {
    return this.#orchestrator?.inFlight ?? 0;
  }

  /** Lists what is in flight, with its stage. */
  get work(): readonly { readonly issue: number; readonly stage: Stage }[] {
    return (this.#orchestrator?.loops ?? []).flatMap(({ stage, active }) => active.map((issue) => ({ issue, stage })));
  }

  /** With false no new issue is taken, and those in flight go on. */
  setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (isOpen) this.#orchestrator?.notify();
  }

  /** Says what keeps it from beginning anything, and what else a person should know. */
  get said(): Said {
    return saidOf({
      isStopped: this.#isStopped,
      isOpen: this.#isOpen,
      problem: this.#problem,
      preconditions: this.#preconditions?.problem ?? null,
      pause: this.agentPause.said,
      orchestrator: this.#orchestrator,
      notes: [this.state.degraded, this.#parts.journal.degraded, ...this.#advice()],
    });
  }

  /** Says in one line for people what keeps it from working; null when nothing does. */
  get notice(): string | null {
    return noticeOf(this.said);
  }

  /** Runs in the background, after the pause. One that runs already goes on. */
  start(pauseMs = 0): void {
    if (this.#running !== null) return;
    const stop = new AbortController();
    this.#isStopped = false;
    const ended = Promise.all([this.#run(pauseMs, stop.signal), this.#emitter.run(stop.signal)]);
    this.#running = { stop, ended };
  }

  /** Claims nothing more, kills agents and keeps runs for the next start. Resolves when nothing runs any more. */
  async stop(reason: string): Promise<void> {
    const running = this.#running;
    if (running === null) return;
    this.bus.emit({ type: "worker.stopping", reason });
    running.stop.abort();
    await running.ended;
    this.#running = null;
    this.#isStopped = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop("the worker ends");
    await this.#resources[Symbol.asyncDispose]();
  }

  async #run(pauseMs: number, signal: AbortSignal): Promise<void> {
    if (pauseMs > 0) await this.#parts.clock.sleep(pauseMs, signal).catch(() => undefined);
    while (!signal.aborted) {
      try {
        await this.#runOnce(signal);
      } catch (thrown) {
        if (signal.aborted) return;
        this.#fail(thrown);
        await this.#parts.clock.sleep(BUG_DELAY_MS, signal).catch(() => undefined);
      }
    }
  }

  async #runOnce(signal: AbortSignal): Promise<void> {
    // The code that talks to git and GitHub is loaded only now, and the orchestrator's when there may be issues.
    const { prepare } = await import("./prepare.ts");
    const prepared = await prepare(this.#prepareOptions(), (notice) => this.#say(notice), signal);
    const { Orchestrator } = await import("../orchestrator/orchestrator.ts");
    const { attention, redactor } = this.#parts;
    const agent = attentiveAgent(await this.#options.createAgent(prepared.config, redactor.redact), attention);
    await using orchestrator = new Orchestrator(this.#orchestratorOptions({ ...prepared, agent }));
    const renewed = new AbortController();
    const run = AbortSignal.any([signal, renewed.signal]);
    const preconditions = this.#watch(prepared, () => renewed.abort());
    this.#advice = () => prepared.repositoryCheck.advice;
    this.#orchestrator = orchestrator;
    this.#preconditions = preconditions;
    try {
      await this.#probe(agent, signal);
      await preconditions.look(signal);
      await allOrNone([orchestrator, preconditions, this.metrics, this.#transcriptKeeper()], run);
    } catch (thrown) {
      if (!isEndOf(thrown, renewed.signal)) throw thrown;
    } finally {
      this.#orchestrator = null;
      this.#preconditions = null;
    }
  }

  #roomProblem({ config }: Prepared): Promise<string | null> {
    const { checkout, slug } = this.#options;
    // The checkout's own git directory keeps what is committed in a worktree.
    return roomProblem([this.#parts.paths.dataRoot, checkout, worktreeRoot(checkout, slug, config.worktreeBase)]);
  }

  /** `renew` ends the run, so that everything is prepared anew. */
  #watch(prepared: Prepared, renew: () => void): Preconditions {
    return new Preconditions({
      looks: [
        () => this.#roomProblem(prepared),
        (signal) => prepared.checkoutCheck.problem(signal),
        (signal) => prepared.configCheck.problem(signal),
        async (signal) => {
          const problem = await prepared.repositoryCheck.problem(signal);
          if (prepared.repositoryCheck.isBaseMoved && this.inFlight === 0) renew();
          return problem;
        },
      ],
      clock: this.#parts.clock,
      onChange: (problem) => {
        this.#emitter.emit();
        if (problem === null) this.#orchestrator?.notify();
      },
    });
  }

  /** An agent that cannot be used holds the work back at once, not after the first claim. */
  async #probe(agent: AgentDriver, signal: AbortSignal): Promise<void> {
    const { problem } = await agent.probe(signal);
    if (problem !== null) this.agentPause.pause(problem, null);
  }

  #transcriptKeeper(): TranscriptKeeper {
    const { paths, clock, log, state } = this.#parts;
    const inUse = () =>
      new Set(
        [...state.issues()]
          .map(([issue, known]) => [issue, runOf(known)] as const)
          .flatMap(([issue, run]) => (run?.by === "stage" ? [paths.transcript(issue, run.stage, run.attempt)] : [])),
      );
    return new TranscriptKeeper({ directory: dirname(paths.logFile), clock, log, inUse });
  }

  #say(notice: string | null): void {
    if (notice === this.#problem) return;
    this.#problem = notice;
    this.#emitter.emit();
  }

  /** Says that a bug ended the pipeline, which is tried again later; the API stays up meanwhile. */
  #fail(thrown: unknown): void {
    this.#parts.log.write("error", "runtime.failed", {
      problem: messageOf(thrown),
      stack: thrown instanceof Error ? thrown.stack : undefined,
    });
    this.#say(`the pipeline ended with an error: ${messageOf(thrown)}`);
  }

  #prepareOptions(): PrepareOptions {
    const { connect } = this.#options;
    return {
      ...this.#options,
      ...this.#parts,
      connect: () => connect((event) => this.bus.emit(event), this.#parts.redactor),
    };
  }

  #orchestratorOptions(prepared: Prepared & { agent: AgentDriver }): OrchestratorOptions {
    const { environment, marks, slug } = this.#options;
    const { redactor, bus, state } = this.#parts;
    const context: StageContext = {
      ...this.#parts,
      ...prepared,
      agentPause: this.agentPause,
      environment,
      marks,
      roomProblem: () => this.#roomProblem(prepared),
      redact: redactor.redact,
      emit: (event) => bus.emit(event),
    };
    return {
      context,
      sessions: this.sessions,
      owner: `${hostname()}/${slug}/${state.instance}`,
      isOpen: () => this.#isOpen && this.#preconditions?.problem === null,
    };
  }
}

function queueDepth({ orchestrator }: RepoRuntime): Record<string, number> {
  const queues = orchestrator?.store.queues();
  return Object.fromEntries(
    STAGES.map((stage) => [
      stage,
      queues === undefined ? 0 : queues[stage].queued.length + queues[stage].active.length,
    ]),
  );
}
