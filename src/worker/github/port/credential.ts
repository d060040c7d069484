// What we show to GitHub, over REST and over git. A token may end at any time: it is asked for before each request, and
// one that GitHub refused is said to be so, once, before the next one is asked for.

import type { Redactor } from "../../../core/logs/redact.ts";
import { ok } from "../../../core/base/result.ts";
import type { Answer } from "./github.ts";

export interface Credential {
  readonly kind: "none" | "token" | "file" | "app";
  /** Null asks as nobody, which GitHub allows for public repositories. */
  token(signal: AbortSignal): Answer<string | null>;
  /** GitHub refused this token; where another may exist by now, the next call of `token` looks for it. */
  invalidate(token: string): void;
  /** The login that it acts as, where GitHub does not answer `GET /user`. Null when it cannot say. */
  login(signal: AbortSignal): Answer<string | null>;
}

export function fixedCredential(token: string | null): Credential {
  return {
    kind: token === null ? "none" : "token",
    token: () => Promise.resolve(ok(token)),
    invalidate: () => undefined,
    login: () => Promise.resolve(ok(null)),
  };
}

/** Tokens of an App change by the hour, and a late line may still hold one that has run out. */
const REDACTED_MAX = 3;

/** Every token is known to the redactor before anybody gets it. */
export function withRedaction(credential: Credential, redactor: Redactor): Credential {
  const known: string[] = [];
  return {
    kind: credential.kind,
    invalidate: (token) => credential.invalidate(token),
    login: (signal) => credential.login(signal),
    token: async (signal) => {
      const token = await credential.token(signal);
      if (!token.ok || token.value === null || known.includes(token.value)) return token;
      redactor.add(token.value);
      known.push(token.value);
      if (known.length > REDACTED_MAX) redactor.forget(known.shift() ?? "");
      return token;
    },
  };
}
