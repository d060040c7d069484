// What we remember about one issue beside its labels: the shape of an entry in state.json, its defaults, its limits.

import { z } from "../core/schema.ts";

import { STAGE_LABELS, STAGES, type Stage, type StageLabel } from "../core/stage.ts";

export const HISTORY_MAX = 100;
export const GUIDANCE_MAX = 50;

export const HITL_CAUSES = ["question", "not-ready", "attempts", "review", "ci", "conflict", "agent", "git"] as const;
export type HitlCause = (typeof HITL_CAUSES)[number];

export interface Guidance {
  readonly text: string;
  readonly by: string;
  readonly at: string;
}

export interface HitlAnswer {
  readonly text: string;
  readonly by: string;
  readonly door: "comment" | "api";
  readonly at: string;
}

export interface HitlState {
  readonly question: string;
  readonly cause: HitlCause;
  /** The label that the issue had before; an answer sends it back there. */
  readonly origin: StageLabel;
  readonly askedAt: string;
  readonly commentId: number | null;
  readonly answer: HitlAnswer | null;
  readonly decision: "skip" | "close" | null;
  readonly reason: string | null;
}

/** The run in hand. Found when a worker starts, it was interrupted. */
export interface RunState {
  readonly id: string;
  readonly stage: Stage;
  readonly attempt: number;
  readonly sessionId: string;
  readonly startedAt: string;
  readonly step: string;
}

export interface IssueOutcome {
  readonly kind: "merged" | "already_satisfied" | "closed" | "skipped" | "failed";
  readonly reason: string;
  readonly at: string;
  readonly pull: number | null;
}

/** Times are ISO. Frozen wherever it is handed out. */
export interface IssueState {
  /** Rises each time a finished issue enters triage again; part of every journal key. */
  readonly cycle: number;
  readonly attempts: Readonly<Partial<Record<Stage, number>>>;
  readonly reviewRounds: number;
  readonly ciFixes: number;
  /** A person's answers, oldest first. */
  readonly guidance: readonly Guidance[];
  /** Review or CI feedback for the next implement run. */
  readonly feedback: string | null;
  readonly hitl: HitlState | null;
  readonly run: RunState | null;
  readonly pull: number | null;
  readonly branch: string | null;
  /** Path of the accepted plan. */
  readonly plan: string | null;
  /** Names the state of the protected paths that a person has let pass; see stages/protected-paths.ts. */
  readonly approved: string | null;
  /** Work that the gate was green for and that a rule of the server refused; the next run pushes it as it is. */
  readonly kept: { readonly sha: string; readonly summary: string } | null;
  readonly claim: { readonly commentId: number; readonly expiresAt: string } | null;
  readonly retryAt: string | null;
  readonly retryReason: string | null;
  readonly outcome: IssueOutcome | null;
  /** What `explain` shows, oldest first; the newest HISTORY_MAX stay. */
  readonly history: readonly { readonly at: string; readonly text: string }[];
}

export const UNKNOWN_ISSUE: IssueState = Object.freeze({
  cycle: 1,
  attempts: Object.freeze({}),
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
  kept: null,
  claim: null,
  retryAt: null,
  retryReason: null,
  outcome: null,
  history: Object.freeze([]),
});

const count = z.int().check(z.minimum(0));
const id = z.int().check(z.minimum(1));
const stage = z.enum(STAGES);

const answer = z.strictObject({ text: z.string(), by: z.string(), door: z.enum(["comment", "api"]), at: z.string() });

const hitl = z.strictObject({
  question: z.string(),
  cause: z.enum(HITL_CAUSES),
  origin: z.enum(STAGE_LABELS as [StageLabel, ...StageLabel[]]),
  askedAt: z.string(),
  commentId: z.nullable(id),
  answer: z.nullable(answer),
  decision: z.nullable(z.enum(["skip", "close"])),
  reason: z.nullable(z.string()),
});

const run = z.strictObject({
  id: z.string(),
  stage,
  attempt: count,
  sessionId: z.string(),
  startedAt: z.string(),
  step: z.string(),
});

const outcome = z.strictObject({
  kind: z.enum(["merged", "already_satisfied", "closed", "skipped", "failed"]),
  reason: z.string(),
  at: z.string(),
  pull: z.nullable(id),
});

export const issueStateSchema = z.strictObject({
  cycle: count,
  attempts: z.partialRecord(stage, count),
  reviewRounds: count,
  ciFixes: count,
  guidance: z.array(z.strictObject({ text: z.string(), by: z.string(), at: z.string() })),
  feedback: z.nullable(z.string()),
  hitl: z.nullable(hitl),
  run: z.nullable(run),
  pull: z.nullable(id),
  branch: z.nullable(z.string()),
  plan: z.nullable(z.string()),
  approved: z.nullable(z.string()),
  kept: z._default(z.nullable(z.strictObject({ sha: z.string(), summary: z.string() })), null),
  claim: z.nullable(z.strictObject({ commentId: id, expiresAt: z.string() })),
  retryAt: z.nullable(z.string()),
  retryReason: z.nullable(z.string()),
  outcome: z.nullable(outcome),
  history: z.array(z.strictObject({ at: z.string(), text: z.string() })),
});
