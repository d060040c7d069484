// Says what we remember about one issue beside its labels: the shape of an entry in state.json, its defaults, its
// limits.

import { z } from "../../core/base/schema.ts";
import { type Stage, STAGES } from "../../core/domain/stage.ts";
import { count, FACTS, id, type IssueFacts, orElse } from "./issue-facts.ts";
import { IDLE, type Way, waySchema } from "./issue-way.ts";

export type { AcceptedText, Approval, Guidance, HitlCause, IssueOutcome } from "./issue-facts.ts";
export type { HitlAnswer, HitlEnd, HitlState, Pause, Waited, Word } from "./issue-way.ts";
export type { RunState } from "./run-step.ts";

export const HISTORY_MAX = 100;
export const GUIDANCE_MAX = 50;

export type KeptClaim =
  /** It is ours until then. */
  | { readonly is: "held"; readonly commentId: number; readonly expiresAt: string }
  /** Nobody goes on with it, and GitHub is yet to show the status comment's last words. */
  | { readonly is: "releasing"; readonly commentId: number; readonly closing: string };

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
  readonly way: Way;
  /** It is taken before a run begins and given back after one has ended, so it is no part of the way. */
  readonly claim: KeptClaim | null;
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
  way: IDLE,
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
  history: Object.freeze([]),
});

const stage = z.enum(STAGES);

/** Both schemas of the file have these as they are. */
export const sharedFields = {
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
  history: z.array(z.strictObject({ at: z.string(), text: z.string() })),
};

export const closing = z.string().check(z.minLength(1));
const claim = z.discriminatedUnion("is", [
  z.strictObject({ is: z.literal("held"), commentId: id, expiresAt: z.string() }),
  z.strictObject({ is: z.literal("releasing"), commentId: id, closing }),
]);

export const issueStateSchema = z.strictObject({ ...sharedFields, way: waySchema, claim: z.nullable(claim) });
