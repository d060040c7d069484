import { describe, expect, it } from "vitest";

import { planVerdict, reviewVerdict, triageVerdict, workVerdict } from "../../../src/worker/agent/verdict.ts";

const triage = { ready: true, reasons: [], type: "bug", complexity: 2 };
const review = { verdict: "approve", summary: "fine", findings: [] };

describe("a verdict", () => {
  it.each([
    { form: triageVerdict, verdict: triage },
    { form: planVerdict, verdict: { outcome: "plan", plan: "## Files to Modify", summary: "s" } },
    {
      form: planVerdict,
      verdict: { outcome: "already_satisfied", summary: "s", evidence: { feature: "a:1", tests: "t", criteria: "c" } },
    },
    { form: workVerdict, verdict: { outcome: "needs_input", summary: "s", question: "which?" } },
    { form: reviewVerdict, verdict: review },
  ])("is read as it was given: $verdict", ({ form, verdict }) => {
    expect(form.read(verdict)).toEqual({ ok: true, value: verdict });
  });

  it.each([
    { form: triageVerdict, verdict: { ...triage, ready: false }, problem: "reasons is empty" },
    { form: triageVerdict, verdict: { ...triage, complexity: 11 }, problem: "complexity" },
    { form: planVerdict, verdict: { outcome: "plan", summary: "s" }, problem: "plan is empty" },
    { form: planVerdict, verdict: { outcome: "already_satisfied", summary: "s" }, problem: "evidence is missing" },
    {
      form: workVerdict,
      verdict: { outcome: "needs_input", summary: "s", question: " " },
      problem: "question is empty",
    },
    { form: workVerdict, verdict: { outcome: "finished", summary: "s" }, problem: "outcome" },
    { form: reviewVerdict, verdict: { ...review, verdict: "request_changes" }, problem: "findings is empty" },
    { form: reviewVerdict, verdict: { ...review, extra: 1 }, problem: "extra" },
    { form: reviewVerdict, verdict: "approve", problem: "object" },
  ])("is refused with a reason: $verdict", ({ form, verdict, problem }) => {
    expect(form.read(verdict)).toEqual({ ok: false, failure: expect.stringContaining(problem) as string });
  });

  it("has a schema that names its fields, allows no others and asks for no draft", () => {
    expect(workVerdict.schema).toEqual({
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
