// Names that go into refs, paths and arguments. Work branches are made by us alone; base branches come from settings or
// GitHub and are checked before git sees them.

import { fail, ok, type Result } from "../../../core/base/result.ts";
import { type GitFailure, gitFailure } from "./git-failure.ts";

const BRANCH_LENGTH_MAX = 200;
/** Work branches lie below, but for those of another name, which their records tell. */
const WORK_AREA = "agent/";
const SHA = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/** Stricter than git-check-ref-format(1): that one accepts `$(id)`, `a;b` and names that read as options. */
function isBranchName(name: string): boolean {
  if (name.length > BRANCH_LENGTH_MAX || !/^[A-Za-z0-9_][A-Za-z0-9._/+@#-]*$/.test(name)) return false;
  if (name.includes("..") || name.includes("@{") || name.includes("//") || /[./]$/.test(name)) return false;
  return name.split("/").every((part) => !part.startsWith(".") && !part.endsWith(".lock"));
}

export function checkBranchName(name: string): Result<undefined, GitFailure> {
  return isBranchName(name)
    ? ok()
    : fail(gitFailure("failed", `'${name.slice(0, BRANCH_LENGTH_MAX)}' is not an acceptable branch name`));
}

export function isSha(text: string): boolean {
  return SHA.test(text);
}

export function workBranchName(issue: number): string {
  return `${WORK_AREA}${worktreeName(issue)}`;
}

/**
 * The names that an issue's work branch may have, best first. Git cannot have a branch `agent` beside `agent/issue-1`; where
 * the server has one the next name is taken, and which one it was stands in the branch record.
 */
export function workBranchNames(issue: number): readonly string[] {
  return [workBranchName(issue), `hydraflow/issue-${issue}`, `hydraflow-issue-${issue}`];
}

/** Whether an issue's work branch may be called so. */
export function isWorkBranchName(branch: string): boolean {
  const issue = /issue-([1-9]\d{0,14})$/.exec(branch)?.[1];
  return issue !== undefined && workBranchNames(Number(issue)).includes(branch);
}

/** Null for a name that is not of this form. Whether the branch is ours, only what we have on record says. */
export function issueOfBranch(branch: string): number | null {
  return branch.startsWith(WORK_AREA) ? issueOfName(branch.slice(WORK_AREA.length)) : null;
}

/** Of an issue's worktree, home and plan. */
export function worktreeName(issue: number): string {
  return `issue-${issue}`;
}

/** What `worktreeName` was made of; null for any other name. */
export function issueOfName(name: string): number | null {
  const digits = /^issue-([1-9]\d{0,14})$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}
