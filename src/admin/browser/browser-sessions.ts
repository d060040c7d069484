// Browser sessions and the one-time codes that open them. They are in memory and bounded; a restart of the daemon ends
// them all. A session lives no longer than the admin token that its code was asked with: replacing the token ends it
// too.

import type { Clock } from "../../core/base/clock.ts";
import { hashToken, newToken } from "../../core/http/bearer-token.ts";

export const LOGIN_CODE_MS = 60_000;
export const LOGIN_CODES_MAX = 16;
export const SESSION_IDLE_MS = 8 * 3_600_000;
export const SESSIONS_MAX = 32;

interface Grant {
  readonly adminHash: string;
  readonly expiresMs: number;
}

export class BrowserSessions {
  readonly #clock: Clock;
  readonly #adminHashes: () => readonly string[];
  /** The key is the hash of the code or of the cookie, so that neither stays in memory. */
  readonly #codes = new Map<string, Grant>();
  readonly #sessions = new Map<string, Grant>();

  constructor(clock: Clock, adminHashes: () => readonly string[]) {
    this.#clock = clock;
    this.#adminHashes = adminHashes;
  }

  /** Makes a code that opens one session within `LOGIN_CODE_MS`; when there are too many, the oldest is void. */
  issueCode(adminHash: string): string {
    return this.#grant(this.#codes, LOGIN_CODES_MAX, {
      adminHash,
      expiresMs: this.#clock.monotonicMs() + LOGIN_CODE_MS,
    });
  }

  /** Returns the cookie's value; undefined for a code that is unknown, used or too old. Any use voids the code. */
  openSession(code: string): string | undefined {
    const key = hashToken(code);
    const grant = this.#codes.get(key);
    this.#codes.delete(key);
    if (grant === undefined || !this.#isValid(grant)) return undefined;
    return this.#grant(this.#sessions, SESSIONS_MAX, {
      adminHash: grant.adminHash,
      expiresMs: this.#clock.monotonicMs() + SESSION_IDLE_MS,
    });
  }

  /** Checks a cookie, which counts as use: the idle time starts anew. */
  isOpen(cookie: string | undefined): boolean {
    if (cookie === undefined) return false;
    const key = hashToken(cookie);
    const grant = this.#sessions.get(key);
    if (grant === undefined) return false;
    this.#sessions.delete(key);
    if (!this.#isValid(grant)) return false;
    // The session is put back at the end, so that the first of the map is always the one unused for longest.
    this.#sessions.set(key, { ...grant, expiresMs: this.#clock.monotonicMs() + SESSION_IDLE_MS });
    return true;
  }

  #isValid(grant: Grant): boolean {
    return this.#clock.monotonicMs() < grant.expiresMs && this.#adminHashes().includes(grant.adminHash);
  }

  #grant(grants: Map<string, Grant>, countMax: number, grant: Grant): string {
    const secret = newToken();
    grants.set(hashToken(secret), grant);
    for (const oldest of [...grants.keys()].slice(0, Math.max(0, grants.size - countMax))) grants.delete(oldest);
    return secret;
  }
}
