import { describe, expect, it } from "vitest";

import { fail, ok } from "../../../../src/core/base/result.ts";
import { gitFailure } from "../../../../src/worker/git/command/git-failure.ts";
import type { FixedAccess } from "../../../../src/worker/git/remote/remote-access.ts";
import { withToken } from "../../../../src/worker/git/remote/remote-token.ts";

const signal = new AbortController().signal;

describe("A talk with the remote", () => {
  const source = (...tokens: (string | null)[]) => ({
    refused: [] as string[],
    token: () => Promise.resolve(ok(tokens[0] ?? null)),
    invalidate(token: string) {
      this.refused.push(token);
      if (tokens.length > 1) tokens.shift();
    },
  });
  const talk = (accepted: string | null, seen: (string | null)[]) => (access: FixedAccess) => {
    seen.push(access.token);
    return Promise.resolve(access.token === accepted ? ok("told") : fail(gitFailure("auth", "returned error: 401")));
  };

  it("uses a fixed token as it is", async () => {
    const seen: (string | null)[] = [];
    const access = { baseUrl: "https://github.test", token: "fixed" };

    expect((await withToken(access, talk("other", seen), signal)).ok).toBe(false);
    expect(seen).toEqual(["fixed"]);
  });

  it("is tried once more with the next token where the first was refused", async () => {
    const seen: (string | null)[] = [];
    const token = source("old", "new");

    expect(await withToken({ baseUrl: "https://github.test", token }, talk("new", seen), signal)).toEqual(ok("told"));
    expect(seen).toEqual(["old", "new"]);
    expect(token.refused).toEqual(["old"]);
  });

  it("is not tried again with the same token", async () => {
    const seen: (string | null)[] = [];

    const told = await withToken({ baseUrl: "https://github.test", token: source("old") }, talk("new", seen), signal);

    expect(told).toMatchObject({ ok: false, failure: { kind: "auth" } });
    expect(seen).toEqual(["old"]);
  });

  it.each([
    [true, "network"],
    [false, "auth"],
  ])("never begins without a token that should be there (retryable: %s)", async (retryable, kind) => {
    const token = {
      token: () => Promise.resolve(fail({ message: "the App got no token", retryable })),
      invalidate: () => undefined,
    };
    const seen: (string | null)[] = [];

    const told = await withToken({ baseUrl: "https://github.test", token }, talk("new", seen), signal);

    expect(told).toMatchObject({ ok: false, failure: { kind, retryable } });
    expect(seen).toEqual([]);
  });
});
