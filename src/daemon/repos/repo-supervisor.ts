// Supervises one repository: feeds its reducer (repo-life.ts) and performs the effects (spawn, kill, timer, quarantine
// on disk). What it keeps beside the reducer's value are handles: the worker's process, timers, and those who wait.
//
// I1 It has at most one worker that was sent `start`: the next may be spawned at once, but hears it only when the one
//    before and all that it left behind are gone.

import type { Clock } from "../../core/base/clock.ts";
import { assertNever, messageOf } from "../../core/base/errors.ts";
import type { Log } from "../../core/logs/log.ts";
import { ConditionVariable } from "./condition-variable.ts";
import type { Drain } from "./drain.ts";
import { type Quarantine, quarantineOf } from "./quarantine.ts";
import type { RepoRecord } from "../registry/registry-document.ts";
import { retryWrite } from "../registry/retry-write.ts";
import { evolve, initialLife, isEndAsked, type LifeEffect, type LifeEvent, type RepoLife } from "./repo-life.ts";
import { quarantineLeftMs, type RepoProcess, type RespawnPolicy } from "./repo-process.ts";
import { emitExit, emitState } from "./repo-log.ts";
import type { StartGate } from "../workers/start-gate.ts";
import type { LaunchedWorker, WorkerLauncher } from "../workers/worker-launcher.ts";
import { notStarted, type WorkerExit, type WorkerListener } from "../workers/worker-process.ts";
import type { WorkerView } from "../workers/worker-view.ts";

export interface RepoSupervisorOptions {
  readonly record: RepoRecord;
  /** Reads the settings in use. */
  readonly policy: () => RespawnPolicy;
  readonly launcher: WorkerLauncher;
  readonly gate: StartGate;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly redact: (text: string) => string;
  /** Aborting cuts short every grace. */
  readonly force: AbortSignal;
  /** The drain of the whole daemon. */
  readonly drain: Pick<Drain, "isOn" | "saw" | "lost">;
  readonly owner: RepoOwner;
}

/** The owner has the repositories, and their rows on disk. */
export interface RepoOwner {
  /** Resolves with whether the quarantine is on disk now. */
  saveQuarantine(slug: string, quarantine: Quarantine | null): Promise<boolean>;
  /** It hears that something has changed which a row of `list_repos` shows. */
  rowChanged(): void;
}

/** How long `hold` waits for an answer; a worker that lives answers at once. */
const HOLD_MS = 2_000;

type Command = "start" | "stop" | "restart";

export class RepoSupervisor {
  readonly #options: RepoSupervisorOptions;
  #life: RepoLife;
  #launched: LaunchedWorker | undefined;
  /** I1: resolves when nothing is left of the workers so far. */
  #cleared: Promise<void> = Promise.resolve();
  /** Aborted when the state changes: it ends the wait for the gate, or for the backoff. */
  #wait = new AbortController();
  #moving: PromiseWithResolvers<RepoProcess> | undefined;
  /** Notifies those who wait for a state, or for something of the worker. */
  readonly #condition: ConditionVariable;

  constructor(options: RepoSupervisorOptions) {
    const left = quarantineOf(options.record);
    this.#options = options;
    this.#condition = new ConditionVariable(options.clock);
    const now = options.clock.now();
    const leftMs = left === null ? null : quarantineLeftMs(left, now, options.random());
    this.#life = initialLife(left, leftMs === null ? null : new Date(now.getTime() + leftMs));
    if (leftMs !== null) this.#schedule(this.state.generation, leftMs);
  }

  get life(): RepoLife {
    return this.#life;
  }

  get state(): RepoProcess {
    return this.#life.process;
  }

  get worker(): WorkerView {
    return this.#life.worker;
  }

  /** `isUrgent` says that an operator waits for the outcome. */
  command(command: Command, isUrgent: boolean): void {
    this.#feed({ type: "asked", command, isUrgent });
  }

  /** Resolves with the first state that is neither starting nor stopping, which may be the present one; with one that
   * stays down only when nothing is left of its workers. */
  async settled(): Promise<RepoProcess> {
    const state = await (this.#moving?.promise ?? this.state);
    if (state.id === "stopped" || state.id === "quarantined") await this.#cleared;
    return state;
  }

  /** Lets the worker take no new issue; resolves when none is in flight, at the bound, or when the worker is gone. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#feed({ type: "held" });
    this.sendOpen();
    const isOver = (): boolean => this.state.id !== "running" || this.isDrained;
    await this.#condition.waitFor(isOver, this.#options.launcher.drainMs, signal);
  }

  /** Lets the worker take no new issue; resolves with its work in flight, or null when a running one
   * does not say it. */
  async hold(): Promise<WorkerView | null> {
    this.#feed({ type: "held" });
    this.sendOpen();
    const isOver = (): boolean => this.state.id !== "running" || this.worker.draining;
    await this.#condition.waitFor(isOver, HOLD_MS, this.#options.force);
    return isOver() ? this.worker : null;
  }

  /** Takes back `drain` and `hold`. */
  reopen(): void {
    this.#feed({ type: "reopened" });
    this.sendOpen();
  }

  /** Sends the worker whether it may take new issues. */
  sendOpen(): void {
    this.#launched?.process.setOpen(!this.#life.isHeld && !this.#options.drain.isOn);
  }

  /** True when nothing is in flight and the worker takes nothing, or when there is no worker and none on its way. */
  get isDrained(): boolean {
    const { id } = this.state;
    if (id === "running") return this.worker.draining && this.worker.inFlight === 0;
    return id !== "starting" && id !== "stopping";
  }

  untilDrained(boundMs: number, signal: AbortSignal): Promise<void> {
    return this.#condition.waitFor(() => this.isDrained, boundMs, signal);
  }

  #changed(): void {
    this.#options.owner.rowChanged();
    this.#condition.notify();
  }

  #feed(event: LifeEvent): void {
    const before = this.state;
    const { life, effects } = evolve(this.#life, event, this.#options.policy());
    this.#life = life;
    const { process: state } = life;
    if (state === before) return;
    this.#wait.abort();
    this.#wait = new AbortController();
    emitState(this.#options.log, this.#options.record.slug, state, life.worker);
    for (const effect of effects) this.#perform(effect);
    if (state.id === "starting" || state.id === "stopping") this.#moving ??= Promise.withResolvers();
    else {
      this.#moving?.resolve(state);
      this.#moving = undefined;
    }
    this.#changed();
  }

  #perform(effect: LifeEffect): void {
    switch (effect.type) {
      case "spawn":
        void this.#spawn(effect.generation, effect.isUrgent);
        break;
      case "kill":
        void this.#kill(effect.gently);
        break;
      case "schedule":
        this.#schedule(effect.generation, effect.delayMs);
        break;
      case "save-quarantine":
        void this.#saveQuarantine(effect.quarantine);
        break;
      case "lift-quarantine":
        void this.#saveQuarantine(null);
        break;
      default:
        assertNever(effect);
    }
  }

  async #saveQuarantine(quarantine: Quarantine | null): Promise<void> {
    const { clock, record, owner } = this.#options;
    await retryWrite(() => owner.saveQuarantine(record.slug, quarantine), clock, this.#wait.signal);
  }

  #schedule(generation: number, delayMs: number): void {
    const { clock } = this.#options;
    const due = delayMs > 0 ? clock.sleep(delayMs, this.#wait.signal) : Promise.resolve();
    due.then(
      () => this.#feed({ type: "due", generation }),
      () => undefined,
    );
  }

  async #spawn(generation: number, isUrgent: boolean): Promise<void> {
    const { gate, launcher, record } = this.#options;
    try {
      using place = await gate.enter(isUrgent, this.#wait.signal);
      const { pauseMs } = gate;
      const silence = this.#life.ended?.silence ?? null;
      const listener = this.#listener(generation, place);
      const launch = { generation, pauseMs, silence, listener, cleared: this.#cleared };
      this.#launched = await launcher.launch(record, launch);
      const { process, token } = this.#launched;
      this.sendOpen();
      this.#show(generation, { pid: process.pid, token });
      // A stop that came while the worker was being spawned found nothing to kill.
      if (this.state.id === "stopping") void this.#kill(this.state.next !== "respawn");
      const exit = await process.exited;
      this.#cleared = process.cleared.catch((error: unknown) => this.#emitError("repo.leftovers-unknown", error));
      // The state `stopped` means that all of the worker is gone.
      if (this.state.id === "stopping" && this.state.next === "stop") await this.#cleared;
      this.#onExit(generation, exit);
    } catch (error) {
      this.#onExit(generation, notStarted(error));
    }
  }

  #listener(generation: number, place: Disposable): WorkerListener {
    const { clock, log, record } = this.#options;
    return {
      onReady: (port) => {
        place[Symbol.dispose]();
        this.#show(generation, { port });
        this.#feed({ type: "ready", generation, nowMs: clock.monotonicMs() });
      },
      onHeartbeat: ({ inFlight, notice, work, draining }) =>
        this.#show(generation, { inFlight, notice, work: work ?? [], draining: draining === true }),
      onHung: (reason) => {
        log.write("warn", "repo.hung", { repo: record.slug, generation, reason });
        this.#feed({ type: "hung", generation });
      },
    };
  }

  async #kill(gently: boolean): Promise<void> {
    const { launcher, force } = this.#options;
    try {
      await this.#launched?.process.stop(gently ? launcher.stopGraceMs : 0, force);
    } catch (error) {
      this.#emitError("repo.kill-failed", error);
    }
  }

  #emitError(event: string, error: unknown): void {
    this.#options.log.write("error", event, { repo: this.#options.record.slug, problem: messageOf(error) });
  }

  #onExit(generation: number, whole: WorkerExit): void {
    const { clock, log, random, redact, record } = this.#options;
    const [lastLines, loggedLines] = [whole.lastLines.map(redact), whole.loggedLines.map(redact)];
    const exit = { ...whole, reason: redact(whole.reason), lastLines, loggedLines };
    const wasAsked = isEndAsked(this.#life);
    const wasSpawned = this.#launched !== undefined;
    if (wasSpawned || !wasAsked) emitExit(log, record.slug, { ...exit, generation, wasAsked });
    this.#launched = undefined;
    this.#options.drain.lost(record.slug);
    const [nowMs, at] = [clock.monotonicMs(), clock.now()];
    this.#feed({ type: "exited", generation, nowMs, at, random: random(), exit, wasSpawned });
  }

  #show(generation: number, change: Partial<WorkerView>): void {
    const before = this.#life;
    this.#feed({ type: "seen", generation, change });
    if (this.#life === before) return;
    this.#options.drain.saw(this.#options.record.slug, this.worker);
    const { pid, port, notice, draining } = this.worker;
    const { worker } = before;
    const isSame = pid === worker.pid && port === worker.port && notice === worker.notice;
    if (!isSame || draining !== worker.draining) this.#changed();
    else this.#condition.notify();
  }
}
