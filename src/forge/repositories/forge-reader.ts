// The forge's own methods show its repositories through this: the records with label names in place of ids, and copies,
// so that no reader can change them. Whatever is not there is a mistake of the caller and throws FORGE_INPUT.

import { HydraError } from "../../core/base/errors.ts";
import {
  type CheckRecord,
  type CommentRecord,
  fullName,
  type IssueRecord,
  isPull,
  type PullIssue,
  type PullRecord,
  type RepositoryRecord,
} from "../store/repository-record.ts";
import type { RepositoryStore, StoredRepository } from "../store/repository-store.ts";
import { labelsOf } from "../views/issue-view.ts";

export type IssueState = Readonly<Omit<IssueRecord, "labelIds" | "pull">> & { readonly labels: readonly string[] };
export type PullState = IssueState & Readonly<PullRecord> & { readonly merged: boolean };

/** Repositories are named `owner/name`. */
export class ForgeReader {
  readonly #store: RepositoryStore;

  constructor(store: RepositoryStore) {
    this.#store = store;
  }

  issue(repo: string, number: number): IssueState {
    return issueState(this.repositoryNamed(repo).record, this.issueRecord(repo, number));
  }

  /** Gives issues without pull requests. */
  issues(repo: string): IssueState[] {
    const { record } = this.repositoryNamed(repo);
    return record.issues.filter((issue) => !isPull(issue)).map((issue) => issueState(record, issue));
  }

  pull(repo: string, number: number): PullState {
    const issue = this.issueRecord(repo, number);
    if (!isPull(issue)) throw new HydraError("FORGE_INPUT", `${repo}#${number} is no pull request`);
    return pullState(this.repositoryNamed(repo).record, issue);
  }

  pulls(repo: string): PullState[] {
    const { record } = this.repositoryNamed(repo);
    return record.issues.filter(isPull).map((issue) => pullState(record, issue));
  }

  comments(repo: string, number: number): Readonly<CommentRecord>[] {
    return structuredClone(this.issueRecord(repo, number).comments);
  }

  checks(repo: string, sha: string): Readonly<CheckRecord>[] {
    return structuredClone(this.repositoryNamed(repo).record.checks.filter((check) => check.headSha === sha));
  }

  /** Maps each full ref name to its commit. */
  refs(repo: string): Record<string, string> {
    return { ...this.repositoryNamed(repo).record.refs };
  }

  protected repositories(): Record<string, unknown>[] {
    return this.#store.all().map(({ record }) => {
      const { defaultBranch, refs, checks } = record;
      const name = fullName(record);
      return { fullName: name, defaultBranch, refs, issues: this.issues(name), pulls: this.pulls(name), checks };
    });
  }

  protected repositoryNamed(repo: string): StoredRepository {
    const found = this.#store.find(repo);
    if (found === undefined) throw new HydraError("FORGE_INPUT", `there is no repository ${repo}`);
    return found;
  }

  protected issueRecord(repo: string, number: number): IssueRecord {
    const found = this.repositoryNamed(repo).record.issues[number - 1];
    if (found === undefined) throw new HydraError("FORGE_INPUT", `${repo} has no issue ${number}`);
    return found;
  }
}

function issueState(repository: RepositoryRecord, issue: IssueRecord): IssueState {
  const { labelIds: _ids, pull: _pull, ...rest } = issue;
  return { ...structuredClone(rest), labels: labelsOf(repository, issue).map((label) => label.name) };
}

function pullState(repository: RepositoryRecord, issue: PullIssue): PullState {
  return { ...issueState(repository, issue), ...structuredClone(issue.pull), merged: issue.pull.mergedAt !== null };
}
