// Supervises one repository: feeds its reducer and performs the effects (spawn, kill, timer, quarantine on disk). It
// has at most one worker, and a new one starts only when the old one and all it left behind are gone.

import type { Clock } from "../core/clock.ts";
import { assertNever, messageOf } from "../core/errors.ts";
import type { Log } from "../core/log.ts";
import type { LastExit } from "../core/supervisor-control.ts";
import type { RepoRecord } from "./registry-document.ts";
import {
  initialProcess,
  type RepoEffect,
  type RepoEvent,
  type RepoProcess,
  type RespawnPolicy,
  transition,
} from "./repo-process.ts";
import type { StartGate } from "./start-gate.ts";
import type { LaunchedWorker, WorkerLauncher } from "./worker-launcher.ts";
import type { WorkerExit, WorkerListener } from "./worker-process.ts";

export interface RepoSupervisorOptions {
  readonly record: RepoRecord;
  readonly policy: RespawnPolicy;
  readonly launcher: WorkerLauncher;
  readonly gate: StartGate;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Log;
  readonly redact: (text: string) => string;
  /** Aborting cuts every grace short. */
  readonly force: AbortSignal;
  readonly saveQuarantine: (slug: string, reason: string) => Promise<void>;
  readonly onChange: () => void;
}

/** What can be read of the worker; port 0 and pid null while there is none. */
export interface WorkerView {
  readonly pid: number | null;
  readonly port: number;
  readonly token: string;
  readonly inFlight: number;
  readonly notice: string | null;
}

const NOT_STARTED: WorkerExit = { code: null, signal: null, reason: "", permanent: false, lastLines: [] };
const NO_WORKER: WorkerView = { pid: null, port: 0, token: "", inFlight: 0, notice: null };

type Command = "start" | "stop" | "restart";

export class RepoSupervisor {
  readonly #options: RepoSupervisorOptions;
  #state: RepoProcess;
  #worker: WorkerView = NO_WORKER;
  #launched: LaunchedWorker | undefined;
  #lastExit: LastExit | null = null;
  #isUrgent = false;
  /** Ends the wait of the present state: for the gate, or for the backoff. */
  #wait = new AbortController();
  #moving: PromiseWithResolvers<RepoProcess> | undefined;

  constructor(options: RepoSupervisorOptions) {
    this.#options = options;
    this.#state = initialProcess(options.record.quarantine?.reason ?? null);
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

  /** `isUrgent`: an operator waits for it. */
  command(type: Command, isUrgent: boolean): void {
    this.#isUrgent = isUrgent;
    this.#feed({ type, generation: this.#state.generation });
  }

  /** The first state that is neither starting nor stopping; the present one when it is such a state. */
  settled(): Promise<RepoProcess> {
    return this.#moving?.promise ?? Promise.resolve(this.#state);
  }

  #feed(event: RepoEvent): void {
    const before = this.#state;
    const { state, effects } = transition(before, event, this.#options.policy);
    if (state === before) return;
    this.#state = state;
    this.#wait.abort();
    this.#wait = new AbortController();
    this.#tell(state);
    for (const effect of effects) this.#perform(effect);
    if (state.id === "starting" || state.id === "stopping") this.#moving ??= Promise.withResolvers();
    else {
      this.#moving?.resolve(state);
      this.#moving = undefined;
    }
    this.#options.onChange();
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
        this.#options.clock.sleep(effect.delayMs, this.#wait.signal).then(
          () => this.#feed({ type: "due", generation: effect.generation }),
          () => undefined,
        );
        break;
      case "save-quarantine":
        void this.#options.saveQuarantine(this.#options.record.slug, effect.reason);
        break;
      default:
        assertNever(effect);
    }
  }

  async #spawn(generation: number): Promise<void> {
    const { gate, launcher, record } = this.#options;
    const isUrgent = this.#isUrgent;
    this.#isUrgent = false;
    try {
      using place = await gate.enter(isUrgent, this.#wait.signal);
      this.#launched = await launcher.launch(record, generation, this.#listener(generation, place));
      const { process, token } = this.#launched;
      this.#show({ pid: process.pid, token });
      // A stop that came while it was being spawned found nothing to kill.
      if (this.#state.id === "stopping") void this.#kill(this.#state.next !== "respawn");
      this.#onExit(generation, await process.exited);
    } catch (error) {
      this.#onExit(generation, { ...NOT_STARTED, reason: `it could not be started: ${messageOf(error)}` });
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
      onHeartbeat: ({ inFlight, notice }) => this.#show({ inFlight, notice }),
      onHung: (reason) => {
        log.write("warn", "repo.hung", { repo: record.slug, generation, reason });
        this.#feed({ type: "hung", generation });
      },
    };
  }

  async #kill(gently: boolean): Promise<void> {
    const { launcher, log, force, record } = this.#options;
    try {
      await this.#launched?.process.stop(gently ? launcher.stopGraceMs : 0, force);
    } catch (error) {
      log.write("error", "repo.kill-failed", { repo: record.slug, problem: messageOf(error) });
    }
  }

  #onExit(generation: number, exit: WorkerExit): void {
    const { clock, log, random, redact, record } = this.#options;
    const reason = redact(exit.reason);
    const wasAsked = this.#state.id === "stopping" && this.#state.next !== "respawn";
    if (this.#launched !== undefined || !wasAsked) {
      const { code, signal, lastLines } = exit;
      this.#lastExit = { code, signal, at: clock.now().toISOString(), reason: wasAsked ? "stopped as asked" : reason };
      log.write(wasAsked ? "info" : "warn", "repo.exited", {
        repo: record.slug,
        generation,
        code,
        signal,
        reason,
        stderr: lastLines,
      });
    }
    this.#launched = undefined;
    this.#worker = NO_WORKER;
    this.#feed({
      type: "exited",
      generation,
      nowMs: clock.monotonicMs(),
      random: random(),
      permanent: exit.permanent,
      reason,
    });
  }

  #show(change: Partial<WorkerView>): void {
    const before = this.#worker;
    this.#worker = { ...before, ...change };
    const { pid, port, notice } = this.#worker;
    if (pid !== before.pid || port !== before.port || notice !== before.notice) this.#options.onChange();
  }

  #tell(state: RepoProcess): void {
    const { log, record } = this.#options;
    const fields = { repo: record.slug, generation: state.generation };
    switch (state.id) {
      case "starting":
      case "stopped":
        return log.write("info", `repo.${state.id}`, fields);
      case "running":
        return log.write("info", "repo.ready", { ...fields, pid: this.#worker.pid, port: this.#worker.port });
      case "stopping":
        return log.write("info", "repo.stopping", { ...fields, next: state.next });
      case "backing-off":
        return log.write("warn", "repo.backing-off", {
          ...fields,
          delay_ms: state.delayMs,
          crashes: state.crashes.streak,
        });
      case "quarantined":
        return log.write("error", "repo.quarantined", { ...fields, reason: state.reason });
      default:
        return assertNever(state);
    }
  }
}
