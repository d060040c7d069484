// Keeps one worker process waiting, loaded and without a repository, that becomes the next worker that is needed. The
// process is spawned when nobody else wants to start, and ends with the daemon like every worker.

import type { ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { closeSync, ftruncateSync } from "node:fs";
import { join } from "node:path";

import type { Clock } from "../../core/base/clock.ts";
import { messageOf } from "../../core/base/errors.ts";
import type { Log } from "../../core/logs/log.ts";
import { STARTUP_TIMEOUT_MS } from "../../core/messages/worker-message.ts";
import { spawnWorker, type SpawnedWorker, type WorkerCommand } from "./spawn-worker.ts";
import type { StartGate } from "./start-gate.ts";
import { openOutput } from "./worker-output.ts";

/** The wait after the last process was taken: the repository that took it goes first. */
const QUIET_MS = 500;
/** The wait after a process that died by itself, or could not be spawned. */
const PAUSE_MS = 60_000;

export interface PreforkOptions {
  readonly command: WorkerCommand;
  /** The state directory. */
  readonly home: string;
  /** The environment of a worker spawned now, without a data root. */
  readonly environment: (spawnId: string) => Record<string, string>;
  readonly isWanted: () => boolean;
  readonly gate: StartGate;
  readonly clock: Clock;
  readonly log: Log;
}

export interface PreforkedWorker {
  readonly spawned: SpawnedWorker;
  /** The file that the process prints into. */
  readonly output: string;
}

export class Prefork implements AsyncDisposable {
  readonly #options: PreforkOptions;
  readonly #ending = new AbortController();
  readonly #keeping: Promise<void>;
  #waiting: PreforkedWorker | undefined;
  /** The process that was taken last. */
  #taken: PreforkedWorker | undefined;
  /** Resolves when the process was taken, or when what it was spawned with has changed. */
  #changed = Promise.withResolvers<void>();

  constructor(options: PreforkOptions) {
    this.#options = options;
    this.#keeping = this.#keep().catch(() => undefined);
  }

  /** Hands the process over for good; undefined when none is ready. */
  take(): PreforkedWorker | undefined {
    const worker = this.#waiting;
    if (worker === undefined) return undefined;
    this.#taken = worker;
    this.renew();
    return worker;
  }

  /** Ends the process that waits; the next one is spawned with the settings of that time. */
  renew(): void {
    this.#waiting = undefined;
    this.#changed.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    this.renew();
    await this.#keeping;
  }

  async #keep(): Promise<void> {
    const { clock, isWanted, log } = this.#options;
    const { signal } = this.#ending;
    while (!signal.aborted) {
      this.#changed = Promise.withResolvers();
      if (isWanted()) {
        await clock.sleep(QUIET_MS, signal);
        const problem = await this.#keepOne(signal).catch(messageOf);
        if (problem === undefined || signal.aborted) continue;
        log.write("warn", "spare.lost", { problem });
        await clock.sleep(PAUSE_MS, signal);
      } else await this.#changed.promise;
    }
  }

  /** Resolves when the process was taken or is out of date, or with what it died of. */
  async #keepOne(signal: AbortSignal): Promise<string | undefined> {
    using place = await this.#options.gate.enter(false, signal);
    const worker = this.#spawn();
    const { child, hello } = worker.spawned;
    const death = deathOf(child);
    const changed = this.#changed.promise.then(() => undefined);
    const late = setTimeout(() => child.kill("SIGKILL"), STARTUP_TIMEOUT_MS);
    const isUp = await Promise.race([hello.then(() => true), death, changed]);
    clearTimeout(late);
    place[Symbol.dispose]();
    if (isUp === true && !signal.aborted) {
      this.#waiting = worker;
      this.#options.log.write("info", "spare.ready", { pid: child.pid });
    }
    const problem = await Promise.race([death, changed]);
    if (this.#taken === worker) return undefined;
    this.#waiting = undefined;
    child.kill("SIGKILL");
    await death;
    return problem;
  }

  #spawn(): PreforkedWorker {
    const { command, environment, home } = this.#options;
    const spawnId = randomUUID();
    const output = join(home, "logs", "spare.stderr.log");
    const file = openOutput(output);
    try {
      ftruncateSync(file);
      const options = { spawnId, environment: environment(spawnId), directory: home, output: file };
      return { spawned: spawnWorker(command, options), output };
    } finally {
      closeSync(file);
    }
  }
}

/** Resolves with how the process ended, or why it could not be spawned. */
function deathOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("exit", (code, signal) => resolve(signal === null ? `exited with code ${code}` : `killed by ${signal}`));
    child.on("error", (error) => {
      if (child.pid === undefined) resolve(messageOf(error));
    });
  });
}
