// Knows the issues that this process works on now, and stops the work on one that a person has closed, moved or taken
// the label from.

import type { Stage } from "../../core/domain/stage.ts";
import type { Issue } from "../github/port/github.ts";

interface InFlight {
  /** It is null while no stage works on the issue, because it is looked at or settled. */
  work: { readonly stage: Stage; readonly stop: AbortController } | null;
}

export class RunsInFlight {
  readonly #issues = new Map<number, InFlight>();

  get size(): number {
    return this.#issues.size;
  }

  has(issue: number): boolean {
    return this.#issues.has(issue);
  }

  /** Counts the issue as in flight until the result is disposed of. */
  take(issue: number): Disposable {
    this.#issues.set(issue, { work: null });
    return { [Symbol.dispose]: () => void this.#issues.delete(issue) };
  }

  /**
   * The signal aborts, with a `TakenAway` as its reason, when a person takes the issue away before the result is
   * disposed of.
   */
  work(issue: number, stage: Stage): Disposable & { readonly signal: AbortSignal } {
    const entry = this.#issues.get(issue);
    const stop = new AbortController();
    if (entry !== undefined) entry.work = { stage, stop };
    return {
      signal: stop.signal,
      [Symbol.dispose]: () => {
        if (entry?.work?.stop === stop) entry.work = null;
      },
    };
  }

  /** Says whether a stage works on it. */
  isWorking(issue: number): boolean {
    return (this.#issues.get(issue)?.work ?? null) !== null;
  }

  /** Lists the issues that a stage works on, each with that stage. */
  working(): readonly { readonly issue: number; readonly stage: Stage }[] {
    return [...this.#issues].flatMap(([issue, { work }]) => (work === null ? [] : [{ issue, stage: work.stage }]));
  }

  stop(issue: number, reason: string): void {
    this.#issues.get(issue)?.work?.stop.abort(new TakenAway(reason));
  }
}

export class TakenAway extends Error {}

export function takenAwayReason({ state }: Issue): string {
  return state === "closed" ? "it was closed by someone else" : "its label was changed by someone else";
}
