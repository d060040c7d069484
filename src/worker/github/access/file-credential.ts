// Reads a token from a file. A person or a program may replace it at any time: the file is read again every hour, after
// GitHub refused the token that we have, and as long as there is none.

import type { Clock } from "../../../core/base/clock.ts";
import { messageOf } from "../../../core/base/errors.ts";
import { fail, ok } from "../../../core/base/result.ts";
import { readTokenFile } from "../../../core/files/token-file.ts";
import type { Answer } from "../port/github.ts";
import type { Credential } from "../port/credential.ts";

const READ_AGAIN_MS = 3_600_000;

export class FileCredential implements Credential {
  readonly kind = "file";
  readonly #file: string;
  readonly #clock: Clock;
  #token: { readonly text: string; readonly readAtMs: number } | null = null;

  constructor(file: string, clock: Clock) {
    this.#file = file;
    this.#clock = clock;
  }

  async token(): Answer<string | null> {
    const now = this.#clock.monotonicMs();
    if (this.#token !== null && now - this.#token.readAtMs < READ_AGAIN_MS) return ok(this.#token.text);
    try {
      const text = await readTokenFile(this.#file);
      this.#token = text === undefined ? null : { text, readAtMs: now };
      return ok(text ?? null);
    } catch (error) {
      const message = messageOf(error);
      return fail({ kind: "unauthorized", message, status: 0, retryable: false, retryAt: null });
    }
  }

  invalidate(token: string): void {
    if (this.#token?.text === token) this.#token = null;
  }

  login(): Answer<string | null> {
    return Promise.resolve(ok(null));
  }
}
