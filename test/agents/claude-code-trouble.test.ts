import { describe, expect, it } from "vitest";

import { type StubTurn, startStubModelServer } from "../support/stub-model-server.ts";
import { driverFor, NEVER, openWorktree, PATIENT, runTurns } from "./claude-rig.ts";
import { verdict } from "./claude-script.ts";

function failing(status: number, type: string, headers: Record<string, string> = {}): StubTurn {
  return { fail: { status, type, message: "as the script says", headers } };
}

describe("the real Claude Code in trouble", () => {
  it("is auth-missing when the provider refuses the credential, and when there is none", async () => {
    await using refused = await runTurns([failing(401, "authentication_error")]);
    await using missing = await runTurns([], { environment: { PATH: process.env["PATH"] } });

    expect(refused.outcome.kind).toBe("auth-missing");
    expect(missing.outcome).toMatchObject({
      kind: "auth-missing",
      evidence: expect.stringContaining("Not logged in") as string,
    });
  });

  it("is provider-limited until the reset of a usage limit", async () => {
    const until = new Date((Math.floor(Date.now() / 1_000) + 7_200) * 1_000);
    const limited = failing(429, "rate_limit_error", {
      "anthropic-ratelimit-unified-status": "rejected",
      "anthropic-ratelimit-unified-reset": String(until.getTime() / 1_000),
      "anthropic-ratelimit-unified-representative-claim": "five_hour",
    });
    await using workshop = await openWorktree();
    await using model = await startStubModelServer([{ turns: [limited] }]);
    const environment = { PATH: process.env["PATH"], ANTHROPIC_BASE_URL: model.url, CLAUDE_CODE_OAUTH_TOKEN: "stub" };

    const outcome = await driverFor(model, { environment, extraEnvironment: Object.keys(environment) }).run(
      workshop.turn,
      workshop.emit,
      NEVER,
    );

    expect(outcome).toEqual({ kind: "provider-limited", until, evidence: expect.stringContaining("limit") as string });
  });

  it("is provider-limited when the provider is overloaded, after telling of its retries", async () => {
    await using run = await runTurns([failing(529, "overloaded_error")]);

    expect(run.outcome.kind).toBe("provider-limited");
    expect(run.workshop.events).toContainEqual({ type: "retry", attempt: 1, reason: "overloaded (529)" });
  });

  it("is stalled when the model never answers", async () => {
    await using run = await runTurns([{ hang: true }], { clocks: { ...PATIENT, silenceMs: 2_000 } });

    expect(run.outcome).toMatchObject({
      kind: "stalled",
      evidence: expect.stringContaining("wrote nothing for 2000 ms") as string,
    });
  });

  it("is a protocol error when it ends without a verdict, or with none that fits", async () => {
    const wrong = verdict({ outcome: "nonsense" });
    await using silent = await runTurns([{ text: "All done, I think." }]);
    await using stubborn = await runTurns([wrong, wrong, wrong, wrong, wrong, wrong]);

    expect(silent.outcome).toMatchObject({
      kind: "protocol-error",
      evidence: expect.stringContaining("without a verdict") as string,
    });
    expect(stubborn.outcome).toMatchObject({
      kind: "protocol-error",
      evidence: expect.stringContaining("structured output") as string,
    });
  });
});
