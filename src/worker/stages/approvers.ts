// What people with the right to review have said of a pull request on GitHub, by their last word on it. Our own reviews
// never count.

import { ok, type Result } from "../../core/result.ts";
import type { GitHub, GitHubFailure, Review } from "../github/github.ts";
import { isSameLogin } from "../../core/repository-name.ts";

type Reviews = Pick<GitHub, "reviews" | "viewer" | "mayWrite" | "pull">;

const BOT_SUFFIX = "[bot]";

/** Logins that have approved, in the order of their reviews. */
export async function approversOf(
  github: Reviews,
  pull: number,
  signal: AbortSignal,
): Promise<Result<readonly string[], GitHubFailure>> {
  const verdicts = await verdictsOf(github, pull, signal);
  if (!verdicts.ok) return verdicts;
  return ok(verdicts.value.filter(({ state }) => state === "APPROVED").map(({ author }) => author));
}

/** Who wants changes, and has said so after `since` (ISO; empty for ever). */
export async function objectorsTo(
  github: Reviews,
  { pull, since }: { readonly pull: number; readonly since: string },
  signal: AbortSignal,
): Promise<Result<readonly string[], GitHubFailure>> {
  const verdicts = await verdictsOf(github, pull, signal);
  if (!verdicts.ok) return verdicts;
  const objections = verdicts.value.filter(
    ({ state, submittedAt }) => state === "CHANGES_REQUESTED" && submittedAt > since,
  );
  return ok(objections.map(({ author }) => author));
}

/** Whether anybody with the right has written a review since, whatever it says. */
export async function hasReviewSince(
  github: Reviews,
  { pull, since }: { readonly pull: number; readonly since: string },
  signal: AbortSignal,
): Promise<Result<boolean, GitHubFailure>> {
  const reviews = await foreignReviews(github, pull, signal);
  if (!reviews.ok) return reviews;
  for (const { author, state, submittedAt } of reviews.value) {
    if (submittedAt <= since || state === "APPROVED" || state === "PENDING") continue;
    const may = await github.mayWrite(author, signal);
    if (!may.ok || may.value) return may;
  }
  return ok(false);
}

/** One text that changes when something may have ended GitHub's refusal to merge. */
export async function mergeSigns(
  github: Reviews,
  pull: number,
  signal: AbortSignal,
): Promise<Result<string, GitHubFailure>> {
  const read = await github.pull(pull, signal);
  if (!read.ok) return read;
  const verdicts = await verdictsOf(github, pull, signal);
  if (!verdicts.ok) return verdicts;
  const { headSha, mergeState, state } = read.value;
  return ok(JSON.stringify([headSha, state, mergeState, verdicts.value.map((one) => `${one.author} ${one.state}`)]));
}

/** The last verdict of each person who may write, and of each app, in the order of these verdicts. */
async function verdictsOf(
  github: Reviews,
  pull: number,
  signal: AbortSignal,
): Promise<Result<readonly Review[], GitHubFailure>> {
  const reviews = await foreignReviews(github, pull, signal);
  if (!reviews.ok) return reviews;
  const last = new Map<string, Review>();
  for (const review of reviews.value) {
    // A comment takes no verdict back.
    if (review.state === "COMMENTED" || review.state === "PENDING") continue;
    const key = review.author.toLowerCase();
    last.delete(key);
    last.set(key, review);
  }
  const verdicts: Review[] = [];
  for (const review of last.values()) {
    const may = review.author.endsWith(BOT_SUFFIX) ? ok(true) : await github.mayWrite(review.author, signal);
    if (!may.ok) return may;
    if (may.value) verdicts.push(review);
  }
  return ok(verdicts);
}

async function foreignReviews(
  github: Reviews,
  pull: number,
  signal: AbortSignal,
): Promise<Result<readonly Review[], GitHubFailure>> {
  const viewer = await github.viewer(signal);
  if (!viewer.ok) return viewer;
  const reviews = await github.reviews(pull, signal);
  if (!reviews.ok) return reviews;
  return ok(reviews.value.filter(({ author }) => viewer.value === null || !isSameLogin(author, viewer.value)));
}
