// A repository has labels and puts them on its issues. Names are compared without case; a label that is put on an issue
// is made when the repository has none of that name, as GitHub does.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { type ApiAnswer, invalid } from "../api/api-answer.ts";
import { emit, isoNow, type Write } from "../kernel/forge-core.ts";
import { addEvent } from "./issue-events.ts";
import { type IssueRecord, isPull, type LabelRecord, nextId } from "../store/repository-record.ts";
import type { StoredRepository } from "../store/repository-store.ts";
import { issueView, labelView } from "../views/issue-view.ts";
import { pullSimpleView } from "../views/pull-view.ts";

const DEFAULT_COLOR = "ededed";

export interface LabelInput {
  readonly name: string;
  readonly color?: string | undefined;
  readonly description?: string | undefined;
}

export function findLabel(repository: StoredRepository, name: string): LabelRecord | undefined {
  return repository.record.labels.find((label) => isSameName(label.name, name));
}

export function createLabel(write: Write, input: LabelInput): Result<LabelRecord, ApiAnswer> {
  if (findLabel(write.repository, input.name) !== undefined) return fail(nameTaken());
  return ok(addDefinition(write, input));
}

/** `edit.name` is the new name. */
export function editLabel(
  write: Write,
  label: LabelRecord,
  edit: { readonly [Field in keyof LabelInput]?: string | undefined },
): Result<LabelRecord, ApiAnswer> {
  const namesake = edit.name === undefined ? undefined : findLabel(write.repository, edit.name);
  if (namesake !== undefined && namesake !== label) return fail(nameTaken());
  label.name = edit.name ?? label.name;
  label.color = edit.color ?? label.color;
  label.description = edit.description ?? label.description;
  emit(write, { kind: "label.updated", detail: { label: label.name } });
  return ok(label);
}

export function deleteLabel(write: Write, label: LabelRecord): void {
  const { record } = write.repository;
  record.labels = record.labels.filter((other) => other !== label);
  for (const issue of record.issues) issue.labelIds = issue.labelIds.filter((id) => id !== label.id);
  emit(write, { kind: "label.deleted", detail: { label: label.name } });
}

export function addLabels(write: Write, issue: IssueRecord, names: readonly string[]): void {
  for (const name of names) {
    const label = findLabel(write.repository, name) ?? addDefinition(write, { name });
    if (issue.labelIds.includes(label.id)) continue;
    issue.labelIds.push(label.id);
    emitChange(write, issue, label, "added");
  }
}

export function removeLabels(write: Write, issue: IssueRecord, labels: readonly LabelRecord[]): void {
  for (const label of labels) {
    if (!issue.labelIds.includes(label.id)) continue;
    issue.labelIds = issue.labelIds.filter((id) => id !== label.id);
    emitChange(write, issue, label, "removed");
  }
}

/** The issue has exactly these labels afterwards. */
export function setLabels(write: Write, issue: IssueRecord, names: readonly string[]): void {
  const { labels } = write.repository.record;
  const surplus = labels.filter((label) => !names.some((name) => isSameName(label.name, name)));
  removeLabels(write, issue, surplus);
  addLabels(write, issue, names);
}

function addDefinition(write: Write, input: LabelInput): LabelRecord {
  const label = {
    id: nextId(write.repository.record),
    name: input.name,
    color: input.color?.replace(/^#/, "") ?? DEFAULT_COLOR,
    description: input.description ?? null,
  };
  write.repository.record.labels.push(label);
  emit(write, { kind: "label.created", detail: { label: label.name } });
  return label;
}

function emitChange(write: Write, issue: IssueRecord, label: LabelRecord, change: "added" | "removed"): void {
  const { core, cause } = write;
  const { record } = write.repository;
  issue.updatedAt = isoNow(core);
  const { name, color } = label;
  addEvent(write, issue, { event: change === "added" ? "labeled" : "unlabeled", label: { name, color } });
  emit(write, {
    kind: `label.${change}`,
    number: issue.number,
    detail: { label: label.name },
    event: {
      name: isPull(issue) ? "pull_request" : "issues",
      payload: () => ({
        action: change === "added" ? "labeled" : "unlabeled",
        number: issue.number,
        label: labelView(core.origin, record, label),
        ...(isPull(issue)
          ? { pull_request: pullSimpleView(core.origin, record, issue, cause.actor) }
          : { issue: issueView(core.origin, record, issue) }),
      }),
    },
  });
}

function nameTaken(): ApiAnswer {
  return invalid({ resource: "Label", field: "name", code: "already_exists" });
}

function isSameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
