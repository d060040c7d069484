// GitHub's issue events have an issue's history: who set which label, changed the title, locked, closed, and when.

import { isoNow, type Write } from "../kernel/forge-core.ts";
import { type EventRecord, type IssueRecord, nextId } from "../store/repository-record.ts";

export function addEvent(
  write: Write,
  issue: IssueRecord,
  event: Omit<EventRecord, "id" | "actor" | "createdAt">,
): void {
  issue.events.push({
    id: nextId(write.repository.record),
    actor: write.cause.actor,
    createdAt: isoNow(write.core),
    ...event,
  });
}
