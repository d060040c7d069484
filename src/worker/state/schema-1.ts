// Reads an entry of state.json as schema 1 had it: the step of a run as a JSON text, an end that a person made as a
// run, pause, wait and a person's word each in fields of its own, all of them beside each other. docs/adr/0012 has the
// table.

import { z } from "../../core/base/schema.ts";
import { parseJsonObject } from "../../core/files/json-lines.ts";
import { id, type IssueOutcome, outcome } from "./issue-facts.ts";
import { closing, type IssueState, type KeptClaim, sharedFields } from "./issue-state.ts";
import {
  answerFields,
  endDecision,
  type HitlAnswer,
  type HitlEnd,
  type HitlState,
  type Pause,
  questionFields,
  restOf,
  underWay,
  type Waited,
  waitedFields,
  type Way,
  type Word,
} from "./issue-way.ts";
import { attemptFields, begunFields, runStep, type RunState, type RunStep, type SeenEnd } from "./run-step.ts";

/** These had a meaning only together, and any of them could be null beside any other. */
export interface Columns {
  readonly run: RunState | SeenEnd | null;
  readonly hitl: HitlState | null;
  readonly outcome: IssueOutcome | null;
  readonly pause: Pause | null;
  readonly waited: Waited | null;
}

export interface WayRead {
  readonly way: Way;
  /** The table has this combination. */
  readonly isListed: boolean;
  /** The way has no place for these. */
  readonly leftOut: Partial<Columns>;
}

/** An end that was seen on GitHub was a run whose id begins so. */
const SEEN_END = "closed-";

const question = z.pipe(
  z.strictObject({
    ...questionFields,
    answer: z.nullable(z.strictObject(answerFields)),
    decision: z.nullable(endDecision),
    reason: z.nullable(z.string()),
  }),
  z.transform(({ answer, decision, reason, ...rest }) => ({ ...rest, said: wordOf(answer, decision, reason) })),
);

const run = z.pipe(
  z.strictObject({ ...begunFields, ...attemptFields, step: z.string() }),
  z.transform(({ attempt, sessionId, step: text, ...rest }): RunState | SeenEnd => {
    const step = stepOf(text);
    if (step.at === "settling" && rest.id.startsWith(SEEN_END)) return { by: "person", ...rest, step };
    return { by: "stage", ...rest, attempt, sessionId, step };
  }),
);

const claim = z.pipe(
  z.strictObject({ commentId: id, expiresAt: z.string(), closing: z.optional(closing) }),
  z.transform(
    ({ commentId, expiresAt, closing: words }): KeptClaim =>
      words === undefined ? { is: "held", commentId, expiresAt } : { is: "releasing", commentId, closing: words },
  ),
);

export const issueStateSchema1 = z.pipe(
  z.strictObject({
    ...sharedFields,
    claim: z.nullable(claim),
    hitl: z.nullable(question),
    run: z.nullable(run),
    outcome: z.nullable(outcome),
    retryAt: z.nullable(z.string()),
    retryReason: z.nullable(z.string()),
    waitingSince: z._default(z.nullable(z.string()), null),
    waited: z._default(z.nullable(z.strictObject(waitedFields)), null),
  }),
  z.transform(
    ({ hitl, run: known, outcome: end, retryAt, retryReason, waitingSince: since, waited: wait, ...facts }) => ({
      facts: facts as Omit<IssueState, "way">,
      columns: {
        run: known,
        hitl,
        outcome: end,
        pause: retryAt === null ? null : { until: retryAt, reason: retryReason ?? "no reason noted" },
        waited: since === null || wait === null ? null : { since, ...wait },
      },
    }),
  ),
);

/**
 * Reads a combination by the table. Where the table lacks it, the first that it has of a run, an outcome and a question
 * decides. The question is kept beside both others, so nothing that a person said of it is lost.
 */
export function wayOfColumns(columns: Columns): WayRead {
  const { run: known, hitl: asked, outcome: end, pause, waited } = columns;
  if (known !== null) {
    const isListed = end === null && (asked === null || known.stage === "hitl" || known.step.at === "settling");
    return { way: underWay(known, { asked, pause, waited }), isListed, leftOut: end === null ? {} : { outcome: end } };
  }
  const leftOut = { ...(pause === null ? {} : { pause }), ...(waited === null ? {} : { waited }) };
  const way: Way = end === null ? restOf(asked) : { is: "ended", outcome: end, onHold: asked };
  return { way, isListed: pause === null && waited === null, leftOut };
}

/** A text of an unknown form begins the run anew. */
function stepOf(text: string): RunStep {
  const parsed = z.safeParse(runStep, parseJsonObject(text));
  return parsed.success ? (parsed.data as RunStep) : { at: "begun" };
}

function wordOf(answer: HitlAnswer | null, end: HitlEnd["decision"] | null, reason: string | null): Word | null {
  if (end !== null) return { is: "end", decision: end, reason: reason ?? "no reason given" };
  return answer === null ? null : { is: "answer", ...answer };
}
