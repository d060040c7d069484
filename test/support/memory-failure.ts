// The GitHub in memory refuses with GitHub's status and words, and from them comes what the adapter would make of them.

import { fail, type Result } from "../../src/core/base/result.ts";
import { gitHubFailure } from "../../src/worker/github/port/github-failure.ts";
import type { GitHubFailure, MergeBlocked } from "../../src/worker/github/port/github.ts";
import { mergeBlockedOf } from "../../src/worker/github/port/merge-blocked.ts";

export interface Refusal {
  readonly status: number;
  /** These are GitHub's words. */
  readonly message: string;
}

export const NOT_FOUND: Refusal = { status: 404, message: "Not Found" };
export const ARCHIVED: Refusal = { status: 403, message: "Repository was archived so is read-only." };
export const NO_ISSUES: Refusal = { status: 410, message: "Issues are disabled for this repo" };
export const LOCKED: Refusal = { status: 403, message: "Unable to create comment because issue is locked." };
export const NO_RIGHT: Refusal = { status: 403, message: "Resource not accessible by personal access token" };
export const REVOKED: Refusal = { status: 401, message: "Bad credentials" };

export function invalid(message: string): Refusal {
  return { status: 422, message };
}

export function refused(refusal: Refusal): Result<never, GitHubFailure> {
  return fail(failureOf(refusal));
}

export function mergeRefused(refusal: Refusal): Result<never, GitHubFailure | MergeBlocked> {
  const failure = failureOf(refusal);
  return fail(mergeBlockedOf(failure) ?? failure);
}

function failureOf(refusal: Refusal): GitHubFailure {
  return gitHubFailure({ ...refusal, headers: {} }, new Date(0));
}
