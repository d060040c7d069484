// The port to GitHub, owned by the pipeline. One adapter speaks REST (octokit-github.ts). Expected refusals are values;
// a refusal that may pass by itself is a `GitHubFailure` with `retryable` set, so that a stage can wait and try again.

import type { Result } from "../../../core/base/result.ts";

export interface Issue {
  readonly number: number;
  readonly title: string;
  readonly body: string;
  readonly labels: readonly string[];
  readonly state: "open" | "closed";
  /** Nobody without write access can comment in a locked conversation. */
  readonly isLocked: boolean;
  readonly author: string;
  readonly url: string;
  /** Times are ISO, as GitHub gives them. */
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
  /** GraphQL's name of the pull request. */
  readonly nodeId: string;
  readonly title: string;
  readonly body: string;
  readonly state: "open" | "closed";
  readonly author: string;
  readonly merged: boolean;
  readonly draft: boolean;
  /** The value is null while GitHub still works it out. */
  readonly mergeable: boolean | null;
  /**
   * GitHub's own word for what stands before a merge, for instance `blocked`, `behind`, `clean`; it changes when that
   * does.
   */
  readonly mergeState: string;
  readonly headSha: string;
  readonly headBranch: string;
  readonly baseBranch: string;
  readonly labels: readonly string[];
  readonly url: string;
}

/** Says what checks, check suites and commit statuses say of one commit together; the rules stand in check-state.ts. */
export type CheckState =
  /** Nothing has reported, or nothing but skipped and neutral checks. */
  | { readonly kind: "none" }
  | { readonly kind: "pending"; readonly pending: number; readonly total: number }
  /** Every check that has reported is good and none runs any more; `names` are those that reported. */
  | { readonly kind: "passed"; readonly total: number; readonly names: readonly string[] }
  | { readonly kind: "failed"; readonly failed: readonly CheckProblem[] }
  /**
   * There is no verdict on the code: a check is cancelled, stale, or waits for a person's approval. Nobody can mend
   * that by changing code.
   */
  | { readonly kind: "undecided"; readonly undecided: readonly CheckProblem[] };

export interface CheckProblem {
  readonly name: string;
  /** GitHub's conclusion or state. */
  readonly conclusion: string;
  readonly summary: string;
  readonly url: string;
}

/** Names the checks that must have reported on a pull request before "passed" can be believed. */
export interface ExpectedChecks {
  /** Branch protection and rulesets of the base branch require these. */
  readonly required: readonly string[];
  /** These names reported on the pull requests merged last, before they were merged. */
  readonly seen: readonly string[];
  /**
   * Only the base branch's own last commits have these names, where no merged pull request shows any. Some may report
   * after a push to that branch alone, as deployments do, so nobody can wait for them for ever.
   */
  readonly likely: readonly string[];
}

export const MERGE_METHODS = ["squash", "merge", "rebase"] as const;
export type MergeMethod = (typeof MERGE_METHODS)[number];

export interface Repository {
  /** The name of today; it differs from the one asked for where the repository was renamed or moved. */
  readonly fullName: string;
  readonly defaultBranch: string;
  readonly isArchived: boolean;
  readonly hasIssues: boolean;
  /** The repository allows these, in the order of MERGE_METHODS; all of them where GitHub does not say. */
  readonly mergeMethods: readonly MergeMethod[];
  /** False where our account has no right to push; null or absent where GitHub does not say, as to an App. */
  readonly mayPush?: boolean | null;
}

export interface MergeRequest {
  /** The merge is refused when the head is another one by now. */
  readonly headSha: string;
  readonly method: MergeMethod;
  /** Title and message of the commit on the base branch; GitHub takes neither where the method is `rebase`. */
  readonly title: string;
  readonly message: string;
}

/**
 * GitHub would merge this pull request, but not now or not so; merge-blocked.ts has the words that tell them apart.
 *
 *   method     this merge method is not allowed here       behind     the head lacks commits of the base
 *   review     a person's review is missing                queue      only the merge queue may merge
 *   checks     a required check has not passed             conflict   it does not merge
 *   signature  commits must be signed                      other      anything else; a person reads the message
 */
export interface MergeBlocked {
  readonly kind: "merge-blocked";
  readonly reason: "method" | "review" | "checks" | "behind" | "queue" | "conflict" | "signature" | "other";
  /** GitHub's own words. */
  readonly message: string;
  readonly status: number;
  readonly retryable: false;
  readonly retryAt: null;
}

/** Says who changed an issue's text, and when it got a label. */
export interface TextHistory {
  /** The ISO time when the label was set last; null when GitHub does not say. */
  readonly labelledAt: string | null;
  /** Every change that GitHub shows, oldest first. */
  readonly edits: readonly TextEdit[];
  /** False where GitHub did not show the edits of the body, so that nobody knows whether there are any. */
  readonly isComplete: boolean;
}

export interface TextEdit {
  readonly what: "title" | "body";
  /** The login as REST has it: an app's ends with `[bot]`. Null where GitHub does not say. */
  readonly by: string | null;
  /** An app that is not the issue's author made the edit; it may only because an owner gave it the right to. */
  readonly byApp: boolean;
  readonly at: string;
}

export interface Review {
  readonly id: number;
  readonly author: string;
  readonly body: string;
  readonly state: string;
  /** An ISO time; empty while the review is pending. */
  readonly submittedAt: string;
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
  /** The HTTP status; 0 when no answer came. */
  readonly status: number;
  /** The same request may succeed later. */
  readonly retryable: boolean;
  /** The time to ask again, if GitHub named one. */
  readonly retryAt: Date | null;
}

export type Answer<T> = Promise<Result<T, GitHubFailure>>;

export interface GitHub {
  /**
   * Returns the login that our credential acts as; comments by it are ours. Null where GitHub does not say, as with the
   * token of a workflow, as long as no answer to something that we wrote has shown it.
   */
  viewer(signal: AbortSignal): Answer<string | null>;
  /** Follows a renamed repository; from then on every other call asks for it under its new name. */
  repository(signal: AbortSignal): Answer<Repository>;
  /** Lists issues without pull requests, all pages; `since` (ISO) asks for those changed since, open and closed. */
  listIssues(since: string | null, signal: AbortSignal): Answer<readonly Issue[]>;
  /** Is `not-found` also where GitHub answers about another number or repository: the issue was transferred. */
  issue(number: number, signal: AbortSignal): Answer<Issue>;
  /** Compares `label` without case. */
  textHistory(number: number, label: string, signal: AbortSignal): Answer<TextHistory>;
  comments(number: number, signal: AbortSignal): Answer<readonly Comment[]>;
  createComment(number: number, body: string, signal: AbortSignal): Answer<Comment>;
  updateComment(id: number, body: string, signal: AbortSignal): Answer<Comment>;
  addLabels(number: number, labels: readonly string[], signal: AbortSignal): Answer<readonly string[]>;
  /** Succeeds also when the label is not there. */
  removeLabel(number: number, label: string, signal: AbortSignal): Answer<undefined>;
  /** Lists the names of the repository's labels. */
  labels(signal: AbortSignal): Answer<readonly string[]>;
  /** Succeeds also when the label exists already, in whatever case. */
  createLabel(name: string, colour: string, description: string, signal: AbortSignal): Answer<undefined>;
  closeIssue(number: number, reason: "completed" | "not_planned", signal: AbortSignal): Answer<Issue>;
  /** Lists pull requests with this head branch in this repository, open or not, newest first. */
  pullsByBranch(branch: string, signal: AbortSignal): Answer<readonly PullRequest[]>;
  pull(number: number, signal: AbortSignal): Answer<PullRequest>;
  /**
   * Lists the paths that the pull request changes as GitHub sees them, with the old paths of renamed files. It fails
   * where GitHub cuts the list (3,000).
   */
  pullFiles(number: number, signal: AbortSignal): Answer<readonly string[]>;
  createPull(
    pull: { title: string; body: string; head: string; base: string; draft: boolean },
    signal: AbortSignal,
  ): Answer<PullRequest>;
  /** Writes a formal review; `comment` is what GitHub allows on one's own pull request. */
  createReview(
    number: number,
    review: { event: "approve" | "request_changes" | "comment"; body: string; headSha: string },
    signal: AbortSignal,
  ): Answer<undefined>;
  reviews(number: number, signal: AbortSignal): Answer<readonly Review[]>;
  /** Is refused with `conflict` when the head is no longer `headSha`. */
  merge(
    number: number,
    request: MergeRequest,
    signal: AbortSignal,
  ): Promise<Result<{ sha: string }, GitHubFailure | MergeBlocked>>;
  /** Puts the pull request with this head into its base branch's merge queue, and succeeds when it is there already. */
  enqueue(pull: Pick<PullRequest, "number" | "nodeId" | "headSha">, signal: AbortSignal): Answer<undefined>;
  /** Takes it out again, and succeeds when it is not there. */
  dequeue(pull: Pick<PullRequest, "number" | "nodeId">, signal: AbortSignal): Answer<undefined>;
  isQueued(pull: Pick<PullRequest, "number" | "nodeId">, signal: AbortSignal): Answer<boolean>;
  /** Reads the checks of a commit, or of what a branch has now. */
  checks(sha: string, signal: AbortSignal): Answer<CheckState>;
  expectedChecks(base: string, signal: AbortSignal): Answer<ExpectedChecks>;
  /** Counts the commits that `head` has and `base` has not. */
  aheadBy(base: string, head: string, signal: AbortSignal): Answer<number>;
  deleteBranch(branch: string, signal: AbortSignal): Answer<undefined>;
  /** Says whether this login may push (admin, maintain or write); false where GitHub does not say. */
  mayWrite(login: string, signal: AbortSignal): Answer<boolean>;
  /** Returns what the last answers said of the budget; null before the first. */
  rateLimit(): RateLimit | null;
}
