// Takes the daemon out of work. It sends every worker, also one that starts meanwhile, the word to take no new issue,
// and knows what became of the work in flight. The drain is not on disk: a new daemon works.

import type { Clock } from "../../core/base/clock.ts";
import type { DrainControl, DrainedRepository, DrainReport } from "../../core/messages/drain-control.ts";
import type { Log } from "../../core/logs/log.ts";
import { fail, ok } from "../../core/base/result.ts";
import type { ControlResult } from "../../core/messages/supervisor-control.ts";
import { DrainTally } from "./drain-tally.ts";
import { SHUTTING_DOWN } from "../registry/refusal.ts";
import type { WorkerView } from "../workers/worker-view.ts";

/** The part of a supervised repository that a drain needs. */
interface Drainable {
  readonly state: { readonly id: DrainedRepository["state"] };
  readonly worker: Pick<WorkerView, "inFlight" | "work">;
  readonly isDrained: boolean;
  sendOpen(): void;
  untilDrained(boundMs: number, signal: AbortSignal): Promise<void>;
}

export interface DrainOptions {
  readonly clock: Clock;
  readonly log: Log;
  /** Every supervised repository by its slug. */
  readonly repos: () => ReadonlyMap<string, Drainable>;
}

interface Begun {
  readonly since: string;
  readonly tallies: Map<string, DrainTally>;
  readonly over: AbortController;
}

export class Drain implements DrainControl {
  readonly #options: DrainOptions;
  #begun: Begun | undefined;

  constructor(options: DrainOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#begun !== undefined;
  }

  async drain(timeoutMs: number, signal: AbortSignal): Promise<ControlResult<DrainReport>> {
    const { clock, log, repos } = this.#options;
    const begun = (this.#begun ??= this.#begin());
    const endMs = clock.monotonicMs() + timeoutMs;
    const either = AbortSignal.any([signal, begun.over.signal]);
    for (;;) {
      const leftMs = endMs - clock.monotonicMs();
      const busy = [...repos().values()].filter((repo) => !repo.isDrained);
      if (busy.length === 0 || leftMs <= 0 || either.aborted) break;
      // A drained repository may have been started again meanwhile, so all of them are looked at once more.
      await Promise.all(busy.map((repo) => repo.untilDrained(leftMs, either)));
    }
    if (signal.aborted) return fail(SHUTTING_DOWN);
    const report = this.report();
    if (report.drained) log.write("info", "daemon.drained", countsOf(report));
    return ok(report);
  }

  undrain(): DrainReport {
    const begun = this.#begun;
    if (begun === undefined) return this.report();
    this.#begun = undefined;
    begun.over.abort();
    this.#sendAll();
    this.#options.log.write("info", "daemon.drain-taken-back", { since: begun.since });
    return this.report();
  }

  report(): DrainReport {
    const rows = [...this.#options.repos()].map(([slug, repo]) => this.#rowOf(slug, repo));
    return {
      draining: this.isOn,
      since: this.#begun?.since ?? null,
      drained: this.isOn && rows.every(({ drained }) => drained),
      repos: rows,
    };
  }

  /** Takes every heartbeat of every worker. */
  saw(slug: string, { draining, work }: WorkerView): void {
    if (draining) this.#tallyOf(slug)?.saw(work);
  }

  /** Takes the end of a worker. */
  lost(slug: string): void {
    this.#begun?.tallies.get(slug)?.lost();
  }

  #begin(): Begun {
    const since = this.#options.clock.now().toISOString();
    const begun: Begun = { since, tallies: new Map(), over: new AbortController() };
    this.#begun = begun;
    this.#sendAll();
    this.#options.log.write("info", "daemon.draining");
    return begun;
  }

  #sendAll(): void {
    for (const repo of this.#options.repos().values()) repo.sendOpen();
  }

  #tallyOf(slug: string): DrainTally | undefined {
    const tallies = this.#begun?.tallies;
    if (tallies?.has(slug) === false) tallies.set(slug, new DrainTally());
    return tallies?.get(slug);
  }

  #rowOf(slug: string, repo: Drainable): DrainedRepository {
    const tally = this.#begun?.tallies.get(slug);
    const { inFlight, work } = repo.worker;
    return {
      slug,
      state: repo.state.id,
      drained: this.isOn && repo.isDrained,
      in_flight: inFlight,
      in_flight_work: work,
      in_hand: work,
      finished: tally?.finished ?? [],
      interrupted: tally?.interrupted ?? [],
    };
  }
}

function countsOf({ repos }: DrainReport): Record<string, number> {
  const count = (key: "finished" | "interrupted"): number => repos.reduce((sum, row) => sum + row[key].length, 0);
  return { finished: count("finished"), interrupted: count("interrupted") };
}
