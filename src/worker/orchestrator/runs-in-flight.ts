// The issues that this process works on now, and the word that stops one of them: a person has closed it, moved it or taken
// its label away while an agent was at work.

import type { Stage } from "../../core/domain/stage.ts";
import type { Issue } from "../github/port/github.ts";

interface InFlight {
  /** Null while no stage works on it: it is looked at, or settled. */
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

  /** Until it is disposed of. */
  take(issue: number): Disposable {
    this.#issues.set(issue, { work: null });
    return { [Symbol.dispose]: () => void this.#issues.delete(issue) };
  }

  /** Aborts, with a `TakenAway` as its reason, when a person takes the issue out of our hands before it is disposed of. */
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

  /** Whether a stage works on it. */
  isWorking(issue: number): boolean {
    return (this.#issues.get(issue)?.work ?? null) !== null;
  }

  /** Issues that a stage works on, with that stage. */
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
