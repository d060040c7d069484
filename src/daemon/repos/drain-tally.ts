// What became of the work that one repository had in flight when its worker was told to take no more.

import type { WorkInFlight } from "../../core/messages/drain-control.ts";

export class DrainTally {
  readonly finished: WorkInFlight[] = [];
  readonly interrupted: WorkInFlight[] = [];
  #inFlight: readonly WorkInFlight[] = [];

  /** As a draining worker says it; what it does not name any more has come to an end. */
  saw(work: readonly WorkInFlight[]): void {
    const isLeft = ({ issue, stage }: WorkInFlight): boolean =>
      work.some((other) => other.issue === issue && other.stage === stage);
    this.finished.push(...this.#inFlight.filter((item) => !isLeft(item)));
    this.#inFlight = work;
  }

  /** The worker has ended. */
  lost(): void {
    this.interrupted.push(...this.#inFlight);
    this.#inFlight = [];
  }
}
