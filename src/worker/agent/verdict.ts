// What each role's turn must end with, in two forms that cannot drift apart: the JSON schema that the agent is given and
// the reader of what it answered. A schema cannot say "needs_input comes with a question"; the reader can, and does.

import { fail, ok, type Result } from "../../core/result.ts";
import { z } from "../../core/schema.ts";

const TEXT_LENGTH_MAX = 60_000;
const LIST_LENGTH_MAX = 100;

export interface VerdictForm<V> {
  /** Draft 7, without `$schema`: Claude Code refuses drafts that it does not carry. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** The failure is one line that says what is wrong, fit for a second prompt. */
  readonly read: (verdict: unknown) => Result<V, string>;
}

const text = z.string().check(z.maxLength(TEXT_LENGTH_MAX));
const list = z.array(text).check(z.maxLength(LIST_LENGTH_MAX));
const question = z.optional(text);

const triageSchema = z.strictObject({
  ready: z.boolean(),
  reasons: list,
  type: z.enum(["feature", "bug", "chore", "epic"]),
  complexity: z.int().check(z.minimum(0), z.maximum(10)),
  question,
});

const planSchema = z.strictObject({
  outcome: z.enum(["plan", "already_satisfied", "needs_input"]),
  /** Markdown with the headings that the prompt asks for. */
  plan: z.optional(text),
  summary: text,
  /** Of `already_satisfied`: where the feature is (file:line), which tests prove it, which criteria they cover. */
  evidence: z.optional(z.strictObject({ feature: text, tests: text, criteria: text })),
  question,
});

const workSchema = z.strictObject({ outcome: z.enum(["done", "needs_input"]), summary: text, question });

const reviewSchema = z.strictObject({
  verdict: z.enum(["approve", "request_changes", "needs_input"]),
  summary: text,
  findings: list,
  question,
});

export type PlanVerdict = z.infer<typeof planSchema>;
export type ReviewVerdict = z.infer<typeof reviewSchema>;

const triage = form(triageSchema, (verdict) => {
  if (!verdict.ready && isBlank(verdict.question) && verdict.reasons.every(isBlank))
    return "ready is false, but reasons is empty";
  return null;
});

const plan = form(planSchema, (verdict) => {
  if (verdict.outcome === "plan" && isBlank(verdict.plan)) return "outcome is plan, but plan is empty";
  if (verdict.outcome === "already_satisfied" && verdict.evidence === undefined)
    return "outcome is already_satisfied, but evidence is missing";
  return questionProblem(verdict.outcome, verdict.question);
});

const work = form(workSchema, (verdict) => questionProblem(verdict.outcome, verdict.question));

const review = form(reviewSchema, (verdict) => {
  if (verdict.verdict === "request_changes" && verdict.findings.every(isBlank))
    return "verdict is request_changes, but findings is empty";
  return questionProblem(verdict.verdict, verdict.question);
});

/** By role. */
export const VERDICTS = { triage, plan, implement: work, review, hitl: work } as const;

function form<S extends z.ZodMiniType>(
  schema: S,
  problemOf: (verdict: z.infer<S>) => string | null,
): VerdictForm<z.infer<S>> {
  const { $schema: _, ...jsonSchema } = z.toJSONSchema(schema, { target: "draft-7" });
  return {
    schema: jsonSchema,
    read: (verdict) => {
      const parsed = z.safeParse(schema, verdict);
      if (!parsed.success)
        return fail(parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "));
      const problem = problemOf(parsed.data);
      return problem === null ? ok(parsed.data) : fail(problem);
    },
  };
}

function questionProblem(outcome: string, asked: string | undefined): string | null {
  return outcome === "needs_input" && isBlank(asked)
    ? "needs_input comes with a question, and question is empty"
    : null;
}

function isBlank(value: string | undefined): boolean {
  return value === undefined || value.trim() === "";
}
