// Who has approved a pull request on GitHub: people who may write, by their last word on it. Our own reviews never count.

import { ok, type Result } from "../../core/result.ts";
import type { GitHub, GitHubFailure } from "../github/github.ts";

/** Logins in the order of their reviews. */
export async function approversOf(
  github: Pick<GitHub, "reviews" | "viewer" | "mayWrite">,
  pull: number,
  signal: AbortSignal,
): Promise<Result<readonly string[], GitHubFailure>> {
  const viewer = await github.viewer(signal);
  if (!viewer.ok) return viewer;
  const reviews = await github.reviews(pull, signal);
  if (!reviews.ok) return reviews;
  const verdicts = new Map<string, { readonly login: string; readonly state: string }>();
  for (const { author, state } of reviews.value) {
    const key = author.toLowerCase();
    // A comment takes no approval back.
    if (state === "COMMENTED" || state === "PENDING" || key === viewer.value?.toLowerCase()) continue;
    verdicts.delete(key);
    verdicts.set(key, { login: author, state });
  }
  const approvers: string[] = [];
  for (const { login, state } of verdicts.values()) {
    if (state !== "APPROVED") continue;
    const may = await github.mayWrite(login, signal);
    if (!may.ok) return may;
    if (may.value) approvers.push(login);
  }
  return ok(approvers);
}
