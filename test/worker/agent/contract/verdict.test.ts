import { describe, expect, it } from "vitest";

import { reviewForm, VERDICTS } from "../../../../src/worker/agent/contract/verdict.ts";

const triage = { ready: true, reasons: [], type: "bug", complexity: 2 };
const review = { verdict: "approve", summary: "fine", findings: [] };

describe("a verdict", () => {
  it.each([
    { form: VERDICTS.triage, verdict: triage },
    { form: VERDICTS.plan, verdict: { outcome: "plan", plan: "## Files to Modify", summary: "s" } },
    {
      form: VERDICTS.plan,
      verdict: { outcome: "already_satisfied", summary: "s", evidence: { feature: "a:1", tests: "t", criteria: "c" } },
    },
    { form: VERDICTS.implement, verdict: { outcome: "needs_input", summary: "s", question: "which?" } },
    { form: VERDICTS.review, verdict: review },
  ])("is read as it was given: $verdict", ({ form, verdict }) => {
    expect(form.read(verdict)).toEqual({ ok: true, value: verdict });
  });

  it.each([
    { form: VERDICTS.triage, verdict: { ...triage, ready: false }, problem: "reasons is empty" },
    { form: VERDICTS.triage, verdict: { ...triage, complexity: 11 }, problem: "complexity" },
    { form: VERDICTS.plan, verdict: { outcome: "plan", summary: "s" }, problem: "plan is empty" },
    { form: VERDICTS.plan, verdict: { outcome: "already_satisfied", summary: "s" }, problem: "evidence is missing" },
    {
      form: VERDICTS.implement,
      verdict: { outcome: "needs_input", summary: "s", question: " " },
      problem: "question is empty",
    },
    { form: VERDICTS.implement, verdict: { outcome: "finished", summary: "s" }, problem: "outcome" },
    { form: VERDICTS.review, verdict: { ...review, verdict: "request_changes" }, problem: "findings is empty" },
    { form: VERDICTS.review, verdict: { ...review, extra: 1 }, problem: "extra" },
    { form: VERDICTS.review, verdict: "approve", problem: "object" },
  ])("is refused with a reason: $verdict", ({ form, verdict, problem }) => {
    expect(form.read(verdict)).toEqual({ ok: false, failure: expect.stringContaining(problem) as string });
  });

  it("has a schema that names its fields, allows no others and asks for no draft", () => {
    expect(VERDICTS.implement.schema).toEqual({
      type: "object",
      properties: {
        outcome: { type: "string", enum: ["done", "needs_input"] },
        summary: { type: "string", maxLength: 60_000 },
        question: { type: "string", maxLength: 60_000 },
      },
      required: ["outcome", "summary"],
      additionalProperties: false,
    });
  });
});

describe("a review that was not shown every file", () => {
  const form = reviewForm(["src/long.ts", "na\nme.ts"]);

  it("may approve once it names each of them as read", () => {
    const verdict = { ...review, read: ["./src/long.ts", String.raw`na\u000ame.ts`, "other.ts"] };

    expect(form.read(verdict)).toEqual({ ok: true, value: verdict });
    expect(reviewForm([]).read(review)).toEqual({ ok: true, value: review });
  });

  it("may object unread", () => {
    const verdict = { ...review, verdict: "request_changes", findings: ["no"] };

    expect(form.read(verdict)).toMatchObject({ ok: true });
    expect(form.readLast?.(verdict)).toMatchObject({ ok: true, value: verdict });
  });

  it("is refused as an approval, and in the end is a question to a person", () => {
    const verdict = { ...review, read: ["src/long.ts"] };

    expect(form.read(verdict)).toEqual({ ok: false, failure: expect.stringContaining("na\\u000ame.ts") as string });
    expect(form.readLast?.(verdict)).toMatchObject({
      ok: true,
      value: { verdict: "needs_input", question: expect.stringContaining("na\\u000ame.ts") as string },
    });
    expect(form.readLast?.("approve")).toMatchObject({ ok: false });
  });
});
