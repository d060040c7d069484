import { describe, expect, it } from "vitest";

import { gitHubFailure, type RefusedRequest } from "../../../../src/worker/github/port/github-failure.ts";

const NOW = new Date("2026-05-01T12:00:00Z");
const refused = (status: number, headers: RefusedRequest["headers"] = {}, message = "no"): RefusedRequest => ({
  status,
  headers,
  message,
});
const inSeconds = (seconds: number) => new Date(NOW.getTime() + seconds * 1_000);

describe("gitHubFailure", () => {
  it.each([
    [0, "unreachable", true],
    [400, "invalid", false],
    [401, "unauthorized", false],
    [403, "forbidden", false],
    [404, "not-found", false],
    [405, "conflict", false],
    [409, "conflict", false],
    [410, "not-found", false],
    [422, "invalid", false],
    [451, "forbidden", false],
    [500, "server", true],
    [503, "server", true],
  ])("calls %i %s", (status, kind, retryable) => {
    expect(gitHubFailure(refused(status), NOW)).toMatchObject({ kind, retryable, status, retryAt: null });
  });

  const reset = String(NOW.getTime() / 1_000 + 300);
  it.each([
    ["429 without a time", refused(429), inSeconds(60)],
    ["429 with retry-after", refused(429, { "retry-after": "7" }), inSeconds(7)],
    [
      "403 with retry-after",
      refused(403, { "retry-after": "7", "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset }),
      inSeconds(7),
    ],
    [
      "403 with nothing left",
      refused(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset }),
      inSeconds(300),
    ],
    [
      "a server whose clock is 100 s ahead",
      refused(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": reset, date: inSeconds(100).toUTCString() }),
      inSeconds(200),
    ],
    [
      "403 that speaks of a secondary limit",
      refused(
        403,
        { "x-ratelimit-remaining": "10", "x-ratelimit-reset": reset },
        "You have exceeded a secondary rate limit",
      ),
      inSeconds(60),
    ],
    ["a reset long gone", refused(403, { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1" }), NOW],
    ["a wait of a year", refused(429, { "retry-after": "31536000" }), inSeconds(3_600)],
  ])("says when to ask again after %s", (_name, request, expected) => {
    expect(gitHubFailure(request, NOW)).toMatchObject({ kind: "rate-limited", retryable: true, retryAt: expected });
  });

  it("takes a base branch that moved during the merge for retryable", () => {
    const message = "Base branch was modified. Review and try the merge again.";

    expect(gitHubFailure(refused(405, {}, message), NOW)).toMatchObject({ kind: "conflict", retryable: true });
  });

  it("bounds and flattens the message", () => {
    const { message } = gitHubFailure(refused(502, {}, `<html>\n${"x".repeat(10_000)}`), NOW);

    expect(message.length).toBe(500);
    expect(message).not.toContain("\n");
  });
});
