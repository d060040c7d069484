// Agent CLIs have said sentences of this kind, and each means something. The clock stands at half past two, UTC.

import { describe, expect, it } from "vitest";

import { readWords } from "../../../../src/worker/agent/contract/agent-words.ts";
import { resetTimeIn } from "../../../../src/worker/agent/contract/reset-time.ts";
import { cpuMs } from "../../../support/cpu-time.ts";

const NOW = new Date("2026-11-29T14:30:00Z");
const EPOCH = 1_796_000_000;

function kindOf(sentence: string): string | undefined {
  return readWords({ byCli: [sentence], last: "", now: NOW })?.kind;
}

describe("What an agent's CLI says", () => {
  it.for([
    "You've hit your weekly limit · resets Dec 3, 9am (Europe/Paris)",
    "You’ve hit your limit for Claude messages. Limits will reset at 9:30 AM.",
    `Claude AI usage limit reached|${EPOCH}`,
    "5-hour limit reached ∙ resets 3pm",
    "You've hit your session limit · resets 5:40pm (Europe/Berlin) /login to switch to an API account",
    "You're out of extra usage · resets 6pm (UTC)",
    "This request would exceed your account's rate limit. Please try again later.",
    "You've hit your usage limit. Visit https://example.test/usage to purchase more credits or try again later.",
    "stream error: exceeded retry limit, last status: 429 Too Many Requests",
    'API Error: {"error":{"code":429,"message":"Resource has been exhausted (e.g. check quota).","status":"RESOURCE_EXHAUSTED"}}',
    "You exceeded your current quota, please check your plan. Please retry in 15.002899939s.",
    "You have exhausted your capacity on this model. Your quota will reset after 3h20m5s.",
    "Rate limit reached for the model on tokens per min (TPM): Limit 30000, Used 30000.",
    "Monthly usage limit reached.",
  ])("means a limit: %s", (sentence) => {
    expect(kindOf(sentence)).toBe("provider-limited");
  });

  it.for([
    'API Error: 529 {"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    "API Error: 500 Internal server error",
    "We're currently experiencing high demand, which may cause temporary errors.",
    "Selected model is at capacity. Please try a different model.",
    "The model is overloaded. Please try again later.",
    "unexpected status 503 Service Unavailable",
    "API Error: Connection error.",
  ])("means that the provider cannot answer: %s", (sentence) => {
    expect(kindOf(sentence)).toBe("overloaded");
  });

  it.for([
    "Invalid API key · Please run /login",
    "Invalid API key · Fix external API key",
    "OAuth token has expired · Please run /login",
    "Not logged in · Please run /login",
    "Your access token could not be refreshed because your refresh token was revoked. Please sign in again.",
    "unexpected status 401 Unauthorized: Missing bearer authentication in header",
    "Please set an Auth method in your settings or specify GEMINI_API_KEY",
    "Run `codex login` to continue",
    "Please run opencode auth login",
    "API key not valid. Please pass a valid API key.",
    "Your organization has been disabled.",
  ])("means a lost login: %s", (sentence) => {
    expect(kindOf(sentence)).toBe("auth-missing");
  });

  it.for([
    "Credit balance is too low",
    "You've reached your spending limit",
    "Quota exceeded. Check your plan and billing details.",
    "insufficient_quota",
    "Insufficient balance. Manage your billing here",
  ])("means that the money is spent: %s", (sentence) => {
    expect(kindOf(sentence)).toBe("budget-exceeded");
  });

  it("is a refusal", () => {
    expect(kindOf("API Error: unable to respond to this request, which appears to violate our Usage Policy")).toBe(
      "refused",
    );
  });

  it.for([
    "it went wrong",
    "TypeError: x is undefined at src/limit.ts:429:12",
    "Segmentation fault",
    "",
    "npm warn old",
  ])("means none of these: %s", (sentence) => {
    expect(kindOf(sentence)).toBeUndefined();
  });

  it("counts by who says it, and is given back as it was said", () => {
    const words = readWords({
      byCli: ["", "it went wrong\n  Not logged in  ", "Overloaded"],
      last: "usage limit reached",
      now: NOW,
    });

    expect(words).toEqual({ kind: "auth-missing", sentence: "Not logged in", until: null });
  });

  it("counts in the last message only where that begins with it, since a model may talk about limits", () => {
    const last = (text: string) => readWords({ byCli: [], last: text, now: NOW })?.kind;

    expect(last("You've hit your limit · resets 3pm")).toBe("provider-limited");
    expect(last("The tests fail: the handler of `usage limit reached` is not called.")).toBeUndefined();
  });
});

describe("The end of a limit", () => {
  it.for([
    [`|${EPOCH}`, new Date(EPOCH * 1_000).toISOString()],
    [`|${EPOCH}000`, new Date(EPOCH * 1_000).toISOString()],
    ["resets 3pm (UTC)", "2026-11-29T15:00:00.000Z"],
    ["resets 2pm (UTC)", "2026-11-30T14:00:00.000Z"],
    ["resets 12am (UTC)", "2026-11-30T00:00:00.000Z"],
    ["resets at 15:00 (UTC)", "2026-11-29T15:00:00.000Z"],
    ["resets 1:30am (Asia/Dhaka)", "2026-11-29T19:30:00.000Z"],
    ["Your limit will reset at 1pm (Etc/GMT+5)", "2026-11-29T18:00:00.000Z"],
    ["resets 9pm (UTC+2)", "2026-11-29T19:00:00.000Z"],
    ["resets 3pm PST", "2026-11-29T23:00:00.000Z"],
    ["resets Dec 3, 9am (Europe/Paris)", "2026-12-03T08:00:00.000Z"],
    ["resets Jan 2 at 10:05am (UTC)", "2027-01-02T10:05:00.000Z"],
    ["resets 16:21 on 19 Dec (UTC)", "2026-12-19T16:21:00.000Z"],
    ["try again at Sep 29th, 2027 12:55 AM (UTC)", "2027-09-29T00:55:00.000Z"],
    ["resets Mon 9:00 AM (UTC)", "2026-11-30T09:00:00.000Z"],
    ["resets Sunday at 9am (UTC)", "2026-12-06T09:00:00.000Z"],
    ["resets tomorrow at 9am (America/New_York)", "2026-11-30T14:00:00.000Z"],
    ["resets at midnight (UTC)", "2026-11-30T00:00:00.000Z"],
    ["resets in 2 hours 5 minutes", "2026-11-29T16:35:00.000Z"],
    ["try again in 2 days 17 hours 14 minutes.", "2026-12-02T07:44:00.000Z"],
    ["Please retry in 15.5s", "2026-11-29T14:30:15.500Z"],
    ["quota will reset after 3h20m5s", "2026-11-29T17:50:05.000Z"],
    ["retry-after: 30 seconds", "2026-11-29T14:30:30.000Z"],
    ["resets 2026-12-01T10:00:00Z", "2026-12-01T10:00:00.000Z"],
    ["resets at 2026-12-01 10:00 (Europe/Paris)", "2026-12-01T09:00:00.000Z"],
    ["resets Mar 28, 2027, 3:30am (Europe/Paris)", "2027-03-28T01:30:00.000Z"],
  ] as const)("is read from: %s", ([text, until]) => {
    expect(resetTimeIn(text, NOW)?.toISOString()).toBe(until);
  });

  it("is meant in the machine's own zone where none is named", () => {
    const until = resetTimeIn("resets 3pm", NOW);

    expect(until?.getHours()).toBe(15);
    expect(until?.getMinutes()).toBe(0);
  });

  it.for([
    "try again later",
    "usage limit reached",
    "2026-11-29T15:00:00Z limit reached",
    "resets Nov 28, 9am (UTC)",
    "|1000000000",
    "used 3pm words",
  ])("is not made up: %s", (text) => {
    expect(resetTimeIn(text, NOW)).toBeNull();
  });

  it.for(["reset ", "again in 1d", "1 ", "| ", "resets Dec ", "hit your a ", "run "])(
    "and the class are found in time that grows with the length alone: %j",
    (piece) => {
      const text = piece.repeat(400_000 / piece.length);
      const startedMs = cpuMs();
      readWords({ byCli: [text], last: text, now: NOW });
      resetTimeIn(text.slice(0, 4_000), NOW);

      expect(cpuMs() - startedMs).toBeLessThan(2_000);
    },
  );
});
