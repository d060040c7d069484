// Removes secrets by value, wherever they stand: live secrets as they are, URL-encoded, in base64 and JSON-escaped, and
// anything that has the form of a well-known token. This is a net; the wall is that agents never hold a token.

import { withoutTrailing } from "../base/trim-end.ts";

const SECRET_LENGTH_MIN = 6;
const MARK = "[redacted]";

const KNOWN_TOKENS =
  /\b(?:gh[pousr]_[A-Za-z0-9][A-Za-z0-9_.-]{15,}|github_pat_[A-Za-z0-9_]{20,}|sk-(?:ant-)?[A-Za-z0-9_-]{20,}|hf_[A-Za-z0-9]{30,})/g;
const BASIC_CREDENTIALS = /\b((?:basic|bearer|token)\s+)[A-Za-z0-9+/_=.-]{16,}/gi;
/** `user:password@`, or one long name that is a token; neither holds quotes, so that a JSON line stays one. */
const URL_CREDENTIALS =
  /(\b[a-z][a-z0-9+.-]{1,20}:\/\/)(?:[^\s/@:?#"'<>\\]{1,1024}:[^\s/@?#"'<>\\]{0,1024}|[^\s/@:?#"'<>\\]{16,1024})@/gi;

export class Redactor {
  readonly #forms = new Map<string, readonly string[]>();
  #needles: string[] = [];

  constructor(secrets: Iterable<string | null | undefined> = []) {
    for (const secret of secrets) this.add(secret);
  }

  add(secret: string | null | undefined): void {
    if (secret === null || secret === undefined || secret.length < SECRET_LENGTH_MIN) return;
    if (this.#forms.has(secret)) return;
    const bytes = Buffer.from(secret);
    const forms = [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret).slice(1, -1),
      ...base64Cores(secret, "base64"),
      ...base64Cores(secret, "base64url"),
      withoutTrailing(Buffer.from(`x-access-token:${secret}`).toString("base64"), "="),
      bytes.toString("hex"),
    ];
    this.#forms.set(secret, forms);
    this.#sort();
  }

  /** Forgets a secret long after it was replaced and ran out: each one makes every line slower. */
  forget(secret: string): void {
    if (this.#forms.delete(secret)) this.#sort();
  }

  #sort(): void {
    this.#needles = [...new Set([...this.#forms.values()].flat())].toSorted((a, b) => b.length - a.length);
  }

  /** Returns the text without secrets. */
  redact = (text: string): string => {
    let clean = text;
    for (const needle of this.#needles) clean = clean.replaceAll(needle, MARK);
    return clean
      .replace(KNOWN_TOKENS, marked)
      .replace(BASIC_CREDENTIALS, `$1${MARK}`)
      .replace(URL_CREDENTIALS, `$1${MARK}@`);
  };
}

/** Dots and dashes that a sentence puts behind a token stay. */
function marked(token: string): string {
  return `${MARK}${token.slice(withoutTrailing(token, "_.-").length)}`;
}

/** Returns the middle of the base64 text at each of the three byte alignments, which stays the same whatever surrounds
 * the secret. */
function base64Cores(secret: string, alphabet: "base64" | "base64url"): string[] {
  return [0, 1, 2].map((shift) => {
    const text = withoutTrailing(Buffer.from(`${"x".repeat(shift)}${secret}`).toString(alphabet), "=");
    return text.slice(shift === 0 ? 0 : shift + 1, text.length - 2);
  });
}
