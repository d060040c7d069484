// Watches the throughput. It raises an alarm for an issue that could move, with a free slot in its stage, and has not
// for too long, and when GitHub has not shown the issues for more than three polls. An alarm ends by itself when what
// it is about moves.

import type { Clock } from "../../core/base/clock.ts";
import { later } from "../pipeline/backoff.ts";
import type { WorkerEvent } from "../events/event.ts";

const LOOK_MS_MAX = 5_000;
const POLLS_MAX = 3;
/** A listing of many pages takes its time, so no alarm comes earlier. */
const SYNC_STALE_MS_MIN = 10_000;
const ISSUES_SAID_MAX = 3;

/** These events show that an issue moves. Being claimed, and looking at the same checks again, do not. */
const MOVES: ReadonlySet<WorkerEvent["type"]> = new Set<WorkerEvent["type"]>([
  "issue.found",
  "issue.moved",
  "issue.closed",
  "run.started",
  "run.ended",
  "run.failed",
  "agent.started",
  "agent.said",
  "agent.tool",
  "agent.ended",
  "gate.ended",
  "pull.opened",
  "pull.reviewed",
  "pull.merged",
  "hitl.asked",
  "hitl.answered",
]);

/**
 * `movable`: it could move now, or is tried again and again. `busy`: an agent or a gate works on it, which takes long.
 * `waiting`: it waits for a person, the provider, checks or its next attempt, which has an end and is no stall.
 */
export type Standing = "movable" | "busy" | "waiting";

export interface StallWatchOptions {
  readonly clock: Clock;
  readonly emit: (event: WorkerEvent) => void;
  readonly stallMs: number;
  /** An agent or a gate may take this long without a word. */
  readonly busyMs: number;
  readonly pollIntervalMs: number;
  readonly issues: WatchedIssues;
  readonly listing: WatchedListing;
}

/** The watch asks here which issues there are to move. */
export interface WatchedIssues {
  standings(): ReadonlyMap<number, Standing>;
  /** It returns one line for people. */
  reasonOf(issue: number): string;
}

/** The watch sees here when GitHub last showed the issues. */
export interface WatchedListing {
  /** It is a time of the monotonic clock; null before the first good listing. */
  readonly lastGoodMs: number | null;
  /** `problem` says why GitHub did not show the issues; null when GitHub has said nothing. */
  readonly lastSync: { readonly problem: string | null };
}

export class StallWatch {
  readonly #options: StallWatchOptions;
  /** Each issue has not moved since then, on the monotonic clock, although it could. */
  readonly #stillSinceMs = new Map<number, number>();
  #startedMs: number;
  #stalled: readonly number[] = [];
  #isSyncStale = false;

  constructor(options: StallWatchOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonicMs();
  }

  get stalled(): readonly number[] {
    return this.#stalled;
  }

  get isSyncStale(): boolean {
    return this.#isSyncStale;
  }

  /** Returns one line for people about each alarm that is on. */
  get alarms(): readonly string[] {
    return [...(this.#isSyncStale ? [this.#syncLine()] : []), ...(this.#stalled.length > 0 ? [this.#stallLine()] : [])];
  }

  /** Says since when the issue has stood still; null where it does not count as stalled. */
  stalledSince(issue: number): Date | null {
    const sinceMs = this.#stillSinceMs.get(issue);
    if (sinceMs === undefined || !this.#stalled.includes(issue)) return null;
    const { clock } = this.#options;
    return later(clock.now(), sinceMs - clock.monotonicMs());
  }

  saw(event: WorkerEvent): void {
    if (MOVES.has(event.type) && "issue" in event && event.issue !== null) this.#stillSinceMs.delete(event.issue);
  }

  /** Looks until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, stallMs } = this.#options;
    this.#startedMs = clock.monotonicMs();
    while (!signal.aborted) {
      await clock.sleep(Math.min(LOOK_MS_MAX, stallMs / 4), signal).catch(() => undefined);
      if (!signal.aborted) this.look();
    }
  }

  look(): void {
    const standings = this.#options.issues.standings();
    const nowMs = this.#options.clock.monotonicMs();
    for (const issue of this.#stillSinceMs.keys()) if (!standings.has(issue)) this.#stillSinceMs.delete(issue);
    for (const [issue, standing] of standings) {
      if (standing === "waiting") this.#stillSinceMs.delete(issue);
      else if (!this.#stillSinceMs.has(issue)) this.#stillSinceMs.set(issue, nowMs);
    }
    this.#judgeStalls(standings, nowMs);
    this.#judgeSync(nowMs);
  }

  #judgeStalls(standings: ReadonlyMap<number, Standing>, nowMs: number): void {
    const { stallMs, busyMs, emit } = this.#options;
    const before = this.#stalled.join();
    this.#stalled = [...this.#stillSinceMs].flatMap(([issue, sinceMs]) => {
      const isBusy = standings.get(issue) === "busy";
      // An issue that was stalled and is tried once more has not moved yet.
      const isOver = nowMs - sinceMs >= (isBusy && !this.#stalled.includes(issue) ? busyMs + stallMs : stallMs);
      return isOver ? [issue] : [];
    });
    if (this.#stalled.join() === before) return;
    const isOn = this.#stalled.length > 0;
    emit({
      type: "worker.alarm",
      alarm: "stalled",
      isOn,
      detail: isOn ? this.#stallLine() : "every issue moves again",
    });
  }

  #judgeSync(nowMs: number): void {
    const isStale = nowMs - (this.#options.listing.lastGoodMs ?? this.#startedMs) > this.#staleMs;
    if (isStale === this.#isSyncStale) return;
    this.#isSyncStale = isStale;
    const detail = isStale ? this.#syncLine() : "GitHub shows the issues again";
    this.#options.emit({ type: "worker.alarm", alarm: "sync", isOn: isStale, detail });
  }

  #stallLine(): string {
    const { stallMs, issues } = this.#options;
    const said = this.#stalled.slice(0, ISSUES_SAID_MAX).map((issue) => `#${issue}: ${issues.reasonOf(issue)}`);
    const more = this.#stalled.length > ISSUES_SAID_MAX ? `; and ${this.#stalled.length - ISSUES_SAID_MAX} more` : "";
    const many = this.#stalled.length === 1 ? "1 issue has" : `${this.#stalled.length} issues have`;
    return `stalled: ${many} not moved for ${Math.round(stallMs / 1_000)} s or longer: ${said.join("; ")}${more}`;
  }

  #syncLine(): string {
    const { clock, listing } = this.#options;
    const since = later(clock.now(), (listing.lastGoodMs ?? this.#startedMs) - clock.monotonicMs()).toISOString();
    return `GitHub has not shown the issues since ${since}: ${listing.lastSync.problem ?? "a sync has not come to its end"}`;
  }

  get #staleMs(): number {
    return Math.max(POLLS_MAX * this.#options.pollIntervalMs, SYNC_STALE_MS_MIN);
  }
}
