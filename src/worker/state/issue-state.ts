// Says what we remember about one issue beside its labels: the shape of an entry in state.json, its defaults, its
// limits.

import { z } from "../../core/base/schema.ts";
import { STAGE_LABELS, STAGES, type Stage, type StageLabel } from "../../core/domain/stage.ts";
import { WAIT_CAUSES, type WaitCause } from "../../core/domain/worker-metrics.ts";
import {
  count,
  FACTS,
  HITL_CAUSES,
  type HitlCause,
  id,
  type IssueFacts,
  type IssueOutcome,
  orElse,
  outcome,
} from "./issue-facts.ts";
import { runOfSchema1, runSchema, type RunState, type SeenEnd } from "./run-step.ts";

export type { AcceptedText, Approval, Guidance, HitlCause, IssueOutcome } from "./issue-facts.ts";
export type { RunState } from "./run-step.ts";

export const HISTORY_MAX = 100;
export const GUIDANCE_MAX = 50;

export interface HitlAnswer {
  readonly text: string;
  readonly by: string;
  /** `review` stands for an approving review of the pull request, without words. */
  readonly door: "comment" | "api" | "review";
  readonly at: string;
  /** The newest alone of the comments that `text` is made of: a command must be the whole last comment. */
  readonly last: string;
  /** The number of that comment; null for an answer through the API. */
  readonly commentId: number | null;
  /** The newest comment at that moment. */
  readonly lastSeen: number | null;
}

export interface HitlState {
  readonly question: string;
  readonly cause: HitlCause;
  /** The label that the issue had before; an answer sends it back there. */
  readonly origin: StageLabel;
  readonly askedAt: string;
  readonly commentId: number | null;
  /** GitHub's view of the pull request when the question was asked; the wait also ends when that changes. */
  readonly awaits: string | null;
  /** Any answer sends the work on as it is: the thing to do lay outside of it. */
  readonly resumes: boolean;
  /** The question is asked because the issue's text made the worker stand still; see attention.ts. */
  readonly isSuspicion?: true | undefined;
  /** The first word of a person counts; null while nobody has said one. */
  readonly said: Word | null;
}

/** A person says this of a question. */
export type Word = ({ readonly is: "answer" } & HitlAnswer) | HitlEnd;

/** A person wants the issue to end. */
export interface HitlEnd {
  readonly is: "end";
  readonly decision: "skip" | "close";
  readonly reason: string;
}

export interface KeptClaim {
  readonly commentId: number;
  /** The time is long past once the claim is being given up, so that nobody goes on with it. */
  readonly expiresAt: string;
  /** The status comment's last words; present from the beginning of the release until GitHub shows them. */
  readonly closing?: string | undefined;
}

export interface Pause {
  readonly until: string;
  readonly reason: string;
}

export interface Waited {
  readonly since: string;
  readonly cause: WaitCause;
  /** It waits at this step of the run. */
  readonly mark: string;
  /** The wait had lasted this long when it was noted last. */
  readonly ms: number;
}

/** Times are ISO. An entry is frozen wherever it is handed out. */
export interface IssueState extends IssueFacts {
  /** Rises each time a finished issue enters triage again; part of every journal key. */
  readonly cycle: number;
  readonly attempts: Readonly<Partial<Record<Stage, number>>>;
  /**
   * Counts how often a stage has come to a decision in this cycle. It names what the stage posts, the same for each
   * repetition.
   */
  readonly passes: Readonly<Partial<Record<Stage, number>>>;
  readonly hitl: HitlState | null;
  /** Null while nothing of the issue is under way. */
  readonly run: RunState | SeenEnd | null;
  readonly claim: KeptClaim | null;
  /** The run is put down until then; null when it may go on. */
  readonly pause: Pause | null;
  /** The run waits without an attempt; that outlives the pause, until the run is a step further. */
  readonly waited: Waited | null;
  readonly outcome: IssueOutcome | null;
  /** `explain` shows these, oldest first; the newest HISTORY_MAX stay. */
  readonly history: readonly { readonly at: string; readonly text: string }[];
}

export const UNKNOWN_ISSUE: IssueState = Object.freeze({
  cycle: 1,
  attempts: Object.freeze({}),
  passes: Object.freeze({}),
  reviewRounds: 0,
  ciFixes: 0,
  guidance: Object.freeze([]),
  feedback: null,
  hitl: null,
  run: null,
  pull: null,
  branch: null,
  plan: null,
  approved: null,
  reviewed: null,
  text: null,
  askedChecks: Object.freeze([]),
  waived: null,
  branchUpdates: 0,
  kept: null,
  claim: null,
  pause: null,
  waited: null,
  outcome: null,
  history: Object.freeze([]),
});

const stage = z.enum(STAGES);

const answer = {
  text: z.string(),
  by: z.string(),
  door: z.enum(["comment", "api", "review"]),
  at: z.string(),
  last: z._default(z.string(), ""),
  commentId: z._default(z.nullable(id), null),
  lastSeen: z._default(z.nullable(id), null),
};
const decision = z.enum(["skip", "close"]);

const hitl = {
  question: z.string(),
  cause: z.enum(HITL_CAUSES),
  origin: z.enum(STAGE_LABELS as [StageLabel, ...StageLabel[]]),
  askedAt: z.string(),
  commentId: z.nullable(id),
  awaits: z._default(z.nullable(z.string()), null),
  resumes: z._default(z.boolean(), false),
  isSuspicion: z.optional(z.literal(true)),
};
const said = z.discriminatedUnion("is", [
  z.strictObject({ is: z.literal("answer"), ...answer }),
  z.strictObject({ is: z.literal("end"), decision, reason: z.string() }),
]);

/** Reads a question of schema 1, which kept a person's word in three fields. */
const hitlOfSchema1 = z.pipe(
  z.strictObject({
    ...hitl,
    answer: z.nullable(z.strictObject(answer)),
    decision: z.nullable(decision),
    reason: z.nullable(z.string()),
  }),
  z.transform(({ answer: given, decision: end, reason, ...rest }) => ({ ...rest, said: wordOf(given, end, reason) })),
);

const fields = {
  cycle: count,
  attempts: z.partialRecord(stage, count),
  passes: z._default(z.partialRecord(stage, count), {}),
  ...FACTS,
  // A person's word that an earlier version wrote down in another form is asked for again.
  approved: orElse(FACTS.approved, null),
  reviewed: z._default(FACTS.reviewed, null),
  text: z._default(FACTS.text, null),
  askedChecks: z._default(FACTS.askedChecks, []),
  waived: z._default(FACTS.waived, null),
  branchUpdates: z._default(count, 0),
  kept: z._default(FACTS.kept, null),
  claim: z.nullable(
    z.strictObject({ commentId: id, expiresAt: z.string(), closing: z.optional(z.string().check(z.minLength(1))) }),
  ),
  outcome: z.nullable(outcome),
  history: z.array(z.strictObject({ at: z.string(), text: z.string() })),
};

const waited = { cause: z.enum(WAIT_CAUSES), mark: z.string(), ms: z.number().check(z.minimum(0)) };

export const issueStateSchema = z.strictObject({
  ...fields,
  hitl: z.nullable(z.strictObject({ ...hitl, said: z.nullable(said) })),
  run: z.nullable(runSchema),
  pause: z.nullable(z.strictObject({ until: z.string(), reason: z.string() })),
  waited: z.nullable(z.strictObject({ since: z.string(), ...waited })),
});

/** Reads an entry of schema 1, which kept pause and wait in four fields that only had a meaning together. */
export const issueStateSchema1 = z.pipe(
  z.strictObject({
    ...fields,
    hitl: z.nullable(hitlOfSchema1),
    run: z.nullable(runOfSchema1),
    retryAt: z.nullable(z.string()),
    retryReason: z.nullable(z.string()),
    waitingSince: z._default(z.nullable(z.string()), null),
    waited: z._default(z.nullable(z.strictObject(waited)), null),
  }),
  z.transform(({ retryAt, retryReason, waitingSince: since, waited: wait, ...rest }) => ({
    ...rest,
    pause: retryAt === null ? null : { until: retryAt, reason: retryReason ?? "no reason noted" },
    waited: since === null || wait === null ? null : { since, ...wait },
  })),
);

function wordOf(given: HitlAnswer | null, end: HitlEnd["decision"] | null, reason: string | null): Word | null {
  if (end !== null) return { is: "end", decision: end, reason: reason ?? "no reason given" };
  return given === null ? null : { is: "answer", ...given };
}
