// What became of the work that one repository had in hand when its worker was told to take no more.

import type { WorkInHand } from "../../core/messages/drain-control.ts";

export class DrainTally {
  readonly finished: WorkInHand[] = [];
  readonly interrupted: WorkInHand[] = [];
  #inHand: readonly WorkInHand[] = [];

  /** As a draining worker says it; what it does not name any more has come to an end. */
  saw(work: readonly WorkInHand[]): void {
    const isLeft = ({ issue, stage }: WorkInHand): boolean =>
      work.some((other) => other.issue === issue && other.stage === stage);
    this.finished.push(...this.#inHand.filter((item) => !isLeft(item)));
    this.#inHand = work;
  }

  /** The worker has ended. */
  lost(): void {
    this.interrupted.push(...this.#inHand);
    this.#inHand = [];
  }
}
