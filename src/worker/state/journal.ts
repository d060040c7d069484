// Records every effect on the outside world (label, comment, push, pull request, merge) as intent, act, result, under a
// key that a restarted worker makes again. So an effect happens once however often the process dies.
//
// I1 A result is returned without a call.
// I2 An intent without a result is looked up before anything is done.
// I3 The intent is on disk before the act begins.
// I4 A refusal frees the key only when it surely had no effect.

import { AppendLog } from "../../core/files/append-log.ts";
import type { Clock } from "../../core/base/clock.ts";
import { exists, removeTemporaries } from "../../core/files/durable-file.ts";
import { ok, type Result } from "../../core/base/result.ts";

const BYTES_MAX = 16_777_216;
/** The journal looks for what it may forget above so many keys; after a look the limit is twice what was left. */
const KEYS_MIN = 1_000;

export interface EffectSteps<T, F> {
  /** Says whether the effect happened already; null means that it did not. */
  readonly look: (signal: AbortSignal) => Promise<Result<T | null, F>>;
  readonly act: (signal: AbortSignal) => Promise<Result<T, F>>;
  /** The look is made even where the journal knows of no attempt. */
  readonly alwaysLook?: boolean;
}

export interface JournalOptions {
  /** Returns true when nothing about this issue will be asked again, so that its results may be dropped. */
  readonly mayForget?: (issue: number) => boolean;
}

type JournalRecord =
  | { readonly key: string; readonly at: string; readonly kind: "intent" }
  | { readonly key: string; readonly at: string; readonly kind: "result"; readonly value: unknown }
  /** The effect surely did not happen, and the key is free again (I4). */
  | { readonly key: string; readonly at: string; readonly kind: "refused"; readonly reason: string };

/** The last word on each key; a refused key has none. */
type Entry = Exclude<JournalRecord, { kind: "refused" }>;
type Entries = Map<string, Entry>;

export class Journal implements AsyncDisposable {
  /** Tells a person in one line that records were lost to damage, maybe an intent; null when all is well. */
  readonly degraded: string | null;
  readonly #log: AppendLog<JournalRecord>;
  readonly #clock: Clock;
  readonly #entries: Entries;
  /** The entries that are intents: each move of a label asks for them. */
  readonly #open: Entries;
  readonly #options: JournalOptions;
  readonly #inFlight = new Map<string, Promise<unknown>>();
  #forgetAbove = KEYS_MIN;

  static async open(path: string, clock: Clock, options: JournalOptions = {}): Promise<Journal> {
    const entries: Entries = new Map();
    const keep = (record: JournalRecord) => isNeeded(record, entries, options);
    const log = await AppendLog.open<JournalRecord>(path, { bytesMax: BYTES_MAX, keep });
    await removeTemporaries(path);
    for (const record of log.records) remember(entries, record);
    const evidence = `${path}.damaged`;
    const degraded = (await exists(evidence))
      ? `the journal was damaged; the lines are in ${evidence}, and every effect is looked up first until that file is gone`
      : null;
    return new Journal(log, entries, { ...options, clock, degraded });
  }

  private constructor(
    log: AppendLog<JournalRecord>,
    entries: Entries,
    options: JournalOptions & { readonly clock: Clock; readonly degraded: string | null },
  ) {
    this.#log = log;
    this.#clock = options.clock;
    this.#entries = entries;
    this.#open = new Map([...entries].filter(([, { kind }]) => kind === "intent"));
    this.#options = options;
    this.degraded = options.degraded;
  }

  /**
   * Makes one outside effect, once per key over crashes; `T` must survive JSON. A failure that is not retryable had no
   * effect and frees the key; any other may have had one, so the intent stays open and the next call looks first. A
   * throw, for instance an abort, leaves it open too.
   */
  async effect<T, F extends { readonly retryable: boolean }>(
    key: string,
    steps: EffectSteps<T, F>,
    signal: AbortSignal,
  ): Promise<Result<T, F>> {
    for (let other = this.#inFlight.get(key); other !== undefined; other = this.#inFlight.get(key)) await other;
    const running = this.#run(key, steps, signal);
    const settled = running.then(
      () => undefined,
      () => undefined,
    );
    this.#inFlight.set(key, settled);
    try {
      return await running;
    } finally {
      this.#inFlight.delete(key);
    }
  }

  /** Lists the effects of which nobody knows yet whether they happened, oldest first. */
  pending(): readonly { readonly key: string; readonly at: string }[] {
    return [...this.#open.values()].map(({ key, at }) => ({ key, at }));
  }

  /** Lists every key with this prefix that has an intent or a result. */
  keys(prefix: string): string[] {
    return [...this.#entries.keys()].filter((key) => key.startsWith(prefix));
  }

  /** Closes an open intent without an effect: something else has taken its place. */
  async abandon(key: string, reason: string): Promise<void> {
    if (this.#entries.get(key)?.kind === "intent")
      await this.#append({ key, at: this.#now(), kind: "refused", reason });
  }

  /** Returns the highest cycle in any key of this issue, or 0. A worker that lost state.json must go on above it. */
  lastCycle(issue: number): number {
    return this.keys(`${issue}.`).reduce((highest, key) => Math.max(highest, cycleOf(key)), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#inFlight.values());
    await this.#log[Symbol.asyncDispose]();
  }

  async #run<T, F extends { readonly retryable: boolean }>(
    key: string,
    steps: EffectSteps<T, F>,
    signal: AbortSignal,
  ): Promise<Result<T, F>> {
    const entry = this.#entries.get(key);
    // I1: the effect is known to have happened.
    if (entry?.kind === "result") return ok(entry.value as T);
    // I2: nobody knows how the attempt before has ended.
    if (entry?.kind === "intent" || steps.alwaysLook === true || this.degraded !== null) {
      const found = await steps.look(signal);
      if (!found.ok) return found;
      if (found.value !== null) return this.#settle(key, found.value);
    }
    // I3: the append resolves when the disk has it.
    if (entry === undefined) await this.#append({ key, at: this.#now(), kind: "intent" });
    const done = await steps.act(signal);
    if (done.ok) return this.#settle(key, done.value);
    // I4: such a failure cannot have had an effect.
    if (!done.failure.retryable)
      await this.#append({ key, at: this.#now(), kind: "refused", reason: JSON.stringify(done.failure).slice(0, 500) });
    return done;
  }

  async #settle<T>(key: string, value: T): Promise<Result<T, never>> {
    await this.#append({ key, at: this.#now(), kind: "result", value });
    return ok(value);
  }

  async #append(record: JournalRecord): Promise<void> {
    await this.#log.append(record, "durable");
    remember(this.#entries, record);
    this.#open.delete(record.key);
    if (record.kind === "intent") this.#open.set(record.key, record);
    if (this.#entries.size > this.#forgetAbove) await this.#forget();
  }

  /** One result of an ended issue stays, so that `lastCycle` can still answer. */
  async #forget(): Promise<void> {
    const newest = new Map<number, string>();
    for (const key of this.#entries.keys()) {
      const issue = Number.parseInt(key, 10);
      if (cycleOf(key) >= cycleOf(newest.get(issue) ?? "")) newest.set(issue, key);
    }
    for (const [key, { kind }] of this.#entries) {
      const issue = Number.parseInt(key, 10);
      if (kind === "result" && newest.get(issue) !== key && this.#options.mayForget?.(issue) === true)
        this.#entries.delete(key);
    }
    this.#forgetAbove = Math.max(KEYS_MIN, 2 * this.#entries.size);
    // Records that the disk does not let go now stay in the file for another time; nothing is lost by that.
    await this.#log.compact((record) => this.#entries.get(record.key) === record).catch(() => undefined);
  }

  #now(): string {
    return this.#clock.now().toISOString();
  }
}

function cycleOf(key: string): number {
  return Number(/^\d+\.(\d+)\//.exec(key)?.[1] ?? 0);
}

/** Open intents are always needed, results as long as the issue may ask for them, superseded records never. */
function isNeeded(record: JournalRecord, entries: Entries, { mayForget }: JournalOptions): boolean {
  if (entries.get(record.key) !== record) return false;
  return record.kind === "intent" || mayForget?.(Number.parseInt(record.key, 10)) === false;
}

function remember(entries: Entries, record: JournalRecord): void {
  entries.delete(record.key);
  if (record.kind !== "refused") entries.set(record.key, record);
}
