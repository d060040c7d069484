// A transfer to another repository and a deletion end an issue's life under its number: the transfer leaves a way
// there, the deletion nothing. A lock ends its conversation.

import { emit, isoNow, type Write } from "../kernel/forge-core.ts";
import { addEvent } from "./issue-events.ts";
import { findLabel } from "./label-writes.ts";
import { fullName, type IssueRecord, type LockReason, nextId } from "../store/repository-record.ts";
import type { StoredRepository } from "../store/repository-store.ts";
import { labelsOf } from "../views/issue-view.ts";

/** Moves the comments along, and labels where the other repository has them. Gives the number there. */
export function transferIssue(write: Write, issue: IssueRecord, target: StoredRepository): number {
  const { record } = target;
  const number = record.issues.length + 1;
  const names = labelsOf(write.repository.record, issue).map(({ name }) => name);
  const labelIds = names.flatMap((name) => findLabel(target, name)?.id ?? []);
  const copy: IssueRecord = structuredClone(issue);
  record.issues.push({ ...copy, id: nextId(record), number, labelIds, updatedAt: isoNow(write.core) });
  addEvent(write, issue, { event: "transferred" });
  Object.assign(issue, { transferredTo: { repositoryId: record.id, number }, comments: [], state: "closed" });
  emit(write, { kind: "issue.transferred", number: issue.number, detail: { to: `${fullName(record)}#${number}` } });
  return number;
}

export function deleteIssue(write: Write, issue: IssueRecord): void {
  Object.assign(issue, { isDeleted: true, comments: [], state: "closed" });
  emit(write, { kind: "issue.deleted", number: issue.number });
}

/** Null unlocks; an empty text is a lock without a reason. */
export function lockIssue(write: Write, issue: IssueRecord, reason: LockReason | null): void {
  issue.lockReason = reason;
  issue.updatedAt = isoNow(write.core);
  addEvent(write, issue, { event: reason === null ? "unlocked" : "locked" });
  emit(write, { kind: reason === null ? "issue.unlocked" : "issue.locked", number: issue.number });
}
