// Finds what people with the right to answer have said among an issue's comments. Pure but for the question who may
// write, which fails closed.

import { fail, ok, type Result } from "../../core/base/result.ts";
import type { Comment, GitHub, GitHubFailure } from "../github/port/github.ts";
import type { Approval, HitlAnswer, HitlState } from "../state/issue-state.ts";
import { commandOf } from "./person-word.ts";

export const ANSWER_CHARACTERS_MAX = 10_000;

/** Every comment of ours ends in a marker; a text may quote one, so only the end counts. */
const MARKER_START = "<!-- hydraflow:";
const MARKER_END = "-->";

/**
 * Joins what people with write access have said since the question, oldest first, into one answer; null when nobody
 * has. Comments by our own login count like anyone's as long as they carry no marker, because the token may be a
 * person's.
 */
export async function findAnswer(
  github: Pick<GitHub, "mayWrite">,
  comments: readonly Comment[],
  asked: Pick<HitlState, "commentId" | "askedAt">,
  signal: AbortSignal,
): Promise<Result<HitlAnswer | null, GitHubFailure>> {
  const given = await wordsSince(github, comments, asked, signal);
  if (!given.ok) return given;
  const last = given.value.at(-1);
  if (last === undefined) return ok(null);
  const text = given.value
    .map(({ body }) => body.trim())
    .join("\n\n")
    .slice(0, ANSWER_CHARACTERS_MAX);
  const { author: by, createdAt: at, id: commentId, body } = last;
  const own = body.trim().slice(0, ANSWER_CHARACTERS_MAX);
  return ok({ text, by, door: "comment", at, last: own, commentId, lastSeen: commentId });
}

/**
 * Says whether the approval is still the last word: nobody with the right has said anything since, and it still
 * approves.
 */
export async function isStanding(
  github: Pick<GitHub, "mayWrite">,
  comments: readonly Comment[],
  approval: Pick<Approval, "commentId" | "lastSeen" | "at">,
  signal: AbortSignal,
): Promise<Result<boolean, GitHubFailure>> {
  const { commentId, lastSeen, at } = approval;
  const itself = comments.find(({ id }) => id === commentId);
  if (commentId !== null && (itself === undefined || commandOf(itself.body) !== "approve")) return ok(false);
  const later = await wordsSince(github, comments, { commentId: lastSeen, askedAt: at }, signal);
  return later.ok ? ok(later.value.length === 0) : later;
}

/** Lists later comments of people with the right to answer, oldest first. */
async function wordsSince(
  github: Pick<GitHub, "mayWrite">,
  comments: readonly Comment[],
  since: Pick<HitlState, "commentId" | "askedAt">,
  signal: AbortSignal,
): Promise<Result<readonly Comment[], GitHubFailure>> {
  const given: Comment[] = [];
  const verdicts = new Map<string, boolean>();
  for (const comment of comments) {
    if (!isLater(comment, since) || isOwn(comment.body) || comment.body.trim() === "") continue;
    const login = comment.author.toLowerCase();
    const known = verdicts.get(login);
    const allowed = known === undefined ? await github.mayWrite(comment.author, signal) : ok(known);
    if (!allowed.ok) return fail(allowed.failure);
    verdicts.set(login, allowed.value);
    if (allowed.value) given.push(comment);
  }
  return ok(given);
}

function isOwn(body: string): boolean {
  const text = body.trimEnd();
  const start = text.lastIndexOf(MARKER_START);
  return start !== -1 && text.indexOf(MARKER_END, start) === text.length - MARKER_END.length;
}

/** Compares by id where the question has one, because ids rise on one server, while its clock and ours differ. */
function isLater(comment: Comment, since: Pick<HitlState, "commentId" | "askedAt">): boolean {
  return since.commentId === null ? comment.createdAt >= since.askedAt : comment.id > since.commentId;
}
