// Keeps within one bound what the logs of the daemon and of all repositories take together: each has a bound of its
// own, and the sum of those grows with their number. It removes the oldest of all repositories first, and never what a
// process writes or has written of late: by that, and by what is written between two looks, the bound may be passed.

import { dirname, join } from "node:path";

import type { Clock } from "../../core/base/clock.ts";
import { messageOf } from "../../core/base/errors.ts";
import type { Log } from "../../core/logs/log.ts";
import { supervisorPaths, workerPaths } from "../../core/files/paths.ts";
import { pruneLogFile, listLogFiles, type LogFileFound } from "./log-files.ts";
import type { WorkerView } from "../workers/worker-view.ts";

/** The first look waits so long, since a start has more urgent work. */
export const FIRST_LOOK_AFTER_MS = 10_000;
export const LOOK_INTERVAL_MS = 300_000;
/** A file that was changed within this time stays. */
export const UNTOUCHED_MS = 3_600_000;
/** The keeper pauses so long for each file seen: a look takes far less than a thousandth of a core however many there
 * are. */
const PAUSE_PER_FILE_MS = 60;

export interface LogKeeperOptions {
  /** The state directory. */
  readonly home: string;
  /** The repositories by slug; transcripts of issues in flight stay. */
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
      // This is a bug, and no reason to end the daemon.
      if (!this.#ending.signal.aborted)
        options.log.write("error", "logs.keeper-failed", { problem: messageOf(thrown) });
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#keeping;
  }

  /** Looks in turns; a new bound is looked after at the next turn, however long the pause. */
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

  /** Resolves with the bytes that are left. Paths are kept in memory from here on only. */
  async #shrink(seen: Seen, bytesMax: number, signal: AbortSignal): Promise<number> {
    const old: LogFileFound[] = [];
    await this.#walk(seen, signal, (file, inFlight) => {
      if (this.#isOld(file, inFlight)) old.push(file);
    });
    let [bytes, files] = [seen.bytes, 0];
    for (const file of old.toSorted((a, b) => a.changedMs - b.changedMs)) {
      if (bytes <= bytesMax || signal.aborted) break;
      try {
        if (!(await pruneLogFile(file))) continue;
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

  /** Measures the distance in both directions: after the clock was set back, a file far ahead of it is old. */
  #isOld({ kind, bytes, issue, changedMs }: LogFileFound, inFlight: ReadonlySet<number>): boolean {
    if (kind === "other" || bytes === 0 || (issue !== null && inFlight.has(issue))) return false;
    return Math.abs(this.#options.clock.now().getTime() - changedMs) >= UNTOUCHED_MS;
  }

  /** Visits every file; a directory that cannot be read leaves the others to be visited. */
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
