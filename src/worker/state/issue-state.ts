// Says what we remember about one issue beside its labels: the shape of an entry in state.json, its defaults, its
// limits.

import { z } from "../../core/base/schema.ts";
import { STAGE_LABELS, STAGES, type Stage, type StageLabel } from "../../core/domain/stage.ts";
import { WAIT_CAUSES, type WaitCause } from "../../core/domain/worker-metrics.ts";

export const HISTORY_MAX = 100;
export const GUIDANCE_MAX = 50;

export const HITL_CAUSES = [
  "question",
  "not-ready",
  "attempts",
  "review",
  "ci",
  "conflict",
  "agent",
  "git",
  "waiting",
] as const;
export type HitlCause = (typeof HITL_CAUSES)[number];

export interface Guidance {
  readonly text: string;
  readonly by: string;
  readonly at: string;
}

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

/** A person's word that lets something pass which no agent may bring in alone, or which no check has shown. */
export interface Approval {
  /** Names exactly which protected files were let pass (protection/protected-paths.ts); empty for checks. */
  readonly of: string;
  /** The protected paths among what was let pass. */
  readonly paths: readonly string[];
  /** These checks are not waited for, or not heeded. */
  readonly checks: readonly string[];
  /** The commit that the word was said of. */
  readonly head: string;
  readonly by: string;
  readonly at: string;
  /** The comment that says it; null for a word through the API. */
  readonly commentId: number | null;
  /** The newest comment at that moment: one with a higher id came later. Null where nobody knows. */
  readonly lastSeen: number | null;
}

/** The reviewing agent has approved this. */
export interface Reviewed {
  /** The agent saw this head. */
  readonly sha: string;
  /** Maps a path to a digest of its change against the base: an equal digest needs no second review. */
  readonly files: Readonly<Record<string, string>>;
}

/** An issue's own words as they were when somebody with the right let them pass. */
export interface AcceptedText {
  readonly title: string;
  readonly body: string;
  readonly at: string;
  /** A person is asked about this text, since nobody with the right has seen it yet. */
  readonly isAsked: boolean;
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
  readonly answer: HitlAnswer | null;
  readonly decision: "skip" | "close" | null;
  readonly reason: string | null;
}

/** The run in flight. A run that stands here when a worker starts was interrupted. */
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

export interface KeptClaim {
  readonly commentId: number;
  /** The time is long past once the claim is being given up, so that nobody goes on with it. */
  readonly expiresAt: string;
  /** The status comment's last words; present from the beginning of the release until GitHub shows them. */
  readonly closing?: string | undefined;
}

/** Times are ISO. An entry is frozen wherever it is handed out. */
export interface IssueState {
  /** Rises each time a finished issue enters triage again; part of every journal key. */
  readonly cycle: number;
  readonly attempts: Readonly<Partial<Record<Stage, number>>>;
  /**
   * Counts how often a stage has come to a decision in this cycle. It names what the stage posts, the same for each
   * repetition.
   */
  readonly passes: Readonly<Partial<Record<Stage, number>>>;
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
  /** The path of the accepted plan. */
  readonly plan: string | null;
  readonly approved: Approval | null;
  readonly reviewed: Reviewed | null;
  readonly text: AcceptedText | null;
  /** A person was asked about these checks last; `waived` is the word that let some of them go. */
  readonly askedChecks: readonly string[];
  readonly waived: Approval | null;
  /** Counts how often the branch was updated because GitHub refused to merge; a person is asked in the end. */
  readonly branchUpdates: number;
  /** The gate was green for this work, and it could not be pushed so far; the next run pushes it as it is. */
  readonly kept: { readonly sha: string; readonly summary: string } | null;
  readonly claim: KeptClaim | null;
  readonly retryAt: string | null;
  readonly retryReason: string | null;
  /** The run has waited without an attempt since then; null when it does not wait. */
  readonly waitingSince: string | null;
  /** Says what the wait is for, at which step of the run, and how many milliseconds it had lasted; null without one. */
  readonly waited: { readonly cause: WaitCause; readonly mark: string; readonly ms: number } | null;
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
  retryAt: null,
  retryReason: null,
  waitingSince: null,
  waited: null,
  outcome: null,
  history: Object.freeze([]),
});

/** A value that cannot be read counts as absent. */
const orElse = z.catch;
const count = z.int().check(z.minimum(0));
const id = z.int().check(z.minimum(1));
const stage = z.enum(STAGES);

const answer = z.strictObject({
  text: z.string(),
  by: z.string(),
  door: z.enum(["comment", "api", "review"]),
  at: z.string(),
  last: z._default(z.string(), ""),
  commentId: z._default(z.nullable(id), null),
  lastSeen: z._default(z.nullable(id), null),
});

const approval = z.strictObject({
  of: z.string(),
  paths: z.array(z.string()),
  checks: z.array(z.string()),
  head: z.string(),
  by: z.string(),
  at: z.string(),
  commentId: z.nullable(id),
  lastSeen: z.nullable(id),
});
const reviewed = z.strictObject({ sha: z.string(), files: z.record(z.string(), z.string()) });
const acceptedText = z.strictObject({ title: z.string(), body: z.string(), at: z.string(), isAsked: z.boolean() });

const hitl = z.strictObject({
  question: z.string(),
  cause: z.enum(HITL_CAUSES),
  origin: z.enum(STAGE_LABELS as [StageLabel, ...StageLabel[]]),
  askedAt: z.string(),
  commentId: z.nullable(id),
  awaits: z._default(z.nullable(z.string()), null),
  resumes: z._default(z.boolean(), false),
  isSuspicion: z.optional(z.literal(true)),
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
  passes: z._default(z.partialRecord(stage, count), {}),
  reviewRounds: count,
  ciFixes: count,
  guidance: z.array(z.strictObject({ text: z.string(), by: z.string(), at: z.string() })),
  feedback: z.nullable(z.string()),
  hitl: z.nullable(hitl),
  run: z.nullable(run),
  pull: z.nullable(id),
  branch: z.nullable(z.string()),
  plan: z.nullable(z.string()),
  // A person's word that an earlier version wrote down in another form is asked for again.
  approved: orElse(z.nullable(approval), null),
  reviewed: z._default(z.nullable(reviewed), null),
  text: z._default(z.nullable(acceptedText), null),
  askedChecks: z._default(z.array(z.string()), []),
  waived: z._default(z.nullable(approval), null),
  branchUpdates: z._default(count, 0),
  kept: z._default(z.nullable(z.strictObject({ sha: z.string(), summary: z.string() })), null),
  claim: z.nullable(
    z.strictObject({ commentId: id, expiresAt: z.string(), closing: z.optional(z.string().check(z.minLength(1))) }),
  ),
  retryAt: z.nullable(z.string()),
  retryReason: z.nullable(z.string()),
  waitingSince: z._default(z.nullable(z.string()), null),
  waited: z._default(
    z.nullable(z.strictObject({ cause: z.enum(WAIT_CAUSES), mark: z.string(), ms: z.number().check(z.minimum(0)) })),
    null,
  ),
  outcome: z.nullable(outcome),
  history: z.array(z.strictObject({ at: z.string(), text: z.string() })),
});
