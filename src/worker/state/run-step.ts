// Says how far a run has come, as the state keeps it, so that a restarted worker repeats nothing that is done.
//
//   begun ──▶ prompted ──▶ turned ──▶ gated ──▶ settling
//   a review: begun ──▶ prompted ──▶ judged ──▶ approved ──▶ settling

import { z } from "../../core/base/schema.ts";
import { type Stage, STAGES } from "../../core/domain/stage.ts";
import { type Decision, decision } from "./decision.ts";
import { count } from "./issue-facts.ts";

/** A run of a stage. One that stands in the state when a worker starts was interrupted. */
interface RunAt<Step> {
  readonly by: "stage";
  readonly id: string;
  readonly stage: Stage;
  readonly attempt: number;
  readonly sessionId: string;
  readonly startedAt: string;
  readonly step: Step;
}

export type RunState = RunAt<RunStep>;
export type WorkingRun = RunAt<WorkingStep>;
export type DecidedRun = RunAt<SettlingStep>;

/** A person ended the issue on GitHub, and what follows from that is carried out as a run's own decision is. */
export interface SeenEnd {
  readonly by: "person";
  readonly id: string;
  /** The stage that the label named. */
  readonly stage: Stage;
  readonly startedAt: string;
  readonly step: SettlingStep;
}

export type SettlingStep = Extract<RunStep, { at: "settling" }>;
/** The run has decided nothing yet. */
export type WorkingStep = Exclude<RunStep, SettlingStep>;

export type RunStep =
  | { readonly at: "begun" }
  /** GitHub wants the branch to take in its base before it merges. */
  | { readonly at: "behind" }
  /** The agent's session has had its first prompt; it is resumed, not begun. */
  | { readonly at: "prompted" }
  | TurnedStep
  /** The work is committed as `sha` and the gate was green for it. */
  | { readonly at: "gated"; readonly sha: string; readonly summary: string }
  /** The reviewing agent has judged `sha`, which is paid for. */
  | { readonly at: "judged"; readonly sha: string; readonly verdict: JudgedVerdict }
  | ApprovedStep
  /** The outcome is decided and is being carried out; `decidedAt` names its question. */
  | { readonly at: "settling"; readonly outcome: Decision; readonly decidedAt: string };

/** The agent has said that the work is done, which is paid for; it may be committed, and the gate was not green yet. */
export interface TurnedStep {
  readonly at: "turned";
  /** The agent's session that has begun in this run or an earlier one; null where no run can resume it. */
  readonly session: string | null;
  readonly summary: string;
}

/** The reviewer's verdict has this form once agent/contract/verdict.ts has read it. */
export interface JudgedVerdict {
  readonly verdict: "approve" | "request_changes" | "needs_input";
  readonly summary: string;
  readonly findings: string[];
  readonly read?: string[] | undefined;
  readonly question?: string | undefined;
}

/** It records what was green at the last looks in a row. */
export interface GreenLooks {
  readonly names: readonly string[];
  /** Nothing has changed since then (ISO). */
  readonly since: string;
  readonly count: number;
}

/** The reviewer approved `sha`, and its checks are waited for. */
export interface ApprovedStep {
  readonly at: "approved";
  readonly sha: string;
  /** The checks of `sha` have been waited for since then. */
  readonly since: string;
  /** It counts the answers that said that there are no checks. */
  readonly looks: number;
  readonly green?: GreenLooks | null;
  /** The pull request was put into the merge queue at that time. */
  readonly queuedAt?: string | null;
  /** It is true when the last look did not find it in the queue any more. */
  readonly hasLeftQueue?: boolean;
}

export function approvedStep(sha: string, now: Date): ApprovedStep {
  return { at: "approved", sha, since: now.toISOString(), looks: 0, green: null, queuedAt: null };
}

// Keys of a step that this version does not know are left out when it is read: refusing them would cost the whole file.
const settlingStep = z.object({ at: z.literal("settling"), outcome: decision, decidedAt: z.string() });
const WORKING_STEPS = [
  z.object({ at: z.literal("begun") }),
  z.object({ at: z.literal("behind") }),
  z.object({ at: z.literal("prompted") }),
  z.object({ at: z.literal("turned"), session: z.nullable(z.string()), summary: z.string() }),
  z.object({ at: z.literal("gated"), sha: z.string(), summary: z.string() }),
  z.object({
    at: z.literal("judged"),
    sha: z.string(),
    verdict: z.object({
      verdict: z.enum(["approve", "request_changes", "needs_input"]),
      summary: z.string(),
      findings: z.array(z.string()),
      read: z.optional(z.array(z.string())),
      question: z.optional(z.string()),
    }),
  }),
  z.object({
    at: z.literal("approved"),
    sha: z.string(),
    since: z.string(),
    looks: count,
    green: z.optional(z.nullable(z.object({ names: z.array(z.string()), since: z.string(), count }))),
    queuedAt: z.optional(z.nullable(z.string())),
    hasLeftQueue: z.optional(z.boolean()),
  }),
] as const;
export const runStep = z.discriminatedUnion("at", [...WORKING_STEPS, settlingStep]);

export const begunFields = { id: z.string(), stage: z.enum(STAGES), startedAt: z.string() };
export const attemptFields = { attempt: count, sessionId: z.string() };
const ofStage = { by: z.literal("stage"), ...begunFields, ...attemptFields };

export const workingRun = z.strictObject({ ...ofStage, step: z.discriminatedUnion("at", [...WORKING_STEPS]) });
export const decidedSchema = z.discriminatedUnion("by", [
  z.strictObject({ ...ofStage, step: settlingStep }),
  z.strictObject({ by: z.literal("person"), ...begunFields, step: settlingStep }),
]);

/** Names how far a run has come; null where there is no run. Another name means progress. */
export function stepMark(run: RunState | SeenEnd | null): string | null {
  if (run === null) return null;
  return [run.id, run.step.at, "sha" in run.step ? run.step.sha : ""].join(" ");
}
