// One worker process from its spawn to the end of all it leaves behind. It is sent `start` when what its predecessor
// left is gone; what it says over IPC is checked message by message, and it is given up when it is silent or floods us.

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";

import { messageOf } from "../../core/base/errors.ts";
import { EXIT_CODES } from "../../core/base/exit-code.ts";
import { workerPaths } from "../../core/files/paths.ts";
import { childIdentity, killTree, type ProcessIdentity, sweepMarked } from "../../core/processes/process-tree.ts";
import { endRecordedGroups } from "../../core/processes/recorded-group.ts";
import { z } from "../../core/base/schema.ts";
import { shortageIn, shortageOf } from "../../core/processes/shortage.ts";
import {
  SPAWN_VARIABLE,
  type FromWorker,
  fromWorkerSchema,
  type Silence,
  type StartWorker,
  type ToWorker,
} from "../../core/messages/worker-message.ts";
import { RenewableTimeout } from "./renewable-timeout.ts";
import type { SpawnedWorker } from "./spawn-worker.ts";
import { errorLine, type WorkerOutput } from "./worker-output.ts";

const MESSAGES_PER_SECOND_MAX = 100;
/** A line for people has at most so many characters, whoever wrote it. */
const LINE_CHARACTERS_MAX = 2_000;
/** The last messages of a worker may arrive so long after its exit. */
const LAST_WORDS_MS = 500;
/** A search for what the worker left may fail for want of a descriptor, and is tried so often. */
const LOOKS_MAX = 40;
const LOOK_AGAIN_MS = 250;
/** A runtime ends itself with one of these, for instance when it is out of its own memory. */
const RUNTIME_ENDS: ReadonlySet<string> = new Set(["SIGABRT", "SIGTRAP", "SIGILL", "SIGSEGV", "SIGBUS"]);

export interface WorkerTimings {
  /** The limit from spawn to `ready`. */
  readonly startupMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly stopGraceMs: number;
  /** The time for issues in flight before a rolling restart. */
  readonly drainMs: number;
}

export interface WorkerProcessOptions {
  readonly spawned: SpawnedWorker;
  readonly output: WorkerOutput;
  readonly start: StartWorker;
  /** Resolves when nothing is left of the worker before; only then is this one sent `start`. */
  readonly cleared: Promise<void>;
  readonly timings: WorkerTimings;
  readonly rssBytesMax: () => number;
  readonly listener: WorkerListener;
}

export interface WorkerListener {
  onReady(port: number): void;
  onHeartbeat(heartbeat: Heartbeat): void;
  /** The worker is silent, late or floods the channel; the listener is expected to stop it. */
  onHung(reason: string): void;
}

export type Heartbeat = Extract<FromWorker, { type: "heartbeat" }>;

export interface WorkerExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** One line for people. */
  readonly reason: string;
  /** True when a restart does not help. */
  readonly permanent: boolean;
  /** True when the machine could not give what a process needs. */
  readonly isShortage: boolean;
  /** Set when the worker was up, then silent or ended by its own runtime: something that it read may have done it. */
  readonly silence: Silence | null;
  readonly lastLines: readonly string[];
  /** What a worker that printed nothing logged last. */
  readonly loggedLines: readonly string[];
}

export class WorkerProcess {
  /** The pid is null when the worker could not be spawned. */
  readonly pid: number | null;
  /** Resolves when the worker itself has ended. */
  readonly exited: Promise<WorkerExit>;
  /** Resolves when everything that it and those before it left behind is gone too. */
  readonly cleared: Promise<void>;
  readonly #child: ChildProcess;
  readonly #options: WorkerProcessOptions;
  readonly #identity: Promise<ProcessIdentity | null>;
  readonly #timeout: RenewableTimeout;
  #hungReason: string | undefined;
  #failed: Extract<FromWorker, { type: "failed" }> | undefined;
  #isReady = false;
  #isSilent = false;
  #heardAt = "";
  #isOpen = true;
  #isStarted = false;
  #messages = { second: 0, count: 0 };

  constructor(options: WorkerProcessOptions) {
    const { child, hello } = options.spawned;
    this.#options = options;
    this.#child = child;
    this.pid = child.pid ?? null;
    this.#identity = childIdentity(child);
    const { startupMs } = options.timings;
    this.#timeout = new RenewableTimeout(startupMs, () => this.#hung(`not ready within ${startupMs / 1_000} s`));
    child.on("message", (message) => this.#onMessage(message));
    void Promise.all([hello, options.cleared]).then(() => this.#start());
    const end = this.#end();
    this.exited = end.then((spawnError) => this.#exitOf(spawnError));
    this.cleared = Promise.all([options.cleared, end.then(() => this.#clear())]).then(() => undefined);
  }

  /** Asks the worker to stop, waits for the grace, then kills the whole tree. Aborting ends the grace. */
  async stop(graceMs: number, signal: AbortSignal): Promise<void> {
    this.#timeout.cancel();
    this.#send({ type: "stop", nonce: this.#options.start.nonce });
    await killTree({ identity: await this.#identity, graceMs }, signal);
  }

  /** Sends the worker whether it may take new issues; its heartbeats name what is still in flight. */
  setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    // A worker that has not been sent `start` does not listen yet.
    if (this.#isStarted) this.#send({ type: isOpen ? "resume" : "drain", nonce: this.#options.start.nonce });
  }

  #start(): void {
    this.#send(this.#options.start);
    this.#isStarted = true;
    if (!this.#isOpen) this.setOpen(false);
  }

  #send(message: ToWorker): void {
    // A worker that is just dying closes the channel under us; its exit says the rest.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #onMessage(raw: unknown): void {
    if (this.#isFlood()) {
      if (this.#child.connected) this.#child.disconnect();
      return this.#hung(`more than ${MESSAGES_PER_SECOND_MAX} messages a second`);
    }
    const parsed = z.safeParse(fromWorkerSchema, raw);
    if (!parsed.success) return this.#hung("it said something that is no message");
    const message = parsed.data;
    if (message.type !== "hello" && message.nonce === this.#options.start.nonce) this.#onKnown(message);
  }

  #onKnown(message: Exclude<FromWorker, { type: "hello" }>): void {
    const { timings, listener } = this.#options;
    this.#heardAt = new Date().toISOString();
    if (message.type === "failed") this.#failed = { ...message, reason: message.reason.slice(0, LINE_CHARACTERS_MAX) };
    else if (message.type === "heartbeat") {
      if (this.#isReady) this.#timeout.renew();
      listener.onHeartbeat({ ...message, notice: message.notice?.slice(0, LINE_CHARACTERS_MAX) ?? null });
      this.#options.output.bound();
      const rssBytesMax = this.#options.rssBytesMax();
      if (message.rssBytes > rssBytesMax)
        this.#hung(`it uses ${mebibytes(message.rssBytes)} of memory, more than the ${mebibytes(rssBytesMax)} it may`);
    } else if (!this.#isReady) {
      this.#isReady = true;
      this.#timeout.replace(timings.heartbeatTimeoutMs, () => {
        this.#isSilent = true;
        this.#hung(`silent for ${timings.heartbeatTimeoutMs / 1_000} s`);
      });
      listener.onReady(message.port);
    }
  }

  #isFlood(): boolean {
    const second = Math.floor(performance.now() / 1_000);
    this.#messages =
      second === this.#messages.second ? { second, count: this.#messages.count + 1 } : { second, count: 1 };
    return this.#messages.count > MESSAGES_PER_SECOND_MAX;
  }

  #hung(reason: string): void {
    if (this.#hungReason !== undefined) return;
    this.#hungReason = reason;
    this.#timeout.cancel();
    this.#options.listener.onHung(reason);
  }

  async #exitOf(spawnError: Error | undefined): Promise<WorkerExit> {
    this.#timeout.cancel();
    if (spawnError !== undefined) return notStarted(spawnError);
    const disconnected = this.#child.connected ? once(this.#child, "disconnect") : undefined;
    await Promise.race([disconnected, delay(LAST_WORDS_MS, undefined, { ref: false })]);
    const { exitCode: code, signalCode: signal } = this.#child;
    const lastLines = this.#options.output.tail();
    const shortage = this.#shortage(lastLines);
    const spoken = this.#failed?.reason ?? this.#hungReason;
    const reason = [describeExit(code, signal), shortage ?? errorLine(lastLines)].filter(Boolean).join(": ");
    const loggedLines = lastLines.length > 0 ? [] : this.#options.output.logTail();
    const exit = exitOf(code, signal, spoken ?? reason, lastLines);
    const isShortage = shortage !== null;
    const permanent = !isShortage && (exit.permanent || this.#failed !== undefined);
    return { ...exit, loggedLines, permanent, isShortage, silence: isShortage ? null : this.#silence(signal) };
  }

  #silence(signal: string | null): Silence | null {
    const isSilent = this.#isSilent || (this.#isReady && RUNTIME_ENDS.has(signal ?? ""));
    return isSilent ? { heardAt: this.#heardAt, at: new Date().toISOString() } : null;
  }

  /** Finds what the machine was short of when it ended: the worker said it, or its runtime did that could not begin. */
  #shortage(lastLines: readonly string[]): string | null {
    const { exitCode: code, signalCode: signal } = this.#child;
    if (this.#failed?.isShortage === true) return this.#failed.reason;
    if (code === EXIT_CODES.shortage.code) return errorLine(lastLines) ?? EXIT_CODES.shortage.meaning;
    const isOwnEnd = code === 0 || (this.#isReady && signal === null) || signal === "SIGKILL" || signal === "SIGTERM";
    return isOwnEnd || this.#hungReason !== undefined ? null : shortageIn(lastLines);
  }

  async #clear(): Promise<void> {
    const { spawnId } = this.#options.spawned;
    const { groups } = workerPaths(this.#options.start.dataRoot);
    for (let look = 1; ; look += 1) {
      try {
        await sweepMarked(SPAWN_VARIABLE, spawnId);
        await endRecordedGroups(groups, { name: SPAWN_VARIABLE, value: spawnId });
        return;
      } catch (error) {
        if (look >= LOOKS_MAX) throw error;
      }
      await delay(LOOK_AGAIN_MS);
    }
  }

  /** Resolves at the exit, or with the error of a spawn that failed. */
  #end(): Promise<Error | undefined> {
    return new Promise((resolve) => {
      this.#child.once("exit", () => resolve(undefined));
      // Errors of a living child (a message that could not be sent) end nothing.
      this.#child.on("error", (error) => {
        if (this.pid === null) resolve(error);
      });
    });
  }
}

/** The exit of a worker that could not be spawned. */
export function notStarted(error: unknown): WorkerExit {
  const exit = exitOf(null, null, `it could not be started: ${messageOf(error)}`, []);
  return { ...exit, isShortage: shortageOf(error) !== null };
}

function exitOf(
  code: number | null,
  signal: NodeJS.Signals | null,
  reason: string,
  lastLines: readonly string[],
): WorkerExit {
  const known = Object.values(EXIT_CODES).find((entry) => entry.code === code);
  const permanent = known !== undefined && known.code !== 0 && !known.restart;
  return { code, signal, reason, permanent, isShortage: false, silence: null, lastLines, loggedLines: [] };
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1_048_576)} MiB`;
}

function describeExit(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `exited with code ${code}` : `killed by ${signal}`;
}
