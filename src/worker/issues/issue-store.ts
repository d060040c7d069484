// Knows the open issues with a stage label as GitHub last showed them in full and incremental syncs, and which are in
// flight.
//
// I1 What we did ourselves counts more than a poll that may have been asked before it.
// I2 A failed sync changes nothing.

import type { Clock } from "../../core/base/clock.ts";
import { ok, type Result } from "../../core/base/result.ts";
import { hasLabel, type Stage, STAGES, stageLabelsOf, stageOfLabel } from "../../core/domain/stage.ts";
import type { WorkerEvent } from "../events/event.ts";
import type { GitHub, GitHubFailure, Issue } from "../github/port/github.ts";
import { Deadline } from "../../core/base/deadline.ts";

const DEFER_MS_MAX = 3_600_000;
/** Each incremental sync asks for this much once more, for what GitHub's replicas show late. */
const OVERLAP_MS = 60_000;
/** A poll that shows other labels than our own last move is taken for a late one for this long (I1). */
const DISTRUST_MS = 60_000;

export interface IssueStoreOptions {
  readonly github: GitHub;
  readonly labelPrefix: string;
  readonly clock: Clock;
  readonly emit: (event: WorkerEvent) => void;
  readonly syncIntervalMs: number;
  readonly fullSyncIntervalMs: number;
  /** Says whether an issue may be taken now; for instance false before its `retryAt`. Default: always. */
  readonly isDue?: (issue: Issue, stage: Stage, now: Date) => boolean;
}

export interface LastSync {
  /** It is the ISO time of the last attempt; null before the first. */
  readonly at: string | null;
  readonly ok: boolean;
  readonly problem: string | null;
}

export interface StageQueue {
  readonly queued: readonly Issue[];
  readonly active: readonly Issue[];
}

interface Entry {
  issue: Issue;
  /** It was taken for this stage; null while it is not in flight. */
  activeIn: Stage | null;
  /** The issue is not taken before this end. */
  deferred: Deadline | null;
  /** We put it ourselves then, on the monotonic clock and as a count; null when GitHub's word stands. */
  put: { readonly atMs: number; readonly version: number } | null;
  /** It is true when GitHub does not show it any more while it is in flight. */
  gone: boolean;
}

export class IssueStore {
  readonly #options: IssueStoreOptions;
  readonly #entries = new Map<number, Entry>();
  readonly #listeners = new Set<() => void>();
  #version = 0;
  #syncing: Promise<Result<undefined, GitHubFailure>> | null = null;
  #lastSync: LastSync = { at: null, ok: false, problem: null };
  #lastAttemptMs: number | null = null;
  #lastFullMs: number | null = null;
  #lastGoodMs: number | null = null;
  /** It is the newest `updatedAt` that GitHub has shown. */
  #newest: string | null = null;

  constructor(options: IssueStoreOptions) {
    this.#options = options;
  }

  /** GitHub last answered a listing well then, on the monotonic clock; null before the first time. */
  get lastGoodMs(): number | null {
    return this.#lastGoodMs;
  }

  get lastSync(): LastSync {
    return this.#lastSync;
  }

  /** Syncs when the interval has passed, or at once with `force`. Calls that overlap share one sync. */
  refresh(
    signal: AbortSignal,
    { force = false }: { readonly force?: boolean } = {},
  ): Promise<Result<undefined, GitHubFailure>> {
    const now = this.#options.clock.monotonicMs();
    const isFresh = this.#lastAttemptMs !== null && now - this.#lastAttemptMs < this.#options.syncIntervalMs;
    if (this.#syncing === null && isFresh && !force) return Promise.resolve(ok());
    this.#syncing ??= this.#sync(signal).finally(() => {
      this.#syncing = null;
    });
    return this.#syncing;
  }

  /**
   * Takes the oldest issue that may be taken; it is in flight until `release`. An issue with several stage labels
   * stands in the queue of the most advanced one that has a stage: whoever takes it claims it and calls
   * LabelMover.reconcile.
   */
  take(stage: Stage, now: Date): Issue | undefined {
    const isDue = this.#options.isDue ?? (() => true);
    for (const entry of this.#queueOf(stage)) {
      if (entry.activeIn !== null || entry.deferred?.hasPassed() === false || !isDue(entry.issue, stage, now)) continue;
      entry.activeIn = stage;
      entry.deferred = null;
      this.#changed();
      return entry.issue;
    }
    return undefined;
  }

  release({ number }: Pick<Issue, "number">): void {
    const entry = this.#entries.get(number);
    if (entry === undefined) return;
    entry.activeIn = null;
    if (entry.gone || !this.#isOurs(entry.issue)) this.#entries.delete(number);
    this.#changed();
  }

  /**
   * Keeps the issue from being taken before `until`, for an hour at most: the time may be by another worker's clock.
   */
  defer({ number }: Pick<Issue, "number">, until: Date): void {
    const { clock } = this.#options;
    const end = new Date(Math.min(until.getTime(), clock.now().getTime() + DEFER_MS_MAX));
    const entry = this.#entries.get(number);
    if (entry !== undefined) entry.deferred = new Deadline(end, clock);
  }

  /** Takes in what we know better than the last poll, for instance after our own move or close (I1). */
  put(issue: Issue): void {
    this.#version += 1;
    this.#set(issue, { atMs: this.#options.clock.monotonicMs(), version: this.#version });
    this.#changed();
  }

  find(number: number): Issue | undefined {
    return this.#entries.get(number)?.issue;
  }

  /** Returns the issue as it stands in the queue of this stage; undefined when it does not, or is in flight. */
  findQueued(number: number, stage: Stage): Issue | undefined {
    const entry = this.#entries.get(number);
    return entry?.activeIn === null && this.#stageOf(entry) === stage ? entry.issue : undefined;
  }

  /** Lists issues in flight that GitHub shows closed, gone, or without the label of the stage that took them. */
  strayed(): readonly number[] {
    return [...this.#entries.values()]
      .filter(
        (entry) =>
          entry.activeIn !== null &&
          (entry.gone || !this.#isOurs(entry.issue) || this.#stageOf(entry) !== entry.activeIn),
      )
      .map(({ issue }) => issue.number);
  }

  /**
   * Returns the queues, oldest first. An issue in flight stands in the stage that took it, whatever its labels say by
   * now.
   */
  queues(): Record<Stage, StageQueue> {
    const entries = [...this.#entries.values()].toSorted(byAge);
    const queueOf = (stage: Stage): StageQueue => ({
      queued: entries
        .filter((entry) => entry.activeIn === null && this.#stageOf(entry) === stage)
        .map(({ issue }) => issue),
      active: entries.filter((entry) => entry.activeIn === stage).map(({ issue }) => issue),
    });
    return Object.fromEntries(STAGES.map((stage) => [stage, queueOf(stage)])) as Record<Stage, StageQueue>;
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) };
  }

  async #sync(signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    const { github, clock, emit, fullSyncIntervalMs } = this.#options;
    const startedMs = clock.monotonicMs();
    const version = this.#version;
    const full =
      this.#newest === null || this.#lastFullMs === null || startedMs - this.#lastFullMs >= fullSyncIntervalMs;
    this.#lastAttemptMs = startedMs;
    const listed = await github.listIssues(full ? null : this.#since(), signal);
    const at = clock.now().toISOString();
    // I2
    if (!listed.ok) {
      const { status, message } = listed.failure;
      this.#lastSync = { at, ok: false, problem: message };
      emit({ type: "github.failed", request: "list issues", status, message });
      return listed;
    }
    const changed = this.#apply(listed.value, full, version);
    if (full) this.#lastFullMs = startedMs;
    this.#lastGoodMs = startedMs;
    this.#lastSync = { at, ok: true, problem: null };
    if (full || changed) emit({ type: "store.synced", issues: this.#entries.size, full });
    if (changed) this.#changed();
    return ok();
  }

  /** Returns true when anything has changed. `version` is what we had put when the question was asked (I1). */
  #apply(listed: readonly Issue[], full: boolean, version: number): boolean {
    let changed = false;
    for (const issue of listed) {
      if (this.#newest === null || issue.updatedAt > this.#newest) this.#newest = issue.updatedAt;
      const known = this.#entries.get(issue.number);
      if (known !== undefined) known.gone = false;
      if (known !== undefined && (isSame(known.issue, issue) || this.#isLate(known, issue, version))) continue;
      if (known === undefined && !this.#isOurs(issue)) continue;
      this.#set(issue, null);
      changed = true;
    }
    return (full && this.#dropMissing(new Set(listed.map(({ number }) => number)), version)) || changed;
  }

  #isLate({ issue: known, put }: Entry, listed: Issue, version: number): boolean {
    if (listed.updatedAt < known.updatedAt) return true;
    if (put === null) return false;
    if (put.version > version) return true;
    const hasNewerWord = listed.updatedAt > known.updatedAt || sameLabels(known, listed);
    return !hasNewerWord && this.#options.clock.monotonicMs() - put.atMs < DISTRUST_MS;
  }

  /** A full listing has all open issues: what it lacks is closed, unless we learned of it after the question. */
  #dropMissing(listed: ReadonlySet<number>, version: number): boolean {
    let changed = false;
    for (const [number, entry] of this.#entries) {
      if (listed.has(number) || (entry.put?.version ?? 0) > version) continue;
      if (entry.activeIn === null) changed = this.#entries.delete(number);
      else entry.gone = true;
    }
    return changed;
  }

  #set(issue: Issue, put: Entry["put"]): void {
    const entry = this.#entries.get(issue.number);
    const before = entry === undefined ? undefined : this.#stageOf(entry);
    if (!this.#isOurs(issue) && (entry === undefined || entry.activeIn === null)) {
      this.#entries.delete(issue.number);
      return;
    }
    const next: Entry = {
      activeIn: entry?.activeIn ?? null,
      deferred: entry?.deferred ?? null,
      issue,
      put,
      gone: false,
    };
    this.#entries.set(issue.number, next);
    const stage = this.#stageOf(next);
    if (stage !== undefined && before === undefined)
      this.#options.emit({ type: "issue.found", issue: issue.number, stage, title: issue.title });
  }

  #queueOf(stage: Stage): Entry[] {
    return [...this.#entries.values()]
      .filter((entry) => entry.issue.state === "open" && this.#stageOf(entry) === stage)
      .toSorted(byAge);
  }

  /** Says whether the issue is open and has a stage label; the repository's other issues are none of our business. */
  #isOurs(issue: Issue): boolean {
    return issue.state === "open" && stageLabelsOf(issue.labels, this.#options.labelPrefix).length > 0;
  }

  /** Picks the stage of the most advanced label that has one; ended issues (`fixed`, `dup` alone) have none. */
  #stageOf({ issue }: Entry): Stage | undefined {
    return stageLabelsOf(issue.labels, this.#options.labelPrefix)
      .map(stageOfLabel)
      .findLast((stage) => stage !== undefined);
  }

  #since(): string {
    return `${new Date(Date.parse(this.#newest ?? "") - OVERLAP_MS).toISOString().slice(0, 19)}Z`;
  }

  #changed(): void {
    for (const listener of this.#listeners) listener();
  }
}

function byAge(a: Entry, b: Entry): number {
  return a.issue.createdAt.localeCompare(b.issue.createdAt) || a.issue.number - b.issue.number;
}

function isSame(a: Issue, b: Issue): boolean {
  return (
    a.updatedAt === b.updatedAt && a.state === b.state && a.title === b.title && a.body === b.body && sameLabels(a, b)
  );
}

function sameLabels(a: Issue, b: Issue): boolean {
  return a.labels.length === b.labels.length && a.labels.every((label) => hasLabel(b.labels, label));
}
