// Holds in state.json what one worker remembers across restarts beside GitHub's labels.
//
// I1 An update is durable before it is visible and before its promise resolves.
// I2 An update that the disk refused has changed nothing.
// I3 Updates that come together share one write, and what is kept of finished issues is bounded, so that neither months
//    nor bursts make it slow.

import type { Clock } from "../../core/base/clock.ts";
import { HydraError, messageOf } from "../../core/base/errors.ts";
import { z } from "../../core/base/schema.ts";
import { GUIDANCE_MAX, HISTORY_MAX, type IssueState, issueStateSchema, UNKNOWN_ISSUE } from "./issue-state.ts";
import { type Guess, type LoadedState, loadState, saveState, type StateDocument } from "./state-file.ts";

export type { IssueState } from "./issue-state.ts";

/** I3: the newest finished issues keep everything; older ones keep their cycle and outcome, which journal keys need. */
const FINISHED_WHOLE_MAX = 200;

type Change = (draft: Draft) => void;

interface Draft {
  readonly issues: Map<number, IssueState>;
  readonly counters: Record<string, number>;
}

interface Waiting {
  readonly change: Change;
  readonly done: PromiseWithResolvers<void>;
}

export class StateTracker implements AsyncDisposable {
  /** Tells a person in one line why the newest state could not be read; null when all is well. */
  readonly degraded: string | null;
  /** These issues were read from a former schema, in which their fields had no meaning together. */
  readonly guessed: readonly Guess[];
  readonly #path: string;
  #document: StateDocument;
  /** The text that the file holds; null when it holds no good document. */
  #text: string | null;
  #waiting: Waiting[] = [];
  #writing: Promise<void> | null = null;

  static async open(path: string, clock: Clock): Promise<StateTracker> {
    const tracker = new StateTracker(path, await loadState(path, clock));
    if (tracker.#text === null) await tracker.#change(() => undefined);
    return tracker;
  }

  private constructor(path: string, { document, text, degraded, guessed }: LoadedState) {
    this.#path = path;
    this.#text = text;
    this.#document = {
      ...document,
      issues: new Map([...document.issues].map(([number, state]) => [number, deepFreeze(state)])),
    };
    this.degraded = degraded;
    this.guessed = guessed;
  }

  /** A UUID, made once per state file. The claim owner is `<hostname>/<slug>/<instance>`. */
  get instance(): string {
    return this.#document.instance;
  }

  /** Returns a frozen entry; the defaults when the issue is unknown. */
  issue(number: number): IssueState {
    return this.#document.issues.get(number) ?? UNKNOWN_ISSUE;
  }

  issues(): ReadonlyMap<number, IssueState> {
    return this.#document.issues;
  }

  /**
   * The change is on disk when it resolves (I1). It throws STATE_NOT_WRITTEN, and has changed nothing, when the disk
   * refuses (I2).
   */
  update(number: number, change: (state: IssueState) => IssueState): Promise<void> {
    return this.#change(({ issues }) => {
      issues.set(number, deepFreeze(checked(bounded(change(issues.get(number) ?? UNKNOWN_ISSUE)))));
    });
  }

  counters(): Readonly<Record<string, number>> {
    return this.#document.counters;
  }

  /** Is as durable as `update`. */
  count(name: string, by = 1): Promise<void> {
    return this.#change(({ counters }) => {
      counters[name] = (Object.hasOwn(counters, name) ? (counters[name] ?? 0) : 0) + by;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writing !== null) await this.#writing;
  }

  #change(change: Change): Promise<void> {
    const done = Promise.withResolvers<void>();
    this.#waiting.push({ change, done });
    this.#writing ??= this.#writeAll();
    return done.promise;
  }

  async #writeAll(): Promise<void> {
    // I3: one turn of the loop gathers the updates that come together.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#writeOnce(this.#waiting.splice(0));
    this.#writing = null;
  }

  async #writeOnce(batch: readonly Waiting[]): Promise<void> {
    const draft: Draft = { issues: new Map(this.#document.issues), counters: { ...this.#document.counters } };
    const applied = batch.filter(({ change, done }) => isApplied(draft, change, done));
    if (applied.length === 0) return;
    trimFinished(draft.issues);
    const next: StateDocument = { ...draft, instance: this.#document.instance, revision: this.#document.revision + 1 };
    try {
      // I1: nobody sees the next document before the disk has it. I2: where this throws, the old one stays.
      this.#text = await saveState(this.#path, next, this.#text);
      this.#document = next;
      for (const { done } of applied) done.resolve();
    } catch (error) {
      const failure = new HydraError("STATE_NOT_WRITTEN", `${this.#path} could not be written: ${messageOf(error)}`, {
        cause: error,
      });
      for (const { done } of applied) done.reject(failure);
    }
  }
}

/** A change that throws is its caller's bug and costs nobody else their update. */
function isApplied(draft: Draft, change: Change, done: PromiseWithResolvers<void>): boolean {
  try {
    change(draft);
    return true;
  } catch (error) {
    done.reject(error);
    return false;
  }
}

/** A state that does not match the schema must not reach the file: the next start would find it damaged. */
function checked(state: IssueState): IssueState {
  const parsed = z.safeParse(issueStateSchema, state);
  if (parsed.success) return state;
  throw new HydraError(
    "INVARIANT",
    `not an issue's state: ${parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`).join("; ")}`,
  );
}

function bounded(state: IssueState): IssueState {
  if (state.history.length <= HISTORY_MAX && state.guidance.length <= GUIDANCE_MAX) return state;
  return { ...state, history: state.history.slice(-HISTORY_MAX), guidance: state.guidance.slice(-GUIDANCE_MAX) };
}

function trimFinished(issues: Map<number, IssueState>): void {
  const whole = [...issues].flatMap(([number, { way, history, cycle, pull }]) =>
    way.is === "ended" && way.onHold === null && history.length > 0
      ? [{ number, outcome: way.outcome, cycle, pull }]
      : [],
  );
  if (whole.length <= FINISHED_WHOLE_MAX) return;
  whole.sort((a, b) => a.outcome.at.localeCompare(b.outcome.at));
  for (const { number, outcome, cycle, pull } of whole.slice(0, whole.length - FINISHED_WHOLE_MAX))
    issues.set(number, deepFreeze({ ...UNKNOWN_ISSUE, cycle, pull, way: { is: "ended", outcome, onHold: null } }));
}

function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) deepFreeze(inner);
  return Object.freeze(value);
}
