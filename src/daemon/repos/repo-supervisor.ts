// Supervises one repository: feeds its reducer and performs the effects (spawn, kill, timer, quarantine on disk).
// I1  It has at most one worker that was sent `start`: the next may be spawned at once, but hears it only when the one
//     before and all that it left behind are gone.

import type { Clock } from "../../core/base/clock.ts";
import { assertNever, messageOf } from "../../core/base/errors.ts";
import type { Log } from "../../core/logs/log.ts";
import type { LastExit } from "../../core/messages/supervisor-control.ts";
import { ConditionVariable } from "./condition-variable.ts";
import type { Drain } from "./drain.ts";
import { type Quarantine, quarantineOf } from "./quarantine.ts";
import type { RepoRecord } from "../registry/registry-document.ts";
import { retryWrite } from "../registry/retry-write.ts";
import {
  initialProcess,
  quarantineLeftMs,
  type RepoEffect,
  type RepoEvent,
  type RepoProcess,
  type RespawnPolicy,
  transition,
} from "./repo-process.ts";
import { emitExit, emitState } from "./repo-log.ts";
import type { StartGate } from "../workers/start-gate.ts";
import type { LaunchedWorker, WorkerLauncher } from "../workers/worker-launcher.ts";
import { notStarted, type WorkerExit, type WorkerListener } from "../workers/worker-process.ts";
import { NO_WORKER, type WorkerView } from "../workers/worker-view.ts";

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
  /** Resolves with whether the quarantine is on disk now. */
  readonly saveQuarantine: (slug: string, quarantine: Quarantine | null) => Promise<boolean>;
  /** The drain of the whole daemon. */
  readonly drain: Pick<Drain, "isOn" | "saw" | "lost">;
  readonly onChange: () => void;
}

/** How long `hold` waits for an answer; a worker that lives answers at once. */
const HOLD_MS = 2_000;

type Command = "start" | "stop" | "restart";

export class RepoSupervisor {
  readonly #options: RepoSupervisorOptions;
  #state: RepoProcess;
  #worker: WorkerView = NO_WORKER;
  #launched: LaunchedWorker | undefined;
  /** I1: resolves when nothing is left of the workers so far. */
  #cleared: Promise<void> = Promise.resolve();
  #lastExit: LastExit | null = null;
  #isUrgent = false;
  quarantines = 0;
  /** The end of the present wait; null before the first wait. */
  nextTry: Date | null = null;
  /** How the last worker ended; null before the first end. */
  ended: WorkerExit | null = null;
  /** True while the worker takes no issue because it is to be replaced or removed; false again with the next one. */
  #isHeld = false;
  /** Aborted when the state changes: it ends the wait for the gate, or for the backoff. */
  #wait = new AbortController();
  #moving: PromiseWithResolvers<RepoProcess> | undefined;
  /** Wakes those who wait for a state, or for something of the worker. */
  readonly #condition: ConditionVariable;

  constructor(options: RepoSupervisorOptions) {
    const left = quarantineOf(options.record);
    this.#options = options;
    this.#condition = new ConditionVariable(options.clock);
    this.#state = initialProcess(left);
    if (left === null) return;
    this.#lastExit = left.exit;
    this.#schedule(0, quarantineLeftMs(left, options.clock.now(), options.random()));
  }

  get state(): RepoProcess {
    return this.#state;
  }

  get worker(): WorkerView {
    return this.#worker;
  }

  get lastExit(): LastExit | null {
    return this.#lastExit;
  }

  /** `isUrgent` says that an operator waits for the outcome. */
  command(type: Command, isUrgent: boolean): void {
    this.#isUrgent = isUrgent;
    this.#feed({ type, generation: this.#state.generation });
  }

  /** Resolves with the first state that is neither starting nor stopping, which may be the present one; with one that
   * stays down only when nothing is left of its workers. */
  async settled(): Promise<RepoProcess> {
    const state = await (this.#moving?.promise ?? this.#state);
    if (state.id === "stopped" || state.id === "quarantined") await this.#cleared;
    return state;
  }

  /** Lets the worker take no new issue; resolves when none is in flight, at the bound, or when the worker is gone. */
  async drain(signal: AbortSignal): Promise<void> {
    this.#isHeld = true;
    this.sendOpen();
    const isOver = (): boolean => this.#state.id !== "running" || this.isDrained;
    await this.#condition.waitFor(isOver, this.#options.launcher.drainMs, signal);
  }

  /** Lets the worker take no new issue; resolves with its work in flight, or null when a running one
   * does not say it. */
  async hold(): Promise<WorkerView | null> {
    this.#isHeld = true;
    this.sendOpen();
    const isOver = (): boolean => this.#state.id !== "running" || this.#worker.draining;
    await this.#condition.waitFor(isOver, HOLD_MS, this.#options.force);
    return isOver() ? this.#worker : null;
  }

  /** Takes back `drain` and `hold`. */
  reopen(): void {
    this.#isHeld = false;
    this.sendOpen();
  }

  /** Sends the worker whether it may take new issues. */
  sendOpen(): void {
    this.#launched?.process.setOpen(!this.#isHeld && !this.#options.drain.isOn);
  }

  /** True when nothing is in flight and the worker takes nothing, or when there is no worker and none on its way. */
  get isDrained(): boolean {
    const { id } = this.#state;
    if (id === "running") return this.#worker.draining && this.#worker.inFlight === 0;
    return id !== "starting" && id !== "stopping";
  }

  untilDrained(boundMs: number, signal: AbortSignal): Promise<void> {
    return this.#condition.waitFor(() => this.isDrained, boundMs, signal);
  }

  #changed(): void {
    this.#options.onChange();
    this.#condition.notify();
  }

  #feed(event: RepoEvent): void {
    const before = this.#state;
    const { state, effects } = transition(before, event, this.#options.policy());
    if (state === before) return;
    this.#state = state;
    this.#wait.abort();
    this.#wait = new AbortController();
    emitState(this.#options.log, this.#options.record.slug, state, this.#worker);
    for (const effect of effects) this.#perform(effect);
    if (state.id === "starting" || state.id === "stopping") this.#moving ??= Promise.withResolvers();
    else {
      this.#moving?.resolve(state);
      this.#moving = undefined;
    }
    this.#changed();
  }

  #perform(effect: RepoEffect): void {
    switch (effect.type) {
      case "spawn":
        void this.#spawn(effect.generation);
        break;
      case "kill":
        void this.#kill(effect.gently);
        break;
      case "schedule":
        this.#schedule(effect.generation, effect.delayMs);
        break;
      case "save-quarantine":
        this.quarantines += 1;
        void this.#saveQuarantine({ reason: effect.reason, wasTried: effect.wasTried, exit: this.#lastExit });
        break;
      case "lift-quarantine":
        void this.#saveQuarantine(null);
        break;
      default:
        assertNever(effect);
    }
  }

  async #saveQuarantine(quarantine: Quarantine | null): Promise<void> {
    const { clock, record, saveQuarantine } = this.#options;
    await retryWrite(() => saveQuarantine(record.slug, quarantine), clock, this.#wait.signal);
  }

  #schedule(generation: number, delayMs: number): void {
    const { clock } = this.#options;
    this.nextTry = new Date(clock.now().getTime() + delayMs);
    const due = delayMs > 0 ? clock.sleep(delayMs, this.#wait.signal) : Promise.resolve();
    due.then(
      () => this.#feed({ type: "due", generation }),
      () => undefined,
    );
  }

  async #spawn(generation: number): Promise<void> {
    const { gate, launcher, record } = this.#options;
    const isUrgent = this.#isUrgent;
    this.#isUrgent = false;
    try {
      using place = await gate.enter(isUrgent, this.#wait.signal);
      const { pauseMs } = gate;
      const silence = this.ended?.silence ?? null;
      const listener = this.#listener(generation, place);
      const launch = { generation, pauseMs, silence, listener, cleared: this.#cleared };
      this.#launched = await launcher.launch(record, launch);
      const { process, token } = this.#launched;
      this.sendOpen();
      this.#show({ pid: process.pid, token });
      // A stop that came while the worker was being spawned found nothing to kill.
      if (this.#state.id === "stopping") void this.#kill(this.#state.next !== "respawn");
      const exit = await process.exited;
      this.#cleared = process.cleared.catch((error: unknown) => this.#emitError("repo.leftovers-unknown", error));
      // The state `stopped` means that all of the worker is gone.
      if (this.#state.id === "stopping" && this.#state.next === "stop") await this.#cleared;
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
        this.#show({ port });
        this.#feed({ type: "ready", generation, nowMs: clock.monotonicMs() });
      },
      onHeartbeat: ({ inFlight, notice, work, draining }) =>
        this.#show({ inFlight, notice, work: work ?? [], draining: draining === true }),
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

  #onExit(generation: number, exit: WorkerExit): void {
    const { clock, log, random, redact, record } = this.#options;
    const reason = redact(exit.reason);
    const wasAsked = this.#state.id === "stopping" && this.#state.next !== "respawn";
    if (this.#launched !== undefined || !wasAsked) {
      const lastLines = exit.lastLines.map(redact);
      emitExit(log, record.slug, { ...exit, generation, reason, lastLines, wasAsked });
      const lines = [...lastLines, ...exit.loggedLines.map(redact)];
      const said = wasAsked ? { reason: "stopped as asked", last_lines: [] } : { reason, last_lines: lines };
      this.#lastExit = { code: exit.code, signal: exit.signal, at: clock.now().toISOString(), ...said };
    }
    this.ended = exit;
    this.#launched = undefined;
    this.#worker = NO_WORKER;
    this.#isHeld = false;
    this.#options.drain.lost(record.slug);
    const { permanent, isShortage } = exit;
    const nowMs = clock.monotonicMs();
    this.#feed({ type: "exited", generation, nowMs, random: random(), permanent, isShortage, reason });
  }

  #show(change: Partial<WorkerView>): void {
    const before = this.#worker;
    this.#worker = { ...before, ...change };
    this.#options.drain.saw(this.#options.record.slug, this.#worker);
    const { pid, port, notice, draining } = this.#worker;
    const isSame = pid === before.pid && port === before.port && notice === before.notice;
    if (!isSame || draining !== before.draining) this.#changed();
    else this.#condition.notify();
  }
}
