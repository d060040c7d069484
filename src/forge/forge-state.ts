// What the forge's own methods show of a repository: the records with label names in place of ids, and copies, so that
// no reader can change them.

import type {
  CheckRecord,
  CommentRecord,
  IssueRecord,
  PullIssue,
  PullRecord,
  RepositoryRecord,
} from "./repository-record.ts";
import { labelsOf } from "./views/issue-view.ts";

export type CommentState = Readonly<CommentRecord>;
export type CheckState = Readonly<CheckRecord>;
export type IssueState = Readonly<Omit<IssueRecord, "labelIds" | "pull">> & { readonly labels: readonly string[] };
export type PullState = IssueState & Readonly<PullRecord> & { readonly merged: boolean };

export function issueState(repository: RepositoryRecord, issue: IssueRecord): IssueState {
  const { labelIds: _ids, pull: _pull, ...rest } = issue;
  return { ...structuredClone(rest), labels: labelsOf(repository, issue).map((label) => label.name) };
}

export function pullState(repository: RepositoryRecord, issue: PullIssue): PullState {
  return { ...issueState(repository, issue), ...structuredClone(issue.pull), merged: issue.pull.mergedAt !== null };
}
