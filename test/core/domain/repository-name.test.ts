import { createHash } from "node:crypto";

import { describe, expect, it } from "vitest";

import {
  isSameRepository,
  isSlug,
  parseRemoteUrl,
  parseRepositoryName,
  type RepositoryName,
  slugOf,
} from "../../../src/core/domain/repository-name.ts";

function named(text: string): RepositoryName {
  const parsed = parseRepositoryName(text);
  if (!parsed.ok) throw new Error(parsed.failure.message);
  return parsed.value;
}

describe("a repository name", () => {
  it.each([
    "acme/web",
    "Acme/Web.js",
    "a/b",
    `${"a".repeat(39)}/${"b".repeat(100)}`,
    "local/my_checkout",
    "a-b/c",
    "a/.github",
    "jane_acme/web",
  ])("is %s", (text) => {
    expect(named(text).fullName).toBe(text);
  });

  it.each([
    "",
    "web",
    "acme/",
    "/web",
    "acme/web/x",
    "../web",
    "acme/..",
    "acme/.",
    "acme/web.git",
    "acme/web.GIT",
    "-acme/web",
    "ac me/web",
    "acme/we b",
    "acme/web\n",
    "acme\0/web",
    "аcme/web",
    `${"a".repeat(40)}/b`,
    `a/${"b".repeat(101)}`,
    "acme/%2e%2e",
    "acme\\web/x",
  ])("is not %j", (text) => {
    expect(parseRepositoryName(text).ok).toBe(false);
  });

  it("is compared without case, as GitHub does", () => {
    expect(isSameRepository("Acme/Web", "acme/web")).toBe(true);
    expect(isSameRepository("acme/web", "acme/web2")).toBe(false);
  });
});

describe("a remote URL", () => {
  it.each([
    "https://github.com/acme/web",
    "https://github.com/acme/web.git",
    "https://github.com/acme/web/",
    "https://user:secret@github.com/acme/web.git",
    "http://127.0.0.1:8080/acme/web.git",
    "ssh://git@github.com/acme/web.git",
    "ssh://git@github.com:22/acme/web",
    "git@github.com:acme/web.git",
    "github.com:acme/web",
    "git://github.com/acme/web.git",
    "git+ssh://git@github.com/acme/web",
  ])("%s names acme/web", (url) => {
    expect(parseRemoteUrl(url)).toMatchObject({ ok: true, value: { fullName: "acme/web" } });
  });

  it.each([
    "",
    "/srv/git/acme/web.git",
    "../web",
    "file:///srv/acme/web",
    "FILE:///srv/acme/web",
    "C:acme/web",
    "https://github.com/web",
    "https://github.com",
    "git@github.com:web",
    "https://github.com/acme/..",
  ])("%j names none", (url) => {
    expect(parseRemoteUrl(url).ok).toBe(false);
  });

  it("is never repeated with the password in it", () => {
    const parsed = parseRemoteUrl("https://user:secret-password@github.com/web");

    expect(parsed.ok).toBe(false);
    expect(JSON.stringify(parsed)).not.toContain("secret-password");
  });
});

describe("a slug", () => {
  it("is owner and name in lower case", () => {
    expect(slugOf(named("Acme/Web.Js"))).toBe("acme-web.js");
  });

  it("gets six hex digits of the full name when another repository has the short one", () => {
    const taken = new Set([slugOf(named("a-b/c"))]);
    const digest = createHash("sha256").update("a/b-c").digest("hex").slice(0, 6);

    const slug = slugOf(named("a/b-c"), (short) => taken.has(short));

    expect(slugOf(named("a/b-c"))).toBe("a-b-c");
    expect(slug).toBe(`a-b-c-${digest}`);
  });

  it("is the same for one repository however its name is written", () => {
    expect(slugOf(named("Acme/Web"), () => true)).toBe(slugOf(named("acme/web"), () => true));
  });

  it("never passes the length limit, and long names that begin alike differ by their suffix", () => {
    const [one, two] = ["x", "y"].map((end) => named(`${"a".repeat(39)}/${"b".repeat(99)}${end}`));
    if (one === undefined || two === undefined) throw new Error("two names");

    expect(slugOf(one)).toHaveLength(100);
    expect(slugOf(one)).toBe(slugOf(two));
    expect(slugOf(one, () => true)).not.toBe(slugOf(two, () => true));
    expect(slugOf(two, () => true)).toHaveLength(100);
  });

  it.each(["acme-web", "a", "0", "a.b_c-d", "a".repeat(100)])("may be %s", (slug) => {
    expect(isSlug(slug)).toBe(true);
  });

  it.each([
    "",
    ".",
    "..",
    "-a",
    ".a",
    "_a",
    "A",
    "a/b",
    "a\\b",
    "a b",
    "a..b",
    "a".repeat(101),
    "a\n",
    "a\0",
    "%2e%2e",
    "ä",
    "a%2fb",
    "~a",
    "a:b",
  ])("may not be %j", (slug) => {
    expect(isSlug(slug)).toBe(false);
  });
});
