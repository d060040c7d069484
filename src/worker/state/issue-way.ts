// Says what an issue is (docs/adr/0012): one union, so that nothing stands beside something it has no meaning with. The
// transitions are in pipeline/run-record.ts, pipeline/question-record.ts and settlement/settle.ts.

import { z } from "../../core/base/schema.ts";
import { STAGE_LABELS, type StageLabel } from "../../core/domain/stage.ts";
import { WAIT_CAUSES, type WaitCause } from "../../core/domain/worker-metrics.ts";
import { HITL_CAUSES, type HitlCause, id, type IssueOutcome, outcome } from "./issue-facts.ts";
import {
  decidedSchema,
  type DecidedRun,
  type RunState,
  type SeenEnd,
  type WorkingRun,
  workingRun,
} from "./run-step.ts";

export type Way =
  /** Its label says what comes next. */
  | { readonly is: "idle" }
  /** A run of a stage has it, or will again after the pause. */
  | ({ readonly is: "running"; readonly run: WorkingRun } & UnderWay)
  /** A decision is being carried out: a run's, or what follows from the end that a person made. */
  | ({ readonly is: "settling"; readonly record: DecidedRun | SeenEnd } & UnderWay)
  /** A person is asked, or has answered and the answer waits for a slot. */
  | { readonly is: "asking"; readonly asked: HitlState }
  /** It has ended; `onHold` is the question to the person who put it on hold again. */
  | { readonly is: "ended"; readonly outcome: IssueOutcome; readonly onHold: HitlState | null };

export interface UnderWay {
  /** Its answer is worked in, or a hand-off has just saved it. */
  readonly asked: HitlState | null;
  /** The run is put down until then; null when it may go on. */
  readonly pause: Pause | null;
  /** The run waits without an attempt; that outlives the pause, until the run is a step further. */
  readonly waited: Waited | null;
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

/** A person wants the issue to end. */
export interface HitlEnd {
  readonly is: "end";
  readonly decision: "skip" | "close";
  readonly reason: string;
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

interface HasWay {
  readonly way: Way;
}

export const IDLE: Way = Object.freeze({ is: "idle" });

/** Returns what is under way: a stage's run, or what follows from an end that a person made. */
export function runOf({ way }: HasWay): RunState | SeenEnd | null {
  if (way.is === "running") return way.run;
  return way.is === "settling" ? way.record : null;
}

/** Returns the question that a person is asked, or whose answer is worked in. */
export function questionOf({ way }: HasWay): HitlState | null {
  if (way.is === "ended") return way.onHold;
  return way.is === "idle" ? null : way.asked;
}

export function outcomeOf({ way }: HasWay): IssueOutcome | null {
  return way.is === "ended" ? way.outcome : null;
}

/** Returns until when the run is put down. */
export function pauseOf({ way }: HasWay): Pause | null {
  return isUnderWay(way) ? way.pause : null;
}

/** Returns since when and for what the run waits without an attempt. */
export function waitedOf({ way }: HasWay): Waited | null {
  return isUnderWay(way) ? way.waited : null;
}

/** A run that has decided is settling, whoever notes its step. */
export function underWay(run: RunState | SeenEnd, rest: UnderWay): Way {
  if (run.by === "person") return { is: "settling", record: run, ...rest };
  const { step } = run;
  if (step.at === "settling") return { is: "settling", record: { ...run, step }, ...rest };
  return { is: "running", run: { ...run, step }, ...rest };
}

/** Says what an issue is of which nothing is under way. */
export function restOf(asked: HitlState | null): Way {
  return asked === null ? IDLE : { is: "asking", asked };
}

export function isUnderWay(way: Way): way is Extract<Way, UnderWay> {
  return way.is === "running" || way.is === "settling";
}

export const answerFields = {
  text: z.string(),
  by: z.string(),
  door: z.enum(["comment", "api", "review"]),
  at: z.string(),
  last: z._default(z.string(), ""),
  commentId: z._default(z.nullable(id), null),
  lastSeen: z._default(z.nullable(id), null),
};
export const endDecision = z.enum(["skip", "close"]);
export const questionFields = {
  question: z.string(),
  cause: z.enum(HITL_CAUSES),
  origin: z.enum(STAGE_LABELS as [StageLabel, ...StageLabel[]]),
  askedAt: z.string(),
  commentId: z.nullable(id),
  awaits: z._default(z.nullable(z.string()), null),
  resumes: z._default(z.boolean(), false),
  isSuspicion: z.optional(z.literal(true)),
};
export const waitedFields = { cause: z.enum(WAIT_CAUSES), mark: z.string(), ms: z.number().check(z.minimum(0)) };

const said = z.discriminatedUnion("is", [
  z.strictObject({ is: z.literal("answer"), ...answerFields }),
  z.strictObject({ is: z.literal("end"), decision: endDecision, reason: z.string() }),
]);
const asked = z.strictObject({ ...questionFields, said: z.nullable(said) });
const underWayFields = {
  asked: z.nullable(asked),
  pause: z.nullable(z.strictObject({ until: z.string(), reason: z.string() })),
  waited: z.nullable(z.strictObject({ since: z.string(), ...waitedFields })),
};

export const waySchema = z.discriminatedUnion("is", [
  z.strictObject({ is: z.literal("idle") }),
  z.strictObject({ is: z.literal("running"), run: workingRun, ...underWayFields }),
  z.strictObject({ is: z.literal("settling"), record: decidedSchema, ...underWayFields }),
  z.strictObject({ is: z.literal("asking"), asked }),
  z.strictObject({ is: z.literal("ended"), outcome, onHold: z.nullable(asked) }),
]);
