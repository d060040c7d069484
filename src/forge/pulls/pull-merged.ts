// A pull request counts as merged from one moment on. Its description closes issues then, and so do the messages of all
// commits that reach the default branch, however they come there.

import { closedBy } from "./closing-keywords.ts";
import { isoNow, saveAll, type Write } from "../kernel/forge-core.ts";
import { addEvent } from "../issues/issue-events.ts";
import { closeIssue, emitIssue } from "../issues/issue-writes.ts";
import { allows, permissionOf } from "../store/permission.ts";
import type { PullIssue } from "../store/repository-record.ts";

/** A push of more commits than this closes nothing with the rest. */
const COMMITS_READ_MAX = 250;

/** `sha` is the commit on the base branch that brought it in. */
export async function markMerged(write: Write, issue: PullIssue, sha: string): Promise<void> {
  const now = isoNow(write.core);
  const { actor } = write.cause;
  Object.assign(issue.pull, { mergedAt: now, mergedBy: actor, mergeSha: sha, queued: null });
  Object.assign(issue, { state: "closed", closedAt: now, closedBy: actor, updatedAt: now });
  addEvent(write, issue, { event: "merged", commitSha: sha });
  addEvent(write, issue, { event: "closed" });
  emitIssue(write, issue, { kind: "merged", action: "closed", detail: { sha, head: issue.pull.headSha } });
  if (issue.pull.baseBranch === write.repository.record.defaultBranch) await closeNamed(write, issue.body ?? "", null);
}

/** `from` is null for a branch that is new: what its history closed is done. */
export async function closeByCommits(
  write: Write,
  from: string | null,
  to: string,
  signal: AbortSignal,
): Promise<void> {
  if (from === null) return;
  const commits = await write.repository.git.commits(`${from}..${to}`, COMMITS_READ_MAX, signal);
  for (const { message, sha } of commits.toReversed()) await closeNamed(write, message, sha);
}

async function closeNamed(write: Write, text: string, commitSha: string | null): Promise<void> {
  for (const { repository: name, number } of closedBy(text)) {
    const repository = name === null ? write.repository : write.core.store.find(name);
    if (repository === undefined || !allows(permissionOf(repository.record, write.cause.actor), "write")) continue;
    const named = repository.record.issues[number - 1];
    if (named === undefined || named.pull !== null || named.state === "closed") continue;
    const there = { ...write, repository };
    closeIssue(there, named, "completed", commitSha ?? undefined);
    if (repository !== write.repository) await saveAll(write.core, repository);
  }
}
