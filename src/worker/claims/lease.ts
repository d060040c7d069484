// Holds one claim and renews it at half its lease.
//
// I1 The claim is lost the moment its lease has run out, whatever a request in flight may still bring.
// I2 A renewal counts only when it was answered before that.
// I3 A lease is valid only when both clocks say so: the monotonic one stands still while a machine sleeps, the wall
//    clock may be set back.

import type { Clock } from "../../core/base/clock.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import type { Stage } from "../../core/domain/stage.ts";
import type { GitHubFailure } from "../github/port/github.ts";

/** After a failed renewal the next try comes after this part of the lease. */
const RETRY_SHARE = 0.1;

export interface LeaseTerm {
  readonly stage: Stage;
  /** The comment shows this time. */
  readonly expiresAt: Date;
  /** Both have the safety margin taken off (I3): the first is on the wall clock, the second on the monotonic one. */
  readonly validUntil: Date;
  readonly validUntilMs: number;
}

/** I3: both clocks must agree. */
export function isLeaseValid({ validUntil, validUntilMs }: LeaseTerm, clock: Clock): boolean {
  return clock.monotonicMs() < validUntilMs && clock.now() < validUntil;
}

export interface LeasePorts {
  /** Edits the comment, and returns the lease that it then shows. */
  readonly write: (stage: Stage, signal: AbortSignal) => Promise<Result<LeaseTerm, GitHubFailure>>;
  /** Takes null when the claim is lost. */
  readonly remember: (expiresAt: Date | null) => Promise<void>;
  readonly lose: () => void;
}

export class Lease implements AsyncDisposable {
  readonly issue: number;
  readonly owner: string;
  readonly commentId: number;
  readonly #clock: Clock;
  readonly #leaseMs: number;
  readonly #ports: LeasePorts;
  readonly #lost = new AbortController();
  readonly #ended = new AbortController();
  readonly #loop: Promise<unknown>;
  #term: LeaseTerm;
  #watch = new AbortController();
  #tail: Promise<unknown> = Promise.resolve();

  constructor(
    claim: LeaseTerm & { issue: number; owner: string; commentId: number; clock: Clock; leaseMs: number },
    ports: LeasePorts,
  ) {
    this.issue = claim.issue;
    this.owner = claim.owner;
    this.commentId = claim.commentId;
    this.#clock = claim.clock;
    this.#leaseMs = claim.leaseMs;
    this.#ports = ports;
    this.#term = claim;
    this.#watchTerm();
    this.#loop = this.#renewAlways().catch(() => undefined);
  }

  get stage(): Stage {
    return this.#term.stage;
  }

  get expiresAt(): Date {
    return this.#term.expiresAt;
  }

  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Returns false from the end of the lease on; then `lost` is aborted too (I1). */
  isValid(): boolean {
    if (!this.#lost.signal.aborted && !isLeaseValid(this.#term, this.#clock)) this.#lose();
    return !this.#lost.signal.aborted;
  }

  /** Makes one edit after the other; the newest stage wins. */
  renew(stage: Stage, signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    const done = this.#tail.then(() => this.#renewOnce(stage, signal));
    this.#tail = done.catch(() => undefined);
    return done;
  }

  /** Stops renewing; the claim on GitHub stays as it is. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort();
    this.#watch.abort();
    await this.#loop;
    await this.#tail;
  }

  async #renewOnce(stage: Stage, signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    if (!this.isValid()) return fail(lostFailure());
    const written = await this.#ports
      .write(stage, AbortSignal.any([signal, this.#lost.signal]))
      .catch((error: unknown) => {
        if (this.#lost.signal.aborted) return fail(lostFailure());
        throw error;
      });
    if (!written.ok) return written;
    // I2: an answer that came after the end of the lease renews nothing.
    if (!this.isValid()) return fail(lostFailure());
    this.#term = written.value;
    this.#watchTerm();
    await this.#ports.remember(written.value.expiresAt);
    return ok();
  }

  async #renewAlways(): Promise<void> {
    for (let waitMs = this.#leaseMs / 2; ; ) {
      await this.#clock.sleep(waitMs, this.#ended.signal);
      if (this.#lost.signal.aborted) return;
      const renewed = await this.renew(this.stage, this.#ended.signal).catch(() => fail(lostFailure()));
      waitMs = this.#leaseMs * (renewed.ok ? 0.5 : RETRY_SHARE);
    }
  }

  /** I1: the end of the lease aborts `lost` without anybody having to ask. */
  #watchTerm(): void {
    this.#watch.abort();
    this.#watch = new AbortController();
    const left = this.#term.validUntilMs - this.#clock.monotonicMs();
    this.#clock.sleep(left, this.#watch.signal).then(
      () => this.#lose(),
      () => undefined,
    );
  }

  #lose(): void {
    this.#watch.abort();
    this.#lost.abort();
    this.#ports.lose();
    this.#tail = this.#tail.then(() => this.#ports.remember(null)).catch(() => undefined);
  }
}

function lostFailure(): GitHubFailure {
  return {
    kind: "conflict",
    message: "the claim ran out before it was renewed",
    status: 0,
    retryable: true,
    retryAt: null,
  };
}
