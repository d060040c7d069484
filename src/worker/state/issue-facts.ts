// Declares the facts about an issue that stages find out and decisions change, and how each is stored.

import { z } from "../../core/base/schema.ts";

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

export const OUTCOMES = ["merged", "already_satisfied", "closed", "skipped", "failed"] as const;

export interface IssueOutcome {
  readonly kind: (typeof OUTCOMES)[number];
  readonly reason: string;
  readonly at: string;
  readonly pull: number | null;
}

/** A stage may change these beside the label. */
export interface IssueFacts {
  /** Review or CI feedback for the next implement run. */
  readonly feedback: string | null;
  readonly reviewRounds: number;
  readonly ciFixes: number;
  /** A person's answers, oldest first. */
  readonly guidance: readonly Guidance[];
  /** The path of the accepted plan. */
  readonly plan: string | null;
  readonly pull: number | null;
  readonly branch: string | null;
  readonly approved: Approval | null;
  readonly reviewed: Reviewed | null;
  readonly text: AcceptedText | null;
  /** A person was asked about these checks last; `waived` is the word that let some of them go. */
  readonly askedChecks: readonly string[];
  readonly waived: Approval | null;
  /** Counts how often the branch was updated because GitHub refused to merge; a person is asked in the end. */
  readonly branchUpdates: number;
  /**
   * This work is done, and what comes after it could not be done so far; the next run goes on there. The gate was green
   * for `sha`; null where that is still to be seen.
   */
  readonly kept: { readonly sha: string | null; readonly summary: string } | null;
}

/** A value that cannot be read counts as absent. */
export const orElse = z.catch;
export const count = z.int().check(z.minimum(0));
export const id = z.int().check(z.minimum(1));

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

/** Each fact is stored so; a default for files that lack one stands in issue-state.ts. */
export const FACTS = {
  feedback: z.nullable(z.string()),
  reviewRounds: count,
  ciFixes: count,
  guidance: z.array(z.strictObject({ text: z.string(), by: z.string(), at: z.string() })),
  plan: z.nullable(z.string()),
  pull: z.nullable(id),
  branch: z.nullable(z.string()),
  approved: z.nullable(approval),
  reviewed: z.nullable(reviewed),
  text: z.nullable(acceptedText),
  askedChecks: z.array(z.string()),
  waived: z.nullable(approval),
  branchUpdates: count,
  kept: z.nullable(z.strictObject({ sha: z.nullable(z.string()), summary: z.string() })),
};

export const outcome = z.strictObject({
  kind: z.enum(OUTCOMES),
  reason: z.string(),
  at: z.string(),
  pull: z.nullable(id),
});
