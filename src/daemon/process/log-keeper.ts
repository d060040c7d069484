// Keeps within one bound what the logs of the daemon and of all repositories take together: each has a bound of its own,
// and the sum of those grows with their number. The oldest go first, of all repositories; what a process writes, or has
// written of late, never goes, so the bound may be passed by that and by what is written between two looks.

import { dirname, join } from "node:path";

import type { Clock } from "../../core/base/clock.ts";
import { messageOf } from "../../core/base/errors.ts";
import type { Log } from "../../core/logs/log.ts";
import { supervisorPaths, workerPaths } from "../../core/files/paths.ts";
import { giveUpLogFile, listLogFiles, type LogFileFound } from "./log-files.ts";
import type { WorkerView } from "../workers/worker-view.ts";

/** After the start there is more urgent work. */
export const FIRST_LOOK_AFTER_MS = 10_000;
export const LOOK_INTERVAL_MS = 300_000;
/** What was changed within this time stays. */
export const UNTOUCHED_MS = 3_600_000;
/** Pause for each file seen, so that a look takes far less than a thousandth of a core however many there are. */
const PAUSE_PER_FILE_MS = 60;

export interface LogKeeperOptions {
  /** The state directory. */
  readonly home: string;
  /** By slug; transcripts of issues in flight stay. */
  readonly repos: () => ReadonlyMap<string, { readonly worker: Pick<WorkerView, "work"> }>;
  readonly bytesMax: () => number;
  readonly clock: Clock;
  readonly log: Log;
}

interface Seen {
  bytes: number;
  files: number;
  problem: string | null;
}

export class LogKeeper implements AsyncDisposable {
  readonly #options: LogKeeperOptions;
  readonly #ending = new AbortController();
  readonly #keeping: Promise<void>;
  /** The bound that the last emitted event names as passed; null when the bound holds. */
  #emittedOver: number | null = null;
  #emittedProblem: string | null = null;

  constructor(options: LogKeeperOptions) {
    this.#options = options;
    this.#keeping = this.#keep(this.#ending.signal).catch((thrown: unknown) => {
      // A bug, and no reason to end the daemon.
      if (!this.#ending.signal.aborted)
        options.log.write("error", "logs.keeper-failed", { problem: messageOf(thrown) });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#keeping;
  }

  /** Another bound is looked after at the next turn, however long the pause. */
  async #keep(signal: AbortSignal): Promise<void> {
    const { clock, bytesMax } = this.#options;
    let dueMs = 0;
    let lookedFor: number | null = null;
    await clock.sleep(FIRST_LOOK_AFTER_MS, signal);
    for (;;) {
      const wanted = bytesMax();
      if (clock.monotonicMs() >= dueMs || wanted !== lookedFor) {
        const files = await this.#look(wanted, signal);
        lookedFor = wanted;
        dueMs = clock.monotonicMs() + files * PAUSE_PER_FILE_MS;
      }
      await clock.sleep(LOOK_INTERVAL_MS, signal);
    }
  }

  /** Resolves with the number of files seen. */
  async #look(bytesMax: number, signal: AbortSignal): Promise<number> {
    const seen: Seen = { bytes: 0, files: 0, problem: null };
    await this.#walk(seen, signal, (file) => {
      seen.bytes += file.bytes;
      seen.files += 1;
    });
    const left = seen.bytes > bytesMax ? await this.#shrink(seen, bytesMax, signal) : seen.bytes;
    if (!signal.aborted) this.#emit(left, bytesMax, seen.problem);
    return seen.files;
  }

  /** Resolves with what is left. Only now are paths kept in memory. */
  async #shrink(seen: Seen, bytesMax: number, signal: AbortSignal): Promise<number> {
    const old: LogFileFound[] = [];
    await this.#walk(seen, signal, (file, inFlight) => {
      if (this.#isOld(file, inFlight)) old.push(file);
    });
    let [bytes, files] = [seen.bytes, 0];
    for (const file of old.toSorted((a, b) => a.changedMs - b.changedMs)) {
      if (bytes <= bytesMax || signal.aborted) break;
      try {
        if (!(await giveUpLogFile(file))) continue;
        bytes -= file.bytes;
        files += 1;
      } catch (error) {
        seen.problem = messageOf(error);
      }
    }
    if (files > 0) {
      this.#options.log.write("info", "logs.pruned", { files, bytes: seen.bytes - bytes, bytes_left: bytes });
    }
    return bytes;
  }

  /** The distance: after the clock was set back, what is far ahead of it is old. */
  #isOld({ kind, bytes, issue, changedMs }: LogFileFound, inFlight: ReadonlySet<number>): boolean {
    if (kind === "other" || bytes === 0 || (issue !== null && inFlight.has(issue))) return false;
    return Math.abs(this.#options.clock.now().getTime() - changedMs) >= UNTOUCHED_MS;
  }

  /** A directory that cannot be read leaves the others to be looked at. */
  async #walk(
    seen: Seen,
    signal: AbortSignal,
    visit: (file: LogFileFound, inFlight: ReadonlySet<number>) => void,
  ): Promise<void> {
    const { home, repos } = this.#options;
    const ofRepos = [...repos()].map(([slug, { worker }]) => ({
      logFile: workerPaths(join(home, slug)).logFile,
      inFlight: new Set(worker.work.map(({ issue }) => issue)),
    }));
    for (const { logFile, inFlight } of [
      { logFile: supervisorPaths(home).logFile, inFlight: new Set<number>() },
      ...ofRepos,
    ]) {
      try {
        for await (const file of listLogFiles(dirname(logFile))) {
          if (signal.aborted) return;
          visit(file, inFlight);
        }
      } catch (error) {
        seen.problem = messageOf(error);
      }
    }
  }

  /** Emits each trouble once, until it is over or another one. */
  #emit(bytes: number, bytesMax: number, problem: string | null): void {
    const { log } = this.#options;
    if (problem !== null && problem !== this.#emittedProblem) log.write("warn", "logs.not-kept", { problem });
    this.#emittedProblem = problem;
    const over = bytes > bytesMax ? bytesMax : null;
    if (over !== null && over !== this.#emittedOver) {
      const reason = "what is left is written now, was changed within the last hour, or is of an issue in flight";
      log.write("warn", "logs.over-bound", { bytes, bytes_max: bytesMax, reason });
    }
    this.#emittedOver = over;
  }
}
