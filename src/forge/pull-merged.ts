// The moment a pull request counts as merged, and what it closes: issues it names with GitHub's keywords.

import { fullName, type PullIssue } from "./repository-record.ts";
import { isoNow, type Write } from "./forge-core.ts";
import { closeIssue, tellIssue } from "./issue-writes.ts";

const CLOSING = /\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:([\w.-]+\/[\w.-]+))?#(\d+)\b/gi;

/** `sha` is the commit on the base branch that brought it in. */
export function markMerged(write: Write, issue: PullIssue, sha: string): void {
  const now = isoNow(write.core);
  const actor = write.cause.actor;
  Object.assign(issue.pull, { mergedAt: now, mergedBy: actor, mergeSha: sha });
  Object.assign(issue, { state: "closed", closedAt: now, closedBy: actor, updatedAt: now });
  tellIssue(write, issue, "merged", "closed", { sha, head: issue.pull.headSha });
  if (issue.pull.baseBranch === write.repository.record.defaultBranch) closeNamedIssues(write, issue);
}

function closeNamedIssues(write: Write, merged: PullIssue): void {
  const { record } = write.repository;
  for (const [, repository, number] of (merged.body ?? "").matchAll(CLOSING)) {
    if (repository !== undefined && repository.toLowerCase() !== fullName(record).toLowerCase()) continue;
    const named = record.issues[Number(number) - 1];
    if (named !== undefined && named.pull === null && named.state === "open") closeIssue(write, named, "completed");
  }
}
