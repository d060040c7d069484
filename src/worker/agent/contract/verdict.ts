// Says what each role's turn must end with, in two forms that cannot drift apart: the JSON schema that the agent is
// given and the reader of what it answered. A schema cannot say "needs_input comes with a question"; the reader can,
// and does.

import { fail, ok, type Result } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import { onOneLine } from "../../text/hidden-characters.ts";

const TEXT_LENGTH_MAX = 60_000;
const LIST_LENGTH_MAX = 100;
/** When a review must read more files than these, nobody can say that it read them. */
const READ_LENGTH_MAX = 1_000;
const UNREAD_NAMES_MAX = 10;

export interface VerdictForm<V> {
  /** The schema is draft 7, without `$schema`: Claude Code refuses drafts that it does not carry. */
  readonly schema: Readonly<Record<string, unknown>>;
  /** The failure is one line that says what is wrong, fit for a second prompt. */
  readonly read: (verdict: unknown) => Result<V, string>;
  /** Reads the answer to a repair prompt, after which nobody asks again; `read` does where this is absent. */
  readonly readLast?: (verdict: unknown) => Result<V, string>;
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
  /** The plan is Markdown with the headings that the prompt asks for. */
  plan: z.optional(text),
  summary: text,
  /** `already_satisfied` says where the feature is (file:line), which tests prove it, and which criteria they cover. */
  evidence: z.optional(z.strictObject({ feature: text, tests: text, criteria: text })),
  question,
});

const workSchema = z.strictObject({ outcome: z.enum(["done", "needs_input"]), summary: text, question });

const reviewSchema = z.strictObject({
  verdict: z.enum(["approve", "request_changes", "needs_input"]),
  summary: text,
  findings: list,
  /** Paths of the files that the prompt did not show, and that the reviewer read all the same. */
  read: z.optional(z.array(text).check(z.maxLength(READ_LENGTH_MAX))),
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

/** The forms by role. */
export const VERDICTS = { triage, plan, implement: work, review, hitl: work } as const;

/**
 * Makes the form of a review whose prompt did not show every file whole: an approval has to name each of `mustRead` as
 * read. When it still does not after the repair, a person is asked, with what the reviewer thought.
 */
export function reviewForm(mustRead: readonly string[]): VerdictForm<ReviewVerdict> {
  return {
    schema: review.schema,
    read: (verdict) => {
      const read = review.read(verdict);
      const problem = read.ok ? unreadProblem(read.value, mustRead) : null;
      return problem === null ? read : fail(problem);
    },
    readLast: (verdict) => {
      const read = review.read(verdict);
      const problem = read.ok ? unreadProblem(read.value, mustRead) : null;
      if (!read.ok || problem === null) return read;
      const asked = `The reviewer would approve the change, but ${problem}. Read the change in the pull request, and say whether it may be merged as it is.`;
      return ok({ ...read.value, verdict: "needs_input", question: asked });
    },
  };
}

function unreadProblem({ verdict, read = [] }: ReviewVerdict, mustRead: readonly string[]): string | null {
  if (verdict !== "approve") return null;
  const known = new Set(read.map((path) => path.trim().replace(/^\.\//, "")));
  const unread = mustRead.filter((path) => !known.has(path) && !known.has(onOneLine(path)));
  if (unread.length === 0) return null;
  const names = unread.slice(0, UNREAD_NAMES_MAX).map(onOneLine).join(", ");
  const more = unread.length > UNREAD_NAMES_MAX ? ` and ${unread.length - UNREAD_NAMES_MAX} more` : "";
  return `\`read\` does not name these files, which nobody approves unread: ${names}${more}`;
}

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
