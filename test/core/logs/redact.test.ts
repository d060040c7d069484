import { describe, expect, it } from "vitest";

import { Redactor } from "../../../src/core/logs/redact.ts";

const SECRETS = ['s3cr3t+/=value?&"quoted"', "gAAAAAB-long_token.with-dots", "pässwörd-ünïcödé", "abcdef"];

describe("redaction by value", () => {
  const redactor = new Redactor(SECRETS);

  it.each(SECRETS)("removes %j as it is, in URLs, in JSON and in hex", (secret) => {
    for (const form of [
      secret,
      encodeURIComponent(secret),
      JSON.stringify(secret),
      JSON.stringify({ a: [secret] }),
      Buffer.from(secret).toString("hex"),
    ]) {
      const clean = redactor.redact(`before ${form} after`);
      expect(clean, form).not.toContain(form);
      expect(clean, form).toMatch(/^before .*after$/);
      expect(clean, form).toContain("[redacted]");
    }
  });

  it.each(SECRETS)("removes the middle of %j in base64 at every alignment and in the URL alphabet", (secret) => {
    for (const before of ["", "x", "xy", "xyz", "user:"]) {
      for (const after of ["", "!", "!!", "trailing"]) {
        for (const alphabet of ["base64", "base64url"] as const) {
          const form = Buffer.from(`${before}${secret}${after}`).toString(alphabet);
          expect(redactor.redact(form), `${before}|${after}|${alphabet}`).toContain("[redacted]");
        }
      }
    }
  });

  it("does not take short values for secrets, or everything would be one", () => {
    expect(new Redactor(["", "a", "true", null, undefined]).redact("a true story")).toBe("a true story");
  });

  it("takes secrets that come later", () => {
    const late = new Redactor();
    late.add("a-later-secret");

    expect(late.redact("x a-later-secret y")).toBe("x [redacted] y");
  });

  it("removes the longer of two secrets whole where one contains the other", () => {
    expect(new Redactor(["secret-1", "secret-1-extended"]).redact("secret-1-extended")).toBe("[redacted]");
  });
});

describe("redaction by form", () => {
  const { redact } = new Redactor();
  const classic = `ghp_${"a1B2".repeat(9)}`;

  it.each([
    classic,
    `ghs_${"a1B2".repeat(9)}`,
    `github_pat_${"a".repeat(22)}_${"b1".repeat(29)}`,
    `sk-ant-api03-${"x".repeat(40)}`,
    `hf_${"y".repeat(34)}`,
  ])("removes the token %s", (token) => {
    for (const text of [token, `(${token})`, `a=${token};`, JSON.stringify({ token })])
      expect(redact(text)).not.toContain(token.slice(0, 20));
  });

  it.each([
    ["Authorization: Basic dXNlcjpwYXNzd29yZDEyMw==", "Authorization: Basic [redacted]"],
    ["authorization: bearer abcdefghijklmnop", "authorization: bearer [redacted]"],
    ["https://user:pass@example.com/x", "https://[redacted]@example.com/x"],
    ["https://user:@example.com/x", "https://[redacted]@example.com/x"],
    ["https://0123456789abcdef0123@example.com/x", "https://[redacted]@example.com/x"],
    [`fatal: https://x-access-token:${"p".repeat(900)}@github.com/a/b`, "fatal: https://[redacted]@github.com/a/b"],
  ])("turns %j into %j", (text, clean) => {
    expect(redact(text)).toBe(clean);
  });

  it.each([
    "ssh://git@github.com/acme/web.git",
    "http://127.0.0.1:8766/api?mail=a@b.c",
    '{"url":"http://127.0.0.1:8766","mail":"a@b.c"}',
    "http://localhost:8766#a@b",
    "commit 3f786850e387550fdab836ed7e6dc881de23001b",
    "a basic test",
    "the tokens of a bearer",
  ])("leaves %j as it is", (text) => {
    expect(redact(text)).toBe(text);
  });

  it("forgets a secret that is none any more, and keeps the others", () => {
    const redactor = new Redactor(["the-first-secret", "the-second-secret"]);
    redactor.add("the-first-secret");

    redactor.forget("the-first-secret");

    expect(redactor.redact("the-first-secret the-second-secret")).toBe("the-first-secret [redacted]");
  });

  it("keeps a line of JSON a line of JSON", () => {
    const record = {
      url: "https://u:p@h/x",
      next: "http://h:1",
      who: "a@b",
      auth: "Bearer abcdefghijklmnopqrstuvwxyz",
      token: classic,
      text: 'say "https://u:p@h" \\ @',
    };

    expect(() => JSON.parse(redact(JSON.stringify(record)))).not.toThrow();
  });

  it.each([
    ["token ", 700_000],
    ["http://a", 500_000],
    ["a:", 2_000_000],
    ["basic\t", 700_000],
    ["ghp_", 1_000_000],
    ["a://", 1_000_000],
    ["sk-", 1_300_000],
    [" ", 4_000_000],
  ])("comes to its end on millions of %j: work that grows faster than the text would not", (piece, times) => {
    expect(redact(`token http://${piece.repeat(times)}`).length).toBeGreaterThan(0);
  });
});
