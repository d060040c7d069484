// Takes the daemon out of work, for an upgrade for instance: no repository takes a new issue, and what is in flight is
// finished. It holds until it is taken back or the daemon ends; the next daemon works.

import type { ControlResult, RepoState } from "./supervisor-control.ts";

/** The longest wait is longer than any agent's turn by default. */
export const DRAIN_SECONDS_MAX = 86_400;

export interface WorkInFlight {
  readonly issue: number;
  readonly stage: string;
}

export interface DrainedRepository {
  readonly slug: string;
  readonly state: RepoState;
  /** True when nothing is in flight and nothing is taken. */
  readonly drained: boolean;
  /** Counts the issues in flight; `in_flight_work` names them as far as they are known. */
  readonly in_flight: number;
  readonly in_flight_work: readonly WorkInFlight[];
  /** The former name of `in_flight_work`, which stays for one release. */
  readonly in_hand: readonly WorkInFlight[];
  /** Lists the turns that came to their end since the drain began. */
  readonly finished: readonly WorkInFlight[];
  /** Lists the turns that were cut short with their worker since the drain began; they are in the journal, and a worker
   * that takes issues goes on with them. */
  readonly interrupted: readonly WorkInFlight[];
}

export interface DrainReport {
  readonly draining: boolean;
  /** ISO time; null while it does not drain. */
  readonly since: string | null;
  /** True when the daemon drains and every repository is drained. */
  readonly drained: boolean;
  readonly repos: readonly DrainedRepository[];
}

export interface DrainControl {
  report(): DrainReport;
  /** Begins a drain, or goes on with it; answers when everything is drained, at the timeout, or when it ends. */
  drain(timeoutMs: number, signal: AbortSignal): Promise<ControlResult<DrainReport>>;
  undrain(): DrainReport;
}
