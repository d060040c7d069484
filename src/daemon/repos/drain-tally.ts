// Keeps account of the work that one repository had in flight when its worker was sent `drain`.

import type { WorkInFlight } from "../../core/messages/drain-control.ts";

export class DrainTally {
  readonly finished: WorkInFlight[] = [];
  readonly interrupted: WorkInFlight[] = [];
  #inFlight: readonly WorkInFlight[] = [];

  /** Takes the work that a draining worker names; work that it names no more has come to an end. */
  saw(work: readonly WorkInFlight[]): void {
    const isLeft = ({ issue, stage }: WorkInFlight): boolean =>
      work.some((other) => other.issue === issue && other.stage === stage);
    this.finished.push(...this.#inFlight.filter((item) => !isLeft(item)));
    this.#inFlight = work;
  }

  /** Counts what the ended worker had in flight as interrupted. */
  lost(): void {
    this.interrupted.push(...this.#inFlight);
    this.#inFlight = [];
  }
}
