// Remembers what GitHub said of the budget, and until when this worker must not ask at all. A limit hits the
// credential, not one request, so one refusal pauses everything: GitHub bans those who ask on.

import type { Clock } from "../../../core/base/clock.ts";
import { Deadline } from "../../../core/base/deadline.ts";
import type { RateLimit } from "../port/github.ts";
import type { ResponseHeaders } from "../port/github-failure.ts";

export class RateBudget {
  readonly #clock: Clock;
  readonly #onPause: (until: Date) => void;
  #limit: RateLimit | null = null;
  #pause: Deadline | null = null;

  constructor(clock: Clock, onPause: (until: Date) => void) {
    this.#clock = clock;
    this.#onPause = onPause;
  }

  get limit(): RateLimit | null {
    return this.#limit;
  }

  /** Returns null when requests may be sent. */
  pausedUntil(): Date | null {
    return this.#pause === null || this.#pause.hasPassed() ? null : this.#pause.at;
  }

  pause(until: Date): void {
    if (until <= (this.pausedUntil() ?? this.#clock.now())) return;
    this.#pause = new Deadline(until, this.#clock);
    this.#onPause(until);
  }

  /** GraphQL and searches have budgets of their own, which are not the one that is shown. */
  read(headers: ResponseHeaders): void {
    if ((headers["x-ratelimit-resource"] ?? "core") !== "core") return;
    const [limit, remaining, reset] = ["limit", "remaining", "reset"].map((name) =>
      Number(headers[`x-ratelimit-${name}`] ?? Number.NaN),
    );
    if (
      limit === undefined ||
      remaining === undefined ||
      reset === undefined ||
      Number.isNaN(limit + remaining + reset)
    )
      return;
    this.#limit = { limit, remaining, resetAt: new Date(reset * 1_000) };
  }
}
