// Keeps every wait that costs no attempt: since when, how often, why, and until when. It is in memory; a run's wait
// stands in the state too, so that a restart begins none anew.
//
// I1 No wait is silent, and none lasts for ever: what is over the limit is asked about where it is one issue's own
//    matter, and is a notice of the repository where it is everybody's.
// I2 Each cause is timed by itself, and only while it is waited for: one blip after a long wait for something else, or
//    after a quiet time in the queue, is no long wait.
// I3 An issue whose next try was due and which was not noted again waits no more: it queues.

import type { Clock } from "../../core/base/clock.ts";
import type { WaitCause } from "../../core/domain/worker-metrics.ts";
import type { WorkerEvent } from "../events/event.ts";
import type { GitHubFailure } from "../github/port/github.ts";
import { backoffMs, later } from "../pipeline/backoff.ts";

/** This many waits of one cause within the limit are too many, however short each of them is. */
const RECURRENCES_MAX = 20;
/** A refusal may be a replica that lags; one that is repeated is meant. */
const REFUSALS_MAX = 3;
const ISSUES_NAMED_MAX = 10;
/** A try that is due is made and over within this many polls. */
const TRY_POLLS = 3;
const TRY_MS_MIN = 10_000;
/** A merge waits for what has time limits of its own, and a merge queue may take this many times longer than checks. */
const MERGE_FACTOR = 6;

/** It says whose matter a cause is: asking about one issue cannot help where every issue waits for the same. */
const SCOPES: Readonly<Record<WaitCause, "issue" | "repository">> = {
  "git-locked": "issue",
  "git-network": "repository",
  "git-credential": "repository",
  "git-base": "repository",
  "git-large-files": "repository",
  github: "issue",
  "github-credential": "repository",
  "github-refused": "repository",
  // Whoever has lost the claim must not ask either.
  claim: "repository",
  agent: "repository",
  machine: "repository",
  merge: "issue",
  bug: "repository",
};

export interface NewWait {
  readonly cause: WaitCause;
  /** It is one line. */
  readonly reason: string;
  /** It is null where nobody knows the end; the delay then grows with each try. */
  readonly until: Date | null;
  /** It names how far the issue has come: a wait at another point is another wait. */
  readonly mark: string;
  /** It is the same wait in an earlier process; null when there was none. */
  readonly earlier?: { readonly since: string; readonly ms: number } | null;
}

export interface Wait {
  readonly cause: WaitCause;
  readonly reason: string;
  readonly mark: string;
  readonly since: Date;
  readonly until: Date;
  /** It is true when whoever is waited for has named that time. */
  readonly hasEnd: boolean;
  readonly times: number;
  /**
   * The issue had waited this long for this cause here when it was noted. A time that somebody named is not counted.
   */
  readonly ms: number;
}

interface Entry extends Wait {
  /** It is a time of the monotonic clock. */
  readonly notedMs: number;
  readonly delayMs: number;
}

export interface WaitBookOptions {
  readonly clock: Clock;
  readonly emit: (event: WorkerEvent) => void;
  readonly limitMs: number;
  readonly ciTimeoutMs: number;
  readonly pollIntervalMs: number;
  /** It says whether a question about this issue is open. */
  readonly isAsking: (issue: number) => boolean;
  /** It says whether GitHub answers at all. */
  readonly isGitHubUp: () => boolean;
}

export class WaitBook {
  readonly #options: WaitBookOptions;
  /** An issue has one entry of each cause, the newest first, which is what it waits for. */
  readonly #entries = new Map<number, readonly Entry[]>();
  /** Each cause was noted last at these times of the monotonic clock. */
  readonly #recent = new Map<WaitCause, number[]>();
  readonly #asked = new Map<WaitCause, number>();

  constructor(options: WaitBookOptions) {
    this.#options = options;
  }

  note(issue: number, { cause, reason, until, mark, earlier = null }: NewWait): Wait {
    const { clock, emit, pollIntervalMs } = this.#options;
    const known = this.#entries.get(issue) ?? [];
    const before = known.find((entry) => entry.cause === cause && entry.mark === mark);
    const now = clock.now();
    const ms = before === undefined ? (earlier?.ms ?? 0) : this.#waitedMs(before);
    const times = (before?.times ?? 0) + 1;
    // The next try comes no later than the end of the wait.
    const leftMs = this.#limitOf(cause) - ms;
    const growingMs = Math.min(backoffMs(times, pollIntervalMs), leftMs > 0 ? leftMs : Infinity);
    const delayMs = until === null ? growingMs : Math.max(0, until.getTime() - now.getTime());
    const entry: Entry = {
      cause,
      reason,
      mark,
      since: before?.since ?? earliest(now, earlier),
      until: until ?? later(now, delayMs),
      hasEnd: until !== null,
      times,
      ms,
      notedMs: clock.monotonicMs(),
      delayMs,
    };
    this.#entries.set(issue, [entry, ...known.filter((other) => other.cause !== cause)]);
    this.#count(cause);
    if (known[0]?.cause !== cause || known[0].mark !== mark)
      emit({ type: "issue.waiting", issue, cause, reason, since: entry.since.toISOString() });
    return entry;
  }

  /** Ends the waits of an issue that goes on; with `mark` only those that were noted there. */
  clear(issue: number, mark: string | null = null): void {
    const left = mark === null ? [] : (this.#entries.get(issue) ?? []).filter((entry) => entry.mark !== mark);
    if (left.length === 0) this.#entries.delete(issue);
    else this.#entries.set(issue, left);
  }

  of(issue: number): Wait | null {
    return this.#entryOf(issue);
  }

  /** Lists every issue that is remembered here, whether it waits at this moment or not. */
  get issues(): readonly number[] {
    return [...this.#entries.keys()];
  }

  /**
   * Says whether to ask a person about this issue: its wait is over the limit, and nobody else waits for the same (I1).
   */
  takeQuestion(issue: number): boolean {
    const entry = this.#entryOf(issue);
    if (entry === null || !this.#isOver(entry) || this.#isShared(issue, entry)) return false;
    this.#asked.set(entry.cause, issue);
    return true;
  }

  /** Says in one line what waits for too long, or again and again; null when nothing does (I1). */
  get notice(): string | null {
    const lines = CAUSES.flatMap((cause) => this.#lineOf(cause) ?? []);
    return lines.length === 0 ? null : lines.join("; ");
  }

  figures(): { cause: WaitCause; count: number; oldest_seconds: number }[] {
    return CAUSES.map((cause) => {
      const waiting = this.#waitingFor(cause);
      const longestMs = waiting.reduce((longest, [, entry]) => Math.max(longest, this.#waitedMs(entry)), 0);
      return { cause, count: waiting.length, oldest_seconds: longestMs / 1_000 };
    });
  }

  /** Leaves out what changes with each try, because a notice that reads anew is emitted anew. */
  #lineOf(cause: WaitCause): string | null {
    // An agent that cannot run is a notice of its own, with the time of the next try.
    if (cause === "agent") return null;
    const waiting = this.#waitingFor(cause);
    const said = waiting.filter(([, entry]) => this.#isSaid(entry));
    const [first] = said;
    if (first === undefined) return waiting.length > 0 ? this.#recurrence(cause, waiting) : null;
    const { since, reason } = said.reduce((a, b) => (b[1].since < a[1].since ? b : a), first)[1];
    const asked = this.#asked.get(cause);
    const question = asked !== undefined && this.#options.isAsking(asked) ? ` (issue ${asked} asks about it)` : "";
    return `${namesOf(said.map(([issue]) => issue))} since ${since.toISOString()}: ${reason}${question}`;
  }

  #recurrence(cause: WaitCause, waiting: readonly (readonly [number, Entry])[]): string | null {
    const [newest] = waiting.toReversed();
    if (newest === undefined || cause === "merge" || this.#recentOf(cause).length < RECURRENCES_MAX) return null;
    const minutes = Math.ceil(this.#options.limitMs / 60_000);
    return `${namesOf(waiting.map(([issue]) => issue))}, as happened ${RECURRENCES_MAX} times or more within ${minutes} minutes: ${newest[1].reason}`;
  }

  /** Says whether the notice has this wait. A credential is said at once, because only a person can mend it. */
  #isSaid(entry: Entry): boolean {
    const { cause, times } = entry;
    if (cause === "git-credential" || cause === "github-credential") return true;
    return this.#isOver(entry) || (cause === "github-refused" && times >= REFUSALS_MAX);
  }

  #isShared(issue: number, { cause }: Entry): boolean {
    if (SCOPES[cause] === "repository" || (cause === "github" && !this.#options.isGitHubUp())) return true;
    const asked = this.#asked.get(cause);
    if (asked !== undefined && asked !== issue && this.#options.isAsking(asked)) return cause !== "merge";
    return cause !== "merge" && this.#waitingFor(cause).some(([other]) => other !== issue);
  }

  /**
   * Returns what the issue waits for now; null when its next try was due and was not noted, because then it queues
   * (I3).
   */
  #entryOf(issue: number): Entry | null {
    const entry = this.#entries.get(issue)?.[0];
    if (entry === undefined) return null;
    return this.#options.clock.monotonicMs() - entry.notedMs > entry.delayMs + this.#tryMs ? null : entry;
  }

  #waitingFor(cause: WaitCause): (readonly [number, Entry])[] {
    return this.issues.flatMap((issue) => {
      const entry = this.#entryOf(issue);
      return entry?.cause === cause ? [[issue, entry] as const] : [];
    });
  }

  /**
   * Counts no time whose end somebody named, as for GitHub's limit (I2). A merge names only when it is looked at again.
   */
  #waitedMs({ cause, ms, notedMs, delayMs, hasEnd }: Entry): number {
    if (hasEnd && cause !== "merge") return ms;
    return ms + Math.min(this.#options.clock.monotonicMs() - notedMs, delayMs + this.#tryMs);
  }

  #isOver(entry: Entry): boolean {
    return this.#waitedMs(entry) >= this.#limitOf(entry.cause);
  }

  get #tryMs(): number {
    return Math.max(TRY_POLLS * this.#options.pollIntervalMs, TRY_MS_MIN);
  }

  #limitOf(cause: WaitCause): number {
    const { limitMs, ciTimeoutMs } = this.#options;
    if (cause === "agent") return Infinity;
    return cause === "merge" ? limitMs + MERGE_FACTOR * ciTimeoutMs : limitMs;
  }

  #count(cause: WaitCause): void {
    this.#recent.set(cause, [...this.#recentOf(cause), this.#options.clock.monotonicMs()].slice(-RECURRENCES_MAX));
  }

  #recentOf(cause: WaitCause): readonly number[] {
    const sinceMs = this.#options.clock.monotonicMs() - this.#options.limitMs;
    return (this.#recent.get(cause) ?? []).filter((atMs) => atMs >= sinceMs);
  }
}

const CAUSES = Object.keys(SCOPES) as WaitCause[];

export function gitHubCause({ kind, retryable }: Pick<GitHubFailure, "kind" | "retryable">): WaitCause {
  if (retryable) return "github";
  return kind === "unauthorized" ? "github-credential" : "github-refused";
}

function earliest(now: Date, earlier: NewWait["earlier"]): Date {
  const sinceMs = earlier === null || earlier === undefined ? now.getTime() : Date.parse(earlier.since);
  // The clock may have been set back since.
  return new Date(Math.min(now.getTime(), sinceMs));
}

function namesOf(issues: readonly number[]): string {
  const named = issues.slice(0, ISSUES_NAMED_MAX).join(", ");
  const more = issues.length > ISSUES_NAMED_MAX ? ` and ${issues.length - ISSUES_NAMED_MAX} more` : "";
  return issues.length === 1 ? `issue ${named} waits` : `issues ${named}${more} wait`;
}
