// A pull request has a place in the merge queue or none; this file reads it and takes it away.

import { emit, type Write } from "../kernel/forge-core.ts";
import { addEvent } from "../issues/issue-events.ts";
import type { PullIssue } from "../store/repository-record.ts";

export function isInQueue({ pull }: PullIssue): boolean {
  return pull.queued !== undefined && pull.queued !== null;
}

export function leaveQueue(write: Write, issue: PullIssue): void {
  if (!isInQueue(issue)) return;
  issue.pull.queued = null;
  addEvent(write, issue, { event: "removed_from_merge_queue" });
  emit(write, { kind: "queue.left", number: issue.number });
}
