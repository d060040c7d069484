// Each login has one budget of requests for each window, as GitHub counts it. It lives in memory only: a restart fills
// it up.

import type { Clock } from "../../core/base/clock.ts";

export interface RateLimitSettings {
  readonly limit: number;
  readonly windowMs: number;
}

export interface Budget {
  readonly limit: number;
  readonly used: number;
  readonly remaining: number;
  /** The window ends at this time, in seconds since 1970. */
  readonly reset: number;
}

export const GITHUB_RATE_LIMIT: RateLimitSettings = { limit: 5_000, windowMs: 3_600_000 };

export class RateLimiter {
  readonly #clock: Clock;
  readonly #windows = new Map<string, { used: number; resetMs: number }>();
  #settings: RateLimitSettings;

  constructor(settings: RateLimitSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  budget(login: string): Budget {
    const { used, resetMs } = this.#window(login);
    const { limit } = this.#settings;
    return { limit, used, remaining: Math.max(0, limit - used), reset: Math.ceil(resetMs / 1000) };
  }

  charge(login: string): void {
    this.#window(login).used += 1;
  }

  /** The settings are everyone's, and everyone's window starts anew. */
  change(settings: RateLimitSettings): void {
    this.#settings = settings;
    this.#windows.clear();
  }

  /** The login has nothing left until `windowMs` from now. */
  exhaust(login: string, windowMs: number): void {
    this.#windows.set(login.toLowerCase(), {
      used: this.#settings.limit,
      resetMs: this.#clock.now().getTime() + windowMs,
    });
  }

  #window(login: string): { used: number; resetMs: number } {
    const nowMs = this.#clock.now().getTime();
    const known = this.#windows.get(login.toLowerCase());
    if (known !== undefined && known.resetMs > nowMs) return known;
    const fresh = { used: 0, resetMs: nowMs + this.#settings.windowMs };
    this.#windows.set(login.toLowerCase(), fresh);
    return fresh;
  }
}

/** GitHub sends these headers with every answer. */
export function rateLimitHeaders(budget: Budget): Record<string, string> {
  return {
    "x-ratelimit-limit": String(budget.limit),
    "x-ratelimit-remaining": String(budget.remaining),
    "x-ratelimit-used": String(budget.used),
    "x-ratelimit-reset": String(budget.reset),
    "x-ratelimit-resource": "core",
  };
}
