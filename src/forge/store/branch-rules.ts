// Classic protection and rulesets protect a branch; this file brings both to one form. "About protected branches" and
// "Available rules for rulesets" have what each asks for; where both name a branch, both hold.

import type { MergeMethod } from "../git/merge-method.ts";
import type { RepositoryRecord } from "./repository-record.ts";
import type { ProtectionRecord, RequiredReviews, RuleRecord, RulesetRecord } from "./repository-settings.ts";

export interface BranchRules {
  readonly source: "protection" | "ruleset";
  readonly approvals: number;
  readonly codeOwners: boolean;
  readonly dismissStale: boolean;
  readonly checks: readonly string[];
  readonly strict: boolean;
  readonly signatures: boolean;
  readonly conversations: boolean;
  readonly restrictedTo: readonly string[] | null;
  /** It is null where there is no queue; else it is how the queue merges. */
  readonly queue: MergeMethod | null;
  /** It is null where the repository's own setting is all. */
  readonly methods: readonly MergeMethod[] | null;
}

export interface AppliedRule {
  readonly ruleset: RulesetRecord;
  readonly rule: RuleRecord;
}

/** The rules are empty for a branch that nothing protects. */
export function rulesFor(record: RepositoryRecord, branch: string): BranchRules[] {
  const protection = record.protections[branch];
  const applied = appliedRules(record, branch);
  return [
    ...(protection === undefined ? [] : [ofProtection(protection)]),
    ...(applied.length === 0 ? [] : [ofRuleset(applied.map(({ rule }) => rule))]),
  ];
}

export function appliedRules(record: RepositoryRecord, branch: string): AppliedRule[] {
  const names = new Set([
    "~ALL",
    `refs/heads/${branch}`,
    ...(branch === record.defaultBranch ? ["~DEFAULT_BRANCH"] : []),
  ]);
  const active = record.rulesets.filter(({ refs }) => refs.some((ref) => names.has(ref)));
  return active.flatMap((ruleset) => ruleset.rules.map((rule) => ({ ruleset, rule })));
}

/** Gives how the merge queue of this branch merges; null where it has none. */
export function queueMethod(record: RepositoryRecord, branch: string): MergeMethod | null {
  return rulesFor(record, branch).find(({ queue }) => queue !== null)?.queue ?? null;
}

function ofProtection(protection: ProtectionRecord): BranchRules {
  return { source: "protection", ...protection, queue: null, methods: null };
}

function ofRuleset(rules: readonly RuleRecord[]): BranchRules {
  const parametersOf = (type: RuleRecord["type"]): Readonly<Record<string, unknown>> | undefined => {
    const rule = rules.find((candidate) => candidate.type === type);
    return rule === undefined ? undefined : (rule.parameters ?? {});
  };
  const pull = (parametersOf("pull_request") ?? {}) as RequiredReviews;
  const checks = (parametersOf("required_status_checks") ?? {}) as {
    required_status_checks?: readonly { context: string }[];
    strict_required_status_checks_policy?: boolean;
  };
  const queue = parametersOf("merge_queue") as { merge_method?: string } | undefined;
  const isLinear = parametersOf("required_linear_history") !== undefined;
  return {
    source: "ruleset",
    approvals: pull.required_approving_review_count ?? 0,
    codeOwners: pull.require_code_owner_review ?? false,
    dismissStale: pull.dismiss_stale_reviews_on_push ?? false,
    checks: (checks.required_status_checks ?? []).map(({ context }) => context),
    strict: checks.strict_required_status_checks_policy ?? false,
    signatures: parametersOf("required_signatures") !== undefined,
    conversations: pull.required_review_thread_resolution ?? false,
    restrictedTo: null,
    queue: queue === undefined ? null : ((queue.merge_method ?? "MERGE").toLowerCase() as MergeMethod),
    methods: pull.allowed_merge_methods ?? (isLinear ? ["squash", "rebase"] : null),
  };
}
