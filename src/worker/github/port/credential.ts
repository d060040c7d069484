// Describes what we show to GitHub, over REST and over git. A token may end at any time: callers ask for it before each
// request, and report a token that GitHub refused, once, before they ask for the next one.

import type { Redactor } from "../../../core/logs/redact.ts";
import { ok } from "../../../core/base/result.ts";
import type { Answer } from "./github.ts";

export interface Credential {
  readonly kind: "none" | "token" | "file" | "app";
  /** Returns null to ask as nobody, which GitHub allows for public repositories. */
  token(signal: AbortSignal): Answer<string | null>;
  /** GitHub refused this token; where another may exist by now, the next call of `token` looks for it. */
  invalidate(token: string): void;
  /** Returns the login that the credential acts as where GitHub does not answer `GET /user`; null when unknown. */
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

/** Makes every token known to the redactor before anybody gets it. */
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
