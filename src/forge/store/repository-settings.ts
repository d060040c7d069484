// A repository can be given these settings beyond its content: what GitHub lets an owner set, and how slow and
// forgetful its servers are to be. The record keeps them; an absent field means GitHub's default for a new repository.

import { z } from "../../core/base/schema.ts";
import type { MergeMethod } from "../git/merge-method.ts";

const count = z.int().check(z.minimum(0));
const text = z.string().check(z.minLength(1));
const method = z.enum(["merge", "squash", "rebase"]);

export const settingsFields = {
  mergeMethods: z.optional(z.array(method).check(z.minLength(1))),
  deleteBranchOnMerge: z.optional(z.boolean()),
  archived: z.optional(z.boolean()),
  hasIssues: z.optional(z.boolean()),
  /** It says who may comment and open issues; "Limiting interactions in your repository" has the rules. */
  interactionLimit: z.optional(z.nullable(z.enum(["existing_users", "contributors_only", "collaborators_only"]))),
  /** So many looks at a pull request find `mergeable` not worked out yet, for each pair of commits. */
  mergeableAfterReads: z.optional(count),
  /** A pull request's file list ends here. */
  filesMax: z.optional(count),
  /** After a write, this many reads, or reads for this many milliseconds, see what was before it, or find nothing. */
  lag: z.optional(
    z.nullable(
      z.strictObject({
        reads: z.optional(count),
        ms: z.optional(count),
        how: z.optional(z.enum(["stale", "not-found"])),
      }),
    ),
  ),
  /** These apps get a check suite at every push, before any of their runs exists. */
  suiteApps: z.optional(z.array(text)),
  /** The forge's own CI leaves a pushed commit without a run for so long. */
  ciDelayMs: z.optional(count),
  /** The merge queue takes so long over each step. */
  queueDelayMs: z.optional(count),
  /** The server refuses these pushes: a shell pattern of the full ref name, and the words for it. */
  pushRules: z.optional(z.array(z.strictObject({ ref: text, message: text }))),
};

const settingsSchema = z.strictObject(settingsFields);
export type SettingsEdit = z.infer<typeof settingsSchema>;
export type RepositorySettings = { [Name in keyof SettingsEdit]-?: Exclude<SettingsEdit[Name], undefined> };

export const DEFAULT_SETTINGS: RepositorySettings = {
  mergeMethods: ["merge", "squash", "rebase"],
  deleteBranchOnMerge: false,
  archived: false,
  hasIssues: true,
  interactionLimit: null,
  mergeableAfterReads: 0,
  filesMax: 3_000,
  lag: null,
  suiteApps: [],
  ciDelayMs: 0,
  queueDelayMs: 0,
  pushRules: [],
};

/** A setting that the edit does not name stays. */
export function changedSettings(settings: RepositorySettings, edit: SettingsEdit): RepositorySettings {
  const named = Object.entries(edit).filter(([, value]) => value !== undefined);
  return { ...settings, ...(Object.fromEntries(named) as Partial<RepositorySettings>) };
}

/** One branch has these fields of classic protection, named as in its REST endpoints where they have one. */
export const protectionFields = {
  approvals: z._default(count, 0),
  codeOwners: z._default(z.boolean(), false),
  dismissStale: z._default(z.boolean(), false),
  checks: z._default(z.array(text), []),
  /** The head must hold the base's last commit. */
  strict: z._default(z.boolean(), false),
  signatures: z._default(z.boolean(), false),
  conversations: z._default(z.boolean(), false),
  /** These logins alone may merge; null lets everyone with write access. */
  restrictedTo: z._default(z.nullable(z.array(text)), null),
};
const protectionSchema = z.strictObject(protectionFields);
export type ProtectionRecord = z.infer<typeof protectionSchema>;

export const ruleSchema = z.object({
  type: z.enum([
    "pull_request",
    "required_status_checks",
    "required_signatures",
    "merge_queue",
    "required_linear_history",
    "non_fast_forward",
    "deletion",
    "update",
  ]),
  parameters: z.optional(z.record(z.string(), z.unknown())),
});
export type RuleRecord = z.infer<typeof ruleSchema>;

/** The rule `pull_request` has these parameters. */
export interface RequiredReviews {
  readonly required_approving_review_count?: number;
  readonly require_code_owner_review?: boolean;
  readonly dismiss_stale_reviews_on_push?: boolean;
  readonly required_review_thread_resolution?: boolean;
  readonly allowed_merge_methods?: readonly MergeMethod[];
}

export interface RulesetRecord {
  readonly id: number;
  readonly name: string;
  /** They are full ref names, `~DEFAULT_BRANCH` or `~ALL`. */
  readonly refs: readonly string[];
  readonly rules: readonly RuleRecord[];
}
