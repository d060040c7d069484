// Checks and makes names that go into refs, paths and arguments. Only we make work branches; base branches come from
// settings or GitHub and are checked before git sees them.

import { fail, ok, type Result } from "../../../core/base/result.ts";
import { type GitFailure, gitFailure } from "./git-failure.ts";

const BRANCH_LENGTH_MAX = 200;
/** Work branches lie below this area, except those of another name, which their records tell. */
const WORK_AREA = "agent/";
const SHA = /^[0-9a-f]{40}([0-9a-f]{24})?$/;

/**
 * This takes letters of every script, and is stricter than git-check-ref-format(1), which accepts `$(id)`, `a;b` and
 * names that read as options.
 */
function isBranchName(name: string): boolean {
  if (name.length > BRANCH_LENGTH_MAX || !/^[\p{L}\p{N}_][\p{L}\p{M}\p{N}._/+@#=,%-]*$/u.test(name)) return false;
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
 * Lists the names that an issue's work branch may have, best first. Git cannot have a branch `agent` beside
 * `agent/issue-1`; where the server has one, the next name is taken, and the branch record says which one it was.
 */
export function workBranchNames(issue: number): readonly string[] {
  return [workBranchName(issue), `hydraflow/issue-${issue}`, `hydraflow-issue-${issue}`];
}

/** Says whether an issue's work branch may have this name. */
export function isWorkBranchName(branch: string): boolean {
  const issue = /issue-([1-9]\d{0,14})$/.exec(branch)?.[1];
  return issue !== undefined && workBranchNames(Number(issue)).includes(branch);
}

/** Returns null for a name that is not of this form. Only our records say whether the branch is ours. */
export function issueOfBranch(branch: string): number | null {
  return branch.startsWith(WORK_AREA) ? issueOfName(branch.slice(WORK_AREA.length)) : null;
}

/** Names an issue's worktree, home and plan. */
export function worktreeName(issue: number): string {
  return `issue-${issue}`;
}

/** Undoes `worktreeName`; returns null for any other name. */
export function issueOfName(name: string): number | null {
  const digits = /^issue-([1-9]\d{0,14})$/.exec(name)?.[1];
  return digits === undefined ? null : Number(digits);
}
