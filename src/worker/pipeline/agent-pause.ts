// Holds back every run that needs an agent while the provider is at its limit or the agent has no login. There is one
// for the whole worker, because what stops one run would stop the next one too.

import type { Clock } from "../../core/base/clock.ts";
import { Deadline } from "../../core/base/deadline.ts";
import { later } from "./backoff.ts";

const PROBE_DELAY_MS = 60_000;
const PROBE_DELAY_MS_MAX = 30 * 60_000;
/** Providers limit by the week; a longer pause would only follow a clock that is wrong. */
const PAUSE_MS_MAX = 8 * 86_400_000;
/** Where work waits for the agent, a try begins within this time after the pause, and shows how things stand. */
const TRY_MS = 5 * 60_000;

export interface PauseSaid {
  readonly until: Date;
  readonly reason: string;
  /** Whoever refuses has named the end. */
  readonly hasEnd: boolean;
}

export class AgentPause {
  readonly #clock: Clock;
  /** `said` is over later than `end` where nobody knows how long the pause lasts. */
  #pause: (PauseSaid & { readonly end: Deadline; readonly saidEnd: Deadline }) | null = null;
  #refusals = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** It is null when agents may run. */
  get current(): { readonly until: Date; readonly reason: string } | null {
    return this.#pause === null || this.#pause.end.hasPassed() ? null : this.#pause;
  }

  /** Tells people of the pause. One without a known end is told of during the next try too, which may be in vain. */
  get said(): PauseSaid | null {
    return this.#pause === null || this.#pause.saidEnd.hasPassed() ? null : this.#pause;
  }

  /** Where `until` is null nobody knows the end, so one run tries again after a delay that grows. */
  pause(reason: string, until: Date | null): Date {
    // Runs that were in flight together are refused together, which counts as one refusal.
    if (this.current === null) this.#refusals += 1;
    const delayMs = Math.min(PROBE_DELAY_MS * 2 ** (this.#refusals - 1), PROBE_DELAY_MS_MAX);
    const now = this.#clock.now();
    const latest = later(now, PAUSE_MS_MAX);
    const end = new Deadline(until === null ? later(now, delayMs) : until < latest ? until : latest, this.#clock);
    const saidEnd = until === null ? new Deadline(later(end.at, TRY_MS), this.#clock) : end;
    this.#pause = { until: end.at, reason, hasEnd: until !== null, end, saidEnd };
    return end.at;
  }

  /** Ends the pause, because a turn got through. */
  clear(): void {
    this.#pause = null;
    this.#refusals = 0;
  }
}
