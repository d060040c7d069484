// Reads what people with the right to review have said of a pull request on GitHub, by their last word on it. Our own
// reviews never count.

import { ok, type Result } from "../../core/base/result.ts";
import type { GitHub, GitHubFailure, Review } from "../github/port/github.ts";
import { isSameLogin } from "../../core/domain/repository-name.ts";

type Reviews = Pick<GitHub, "reviews" | "viewer" | "mayWrite" | "pull">;

const BOT_SUFFIX = "[bot]";
const OPEN = "open";
/** They are GitHub's words for a pull request that it would merge (GraphQL's MergeStateStatus, in small letters). */
const OPEN_STATES: ReadonlySet<string> = new Set(["clean", "has_hooks", "unstable"]);

/** Lists the logins that have approved, in the order of their reviews. */
export async function approversOf(
  github: Reviews,
  pull: number,
  signal: AbortSignal,
): Promise<Result<readonly string[], GitHubFailure>> {
  const verdicts = await verdictsOf(github, pull, signal);
  if (!verdicts.ok) return verdicts;
  return ok(verdicts.value.filter(({ state }) => state === "APPROVED").map(({ author }) => author));
}

/** Lists who wants changes and has said so after `since` (ISO; an empty text takes in every review). */
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

/** Says whether anybody with the right has written a review since that is no approval. */
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

/** Puts what may end GitHub's refusal to merge into one text; see `isMovedOn`. */
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
  const words = verdicts.value.map((one) => `${one.author} ${one.state}`);
  return ok(JSON.stringify([OPEN_STATES.has(mergeState) ? OPEN : "", headSha, state, ...words]));
}

/**
 * GitHub's word for "nothing stands before a merge" comes and goes while it works things out: only its coming counts.
 */
export function isMovedOn(before: string, now: string): boolean {
  const [wasOpen, ...others] = JSON.parse(before) as string[];
  const [isOpen, ...othersNow] = JSON.parse(now) as string[];
  return others.join("\n") !== othersNow.join("\n") || (wasOpen !== OPEN && isOpen === OPEN);
}

/** Lists the last verdict of each person who may write, and of each app, in the order of these verdicts. */
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
