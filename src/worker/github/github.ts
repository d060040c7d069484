// The port to GitHub, owned by the pipeline. One adapter speaks REST (octokit-github.ts). Expected refusals are values;
// anything that may pass by itself is a `GitHubFailure` with `retryable` set, so that a stage can wait and try again.

import type { Result } from "../../core/result.ts";

export interface Issue {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly labels: readonly string[];
  readonly state: "open" | "closed";
  readonly author: string;
  readonly url: string;
  /** ISO times as GitHub gives them. */
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface Comment {
  readonly id: number;
  readonly author: string;
  readonly body: string;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface PullRequest {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly state: "open" | "closed";
  readonly merged: boolean;
  readonly draft: boolean;
  readonly headSha: string;
  readonly headBranch: string;
  readonly baseBranch: string;
  readonly labels: readonly string[];
  readonly url: string;
}

/** Checks and commit statuses of one commit together. `none` and a failed request are never `passed`. */
export type CheckState =
  | { readonly kind: "none" }
  | { readonly kind: "pending"; readonly pending: number; readonly total: number }
  | { readonly kind: "passed"; readonly total: number }
  | {
      readonly kind: "failed";
      readonly failed: readonly { readonly name: string; readonly summary: string; readonly url: string }[];
    };

export interface Repository {
  readonly fullName: string;
  readonly defaultBranch: string;
}

export interface RateLimit {
  readonly limit: number;
  readonly remaining: number;
  readonly resetAt: Date;
}

export interface GitHubFailure {
  readonly kind:
    | "not-found"
    | "unauthorized"
    | "forbidden"
    | "conflict"
    | "invalid"
    | "rate-limited"
    | "unreachable"
    | "server";
  readonly message: string;
  /** HTTP status; 0 when no answer came. */
  readonly status: number;
  /** True when the same request may succeed later. */
  readonly retryable: boolean;
  /** When to ask again, if GitHub said so. */
  readonly retryAt: Date | null;
}

export type Answer<T> = Promise<Result<T, GitHubFailure>>;

export interface GitHub {
  /** Login that our token acts as; comments by it are ours. */
  viewer(signal: AbortSignal): Answer<string>;
  repository(signal: AbortSignal): Answer<Repository>;
  /** Issues without pull requests, all pages; `since` (ISO) asks for everything changed since, open and closed. */
  listIssues(since: string | null, signal: AbortSignal): Answer<readonly Issue[]>;
  issue(number: number, signal: AbortSignal): Answer<Issue>;
  comments(number: number, signal: AbortSignal): Answer<readonly Comment[]>;
  createComment(number: number, body: string, signal: AbortSignal): Answer<Comment>;
  updateComment(id: number, body: string, signal: AbortSignal): Answer<Comment>;
  addLabels(number: number, labels: readonly string[], signal: AbortSignal): Answer<readonly string[]>;
  /** A label that is not there is success. */
  removeLabel(number: number, label: string, signal: AbortSignal): Answer<undefined>;
  /** A label that exists already is success. */
  createLabel(name: string, colour: string, description: string, signal: AbortSignal): Answer<undefined>;
  closeIssue(number: number, reason: "completed" | "not_planned", signal: AbortSignal): Answer<Issue>;
  /** Open or not, newest first, with this head branch in this repository. */
  pullsByBranch(branch: string, signal: AbortSignal): Answer<readonly PullRequest[]>;
  pull(number: number, signal: AbortSignal): Answer<PullRequest>;
  createPull(
    pull: { title: string; body: string; head: string; base: string; draft: boolean },
    signal: AbortSignal,
  ): Answer<PullRequest>;
  /** A formal review; `comment` is what GitHub allows on one's own pull request. */
  createReview(
    number: number,
    review: { event: "approve" | "request_changes" | "comment"; body: string; headSha: string },
    signal: AbortSignal,
  ): Answer<undefined>;
  reviews(
    number: number,
    signal: AbortSignal,
  ): Answer<readonly { id: number; author: string; body: string; state: string }[]>;
  /** Squash merge; refused with `conflict` when the head is no longer `headSha`. */
  merge(number: number, headSha: string, title: string, signal: AbortSignal): Answer<{ sha: string }>;
  checks(sha: string, signal: AbortSignal): Answer<CheckState>;
  /** Commits that `head` has and `base` has not. */
  aheadBy(base: string, head: string, signal: AbortSignal): Answer<number>;
  deleteBranch(branch: string, signal: AbortSignal): Answer<undefined>;
  /** Whether this login may push: admin, maintain or write. Fails closed. */
  mayWrite(login: string, signal: AbortSignal): Answer<boolean>;
  /** What the last answers said of the budget; null before the first. */
  rateLimit(): RateLimit | null;
}
