// Finds a person's answer among an issue's comments. Pure but for the question who may write, which fails closed.

import { fail, ok, type Result } from "../../core/result.ts";
import type { Comment, GitHub, GitHubFailure } from "../github/github.ts";
import type { HitlAnswer, HitlState } from "../issue-state.ts";

export const ANSWER_CHARACTERS_MAX = 10_000;

/** Every comment of ours ends in a marker; a text may quote one, so only the end counts. */
const OWN_MARKER = /<!-- hydraflow:(?:(?!-->)[\s\S])*-->\s*$/;

/**
 * What people with write access have said since the question, oldest first, as one answer; null when nobody has. Comments
 * by our own login count like anyone's as long as they carry no marker: the token may be a person's own.
 */
export async function findAnswer(
  github: Pick<GitHub, "mayWrite">,
  comments: readonly Comment[],
  asked: Pick<HitlState, "commentId" | "askedAt">,
  signal: AbortSignal,
): Promise<Result<HitlAnswer | null, GitHubFailure>> {
  const given: Comment[] = [];
  const verdicts = new Map<string, boolean>();
  for (const comment of comments.filter(
    (candidate) => isLater(candidate, asked) && !OWN_MARKER.test(candidate.body) && candidate.body.trim() !== "",
  )) {
    const known = verdicts.get(comment.author);
    const allowed = known === undefined ? await github.mayWrite(comment.author, signal) : ok(known);
    if (!allowed.ok) return fail(allowed.failure);
    verdicts.set(comment.author, allowed.value);
    if (allowed.value) given.push(comment);
  }
  const last = given.at(-1);
  if (last === undefined) return ok(null);
  const text = given
    .map(({ body }) => body.trim())
    .join("\n\n")
    .slice(0, ANSWER_CHARACTERS_MAX);
  return ok({ text, by: last.author, door: "comment", at: last.createdAt });
}

/** By id where the question has one: ids rise on one server, while its clock and ours differ. */
function isLater(comment: Comment, asked: Pick<HitlState, "commentId" | "askedAt">): boolean {
  return asked.commentId === null ? comment.createdAt >= asked.askedAt : comment.id > asked.commentId;
}
