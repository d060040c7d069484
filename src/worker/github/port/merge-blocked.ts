// Finds out why GitHub would not merge from its words, since there is no code for it. Branch protection and rulesets
// say the same things in their own ways, and a ruleset lists several at once below "Repository rule violations found".
// It is pure. docs/github.md shows the same table.

import type { GitHubFailure, MergeBlocked } from "./github.ts";

/** A merge is refused with these; any other status is a failure of the request. */
const STATUSES: ReadonlySet<number> = new Set([403, 405, 409, 422]);

export interface MergeRefusalRow {
  readonly reason: MergeBlocked["reason"];
  readonly words: RegExp;
  /** An answer of GitHub that this row takes. */
  readonly example: string;
}

/**
 * The first match wins, so the order is a rule of its own: refusals that we can do something about by ourselves go
 * before those that need a person. Where a check and a review are both missing, the review is named, since the checks
 * were green when we asked.
 */
export const MERGE_REFUSALS: readonly MergeRefusalRow[] = [
  { reason: "queue", words: /merge queue/i, example: "Changes must be made through the merge queue" },
  {
    reason: "method",
    words: /(?:squash merges|merge commits|rebase merges|merge method)[^.]{0,60} (?:not allowed|disabled)/i,
    example: "Squash merges are not allowed on this repository.",
  },
  {
    reason: "method",
    words: /must not contain merge commits/i,
    example: "This branch must not contain merge commits.",
  },
  {
    reason: "method",
    words: /(?:can't|cannot|could not) be rebased|rebase failed/i,
    example: "This branch can't be rebased",
  },
  {
    reason: "behind",
    words: /out[- ]of[- ]date|not up[- ]to[- ]date|must be up[- ]to[- ]date|is behind/i,
    example: "The head branch is out of date with the base branch.",
  },
  {
    reason: "signature",
    words: /verified signatures?|valid signatures?|must be signed|unsigned/i,
    example: "Commits must have verified signatures.",
  },
  {
    reason: "review",
    words:
      /approving reviews?|code owner|changes (?:have been |were )?requested|last pusher|review (?:is )?required|require[sd]? (?:an )?approv/i,
    example: "At least 1 approving review is required by reviewers with write access.",
  },
  {
    reason: "review",
    words: /(?:comments?|conversations?) must be resolved|unresolved conversation/i,
    example: "A conversation must be resolved before this pull request can be merged.",
  },
  {
    reason: "checks",
    words:
      /status checks?|required workflow|code scanning|code quality|successful active .{0,100}deployment|deployments? .{0,60}(?:required|must)/i,
    example: 'Required status check "build" is expected.',
  },
  {
    reason: "conflict",
    words: /merge conflict|not mergeable|conflicts? must be resolved/i,
    example: "Pull Request is not mergeable",
  },
  { reason: "other", words: /./s, example: "Pull Request is still a draft" },
];

/**
 * Returns null where the refusal is not about the merge: the head moved, the base moved, the credential lacks the
 * right.
 */
export function mergeBlockedOf(failure: GitHubFailure): MergeBlocked | null {
  const { status, message } = failure;
  if (!STATUSES.has(status) || failure.retryable || /head (?:branch|sha)[^.]{0,40}(?:modified|match)/i.test(message))
    return null;
  const row = MERGE_REFUSALS.find(({ words }) => words.test(message));
  // GitHub refuses a missing right with 403 and in no words of a rule.
  if (status === 403 && (row === undefined || row.reason === "other")) return null;
  const reason = row?.reason ?? "other";
  return { kind: "merge-blocked", reason, message, status, retryable: false, retryAt: null };
}
