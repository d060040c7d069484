// Looks again and again whether the preconditions of a run hold; as long as one does not, no new issue is taken.

import type { Clock } from "../../core/base/clock.ts";

const LOOK_EVERY_MS = 5_000;

/** Returns one line for people; null when all is well. */
export type Look = (signal: AbortSignal) => Promise<string | null>;

export interface PreconditionsOptions {
  readonly looks: readonly Look[];
  readonly clock: Clock;
  /** It gets the line for people, or null when all is well again. */
  readonly onChange: (problem: string | null) => void;
}

export class Preconditions {
  /** It is null as long as all is well. */
  problem: string | null = null;
  readonly #options: PreconditionsOptions;

  constructor(options: PreconditionsOptions) {
    this.#options = options;
  }

  /** Looks until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#options.clock.sleep(LOOK_EVERY_MS, signal).catch(() => undefined);
      if (!signal.aborted) await this.look(signal);
    }
  }

  async look(signal: AbortSignal): Promise<void> {
    const found = await Promise.all(this.#options.looks.map((look) => look(signal)));
    const first = found.find((problem) => problem !== null);
    const problem = first === undefined ? null : `no new issue is taken: ${first}`;
    if (problem === this.problem) return;
    this.problem = problem;
    this.#options.onChange(problem);
  }
}
