// Taking the daemon out of work, for an upgrade for instance: no repository takes a new issue, what is in flight is
// finished. It holds until it is taken back or the daemon ends; the next daemon works.

import type { ControlResult, RepoState } from "./supervisor-control.ts";

/** Longer than any agent's turn by default. */
export const DRAIN_SECONDS_MAX = 86_400;

export interface WorkInFlight {
  readonly issue: number;
  readonly stage: string;
}

export interface DrainedRepository {
  readonly slug: string;
  readonly state: RepoState;
  /** Nothing is in flight, and nothing is taken. */
  readonly drained: boolean;
  /** Counts the issues in flight; `in_flight_work` names them as far as they are known. */
  readonly in_flight: number;
  readonly in_flight_work: readonly WorkInFlight[];
  /** The former name of `in_flight_work`, which stays for one release. */
  readonly in_hand: readonly WorkInFlight[];
  /** Since the drain began: the issue's turn at this stage came to its end. */
  readonly finished: readonly WorkInFlight[];
  /** Since the drain began: cut short with its worker; it is in the journal, and a worker that takes issues goes on with it. */
  readonly interrupted: readonly WorkInFlight[];
}

export interface DrainReport {
  readonly draining: boolean;
  /** ISO time; null while it does not drain. */
  readonly since: string | null;
  /** It drains, and so are all repositories. */
  readonly drained: boolean;
  readonly repos: readonly DrainedRepository[];
}

export interface DrainControl {
  report(): DrainReport;
  /** Begins, or goes on; answers when everything is drained, when the time is over, or when it was taken back. */
  drain(timeoutMs: number, signal: AbortSignal): Promise<ControlResult<DrainReport>>;
  undrain(): DrainReport;
}
