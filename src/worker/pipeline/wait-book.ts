// Every wait that costs no attempt stands here: since when, how often, why, and until when. None is silent, and none lasts
// for ever: what is over the limit is asked about where it is one issue's own matter, and is a notice of the repository
// where it is everybody's. In memory; a run's `since` stands in the state as well, so that a restart is no new beginning.

import type { Clock } from "../../core/clock.ts";
import type { WaitCause } from "../../core/worker-metrics.ts";
import type { WorkerEvent } from "../event.ts";
import type { GitHubFailure } from "../github/github.ts";
import { backoffMs, later } from "./backoff.ts";

/** Waits of one cause within the limit that are too many, however short each of them is. */
const RECURRENCES_MAX = 20;
/** A refusal may be a replica that lags; one that is repeated is meant. */
const REFUSALS_MAX = 3;
const ISSUES_NAMED_MAX = 10;
/** What the merge waits for has ends of its own, and a merge queue may take this many times longer than checks. */
const MERGE_FACTOR = 6;

/** Whose matter it is: asking about one issue cannot help where every issue waits for the same. */
const SCOPES: Readonly<Record<WaitCause, "issue" | "repository">> = {
  "git-locked": "issue",
  "git-network": "repository",
  "git-credential": "repository",
  "git-base": "repository",
  "git-large-files": "repository",
  github: "issue",
  "github-credential": "repository",
  "github-refused": "repository",
  claim: "issue",
  agent: "repository",
  machine: "repository",
  merge: "issue",
  bug: "repository",
};

export interface NewWait {
  readonly cause: WaitCause;
  /** One line. */
  readonly reason: string;
  /** Null where nobody knows: a delay that grows. */
  readonly until: Date | null;
  /** How far the issue has come: a wait somewhere else is another one. */
  readonly mark: string;
  /** ISO: since when it waited in an earlier process; null when it did not. */
  readonly since?: string | null;
}

export interface Wait {
  readonly cause: WaitCause;
  readonly reason: string;
  readonly mark: string;
  readonly since: Date;
  readonly until: Date;
  /** Whether whoever is waited for has named that time. */
  readonly hasEnd: boolean;
  /** In a row. */
  readonly times: number;
}

interface Entry extends Wait {
  readonly sinceMs: number;
}

export interface WaitBookOptions {
  readonly clock: Clock;
  readonly tell: (event: WorkerEvent) => void;
  readonly limitMs: number;
  readonly ciTimeoutMs: number;
  readonly pollIntervalMs: number;
  /** Whether a question about this issue is open. */
  readonly isAsking: (issue: number) => boolean;
  /** Whether GitHub answers at all. */
  readonly isGitHubUp: () => boolean;
}

export class WaitBook {
  readonly #options: WaitBookOptions;
  readonly #entries = new Map<number, Entry>();
  /** When each cause was noted last, on the monotonic clock. */
  readonly #recent = new Map<WaitCause, number[]>();
  readonly #asked = new Map<WaitCause, number>();

  constructor(options: WaitBookOptions) {
    this.#options = options;
  }

  note(issue: number, { cause, reason, until, mark, since: earlier = null }: NewWait): Wait {
    const { clock, tell, pollIntervalMs } = this.#options;
    const before = this.#entries.get(issue);
    const now = clock.now();
    const isSame = before?.mark === mark;
    const waitedMs = before !== undefined || earlier === null ? 0 : Math.max(0, now.getTime() - Date.parse(earlier));
    const sinceMs = isSame ? before.sinceMs : clock.monotonicMs() - waitedMs;
    const times = isSame ? before.times + 1 : 1;
    const first = { cause, reason, mark, sinceMs, times };
    const leftMs = this.#limitOf(cause) - (clock.monotonicMs() - sinceMs);
    // The next try comes no later than the end of the wait.
    const delayMs = Math.min(backoffMs(times, pollIntervalMs), leftMs > 0 ? leftMs : Infinity);
    const since = isSame ? before.since : later(now, -waitedMs);
    const entry = { ...first, since, until: until ?? later(now, delayMs), hasEnd: until !== null };
    this.#entries.set(issue, entry);
    this.#count(cause);
    if (before?.cause !== cause || !isSame)
      tell({ type: "issue.waiting", issue, cause, reason, since: entry.since.toISOString() });
    return entry;
  }

  /** It goes on. With `mark` only what was noted there is over. */
  clear(issue: number, mark: string | null = null): void {
    if (mark === null || this.#entries.get(issue)?.mark === mark) this.#entries.delete(issue);
  }

  of(issue: number): Wait | null {
    return this.#entries.get(issue) ?? null;
  }

  get issues(): readonly number[] {
    return [...this.#entries.keys()];
  }

  /** Whether a person is to be asked about this issue: its wait is over the limit, and nobody else's is the same. */
  takeQuestion(issue: number): boolean {
    const entry = this.#entries.get(issue);
    if (entry === undefined || !this.#isOver(entry) || this.#isShared(issue, entry)) return false;
    this.#asked.set(entry.cause, issue);
    return true;
  }

  /** One line for people about what waits for too long, or again and again; null when nothing does. */
  get notice(): string | null {
    const lines = CAUSES.flatMap((cause) => this.#lineOf(cause) ?? []);
    return lines.length === 0 ? null : lines.join("; ");
  }

  figures(): { cause: WaitCause; count: number; oldest_seconds: number }[] {
    const nowMs = this.#options.clock.monotonicMs();
    return CAUSES.map((cause) => {
      const waiting = [...this.#entries.values()].filter((entry) => entry.cause === cause);
      const oldestMs = waiting.reduce((oldest, { sinceMs }) => Math.min(oldest, sinceMs), nowMs);
      return { cause, count: waiting.length, oldest_seconds: (nowMs - oldestMs) / 1_000 };
    });
  }

  #lineOf(cause: WaitCause): string | null {
    // An agent that cannot run is a notice of its own, with the time of the next try.
    if (cause === "agent") return null;
    const waiting = [...this.#entries].filter(([, entry]) => entry.cause === cause);
    const said = waiting.filter(([, entry]) => this.#isSaid(entry));
    const [first] = said;
    if (first === undefined) return waiting.length > 0 ? this.#recurrence(cause, waiting) : null;
    const { since, times, reason } = said.reduce((a, b) => (b[1].sinceMs < a[1].sinceMs ? b : a), first)[1];
    const asked = this.#asked.get(cause);
    const question = asked !== undefined && this.#options.isAsking(asked) ? ` (issue ${asked} asks about it)` : "";
    return `${namesOf(said.map(([issue]) => issue))} since ${since.toISOString()}, ${times} times in a row: ${reason}${question}`;
  }

  #recurrence(cause: WaitCause, waiting: readonly (readonly [number, Entry])[]): string | null {
    const [newest] = waiting.toReversed();
    if (newest === undefined || cause === "merge" || this.#recentOf(cause).length < RECURRENCES_MAX) return null;
    const minutes = Math.ceil(this.#options.limitMs / 60_000);
    return `${namesOf(waiting.map(([issue]) => issue))}, as happened ${RECURRENCES_MAX} times or more within ${minutes} minutes: ${newest[1].reason}`;
  }

  /** Only a person can mend a credential, so nothing is gained by waiting with the word. */
  #isSaid(entry: Entry): boolean {
    const { cause, times } = entry;
    if (cause === "git-credential" || cause === "github-credential") return true;
    return this.#isOver(entry) || (cause === "github-refused" && times >= REFUSALS_MAX);
  }

  #isShared(issue: number, { cause }: Entry): boolean {
    if (SCOPES[cause] === "repository" || (cause === "github" && !this.#options.isGitHubUp())) return true;
    const asked = this.#asked.get(cause);
    if (asked !== undefined && asked !== issue && this.#options.isAsking(asked)) return cause !== "merge";
    return cause !== "merge" && [...this.#entries].some(([other, entry]) => other !== issue && entry.cause === cause);
  }

  #isOver({ cause, sinceMs }: Entry): boolean {
    return this.#options.clock.monotonicMs() - sinceMs >= this.#limitOf(cause);
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

function namesOf(issues: readonly number[]): string {
  const named = issues.slice(0, ISSUES_NAMED_MAX).join(", ");
  const more = issues.length > ISSUES_NAMED_MAX ? ` and ${issues.length - ISSUES_NAMED_MAX} more` : "";
  return issues.length === 1 ? `issue ${named} waits` : `issues ${named}${more} wait`;
}
