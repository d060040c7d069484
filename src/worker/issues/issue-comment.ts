// Posts comments that stand once, however often the worker dies: each ends in a hidden marker with its journal key, and
// a comment of ours that ends so is that comment. Only the very end counts, since a text may quote any marker it likes.

import { ok, type Result } from "../../core/base/result.ts";
import type { GitHub, GitHubFailure } from "../github/port/github.ts";
import type { Journal } from "../state/journal.ts";
import { cutMarkdown } from "../text/markdown-code.ts";

/**
 * GitHub takes 65,536 code points of a pull request's description, and 262,144 bytes of a comment. As many UTF-16 units
 * are never more than either.
 */
export const COMMENT_CHARACTERS_MAX = 65_536;
export const CUT_NOTICE = "\n\n… (cut, the text is over GitHub's limit)";

export interface OwnComment {
  readonly github: GitHub;
  readonly journal: Journal;
  /** It is the number of an issue or a pull request. */
  readonly number: number;
  /** It looks like `42.1/comment/plan-plan-1`. */
  readonly key: string;
  /** This run has written `body`. */
  readonly run: string;
  readonly body: string;
}

/** Posts `body` once per key. Where another run has posted under the key before, its comment says `body` afterwards. */
export async function commentOnce(
  comment: OwnComment,
  signal: AbortSignal,
): Promise<Result<{ id: number }, GitHubFailure>> {
  const { github, journal, number, key, run } = comment;
  const body = withMarker(comment.body, key);
  const posted = await journal.effect<Posted, GitHubFailure>(
    key,
    {
      look: (inner) => findOwn(comment, body, inner),
      act: async (inner) => {
        const created = await github.createComment(number, body, inner);
        return created.ok ? ok({ id: created.value.id, run }) : created;
      },
    },
    signal,
  );
  if (!posted.ok || posted.value.run === run) return posted;
  const { id } = posted.value;
  const edited = await journal.effect<Posted, GitHubFailure>(
    `${key}/${run}`,
    {
      look: () => Promise.resolve(ok(null)),
      act: async (inner) => {
        const updated = await github.updateComment(id, body, inner);
        return updated.ok ? ok({ id, run }) : updated;
      },
    },
    signal,
  );
  // A person has deleted the comment, and may.
  return !edited.ok && edited.failure.kind === "not-found" ? posted : edited;
}

interface Posted {
  readonly id: number;
  /** The comment has the words of this run; empty where nobody knows whose. */
  readonly run: string;
}

/** Returns the body with the key's marker at its end, cut to GitHub's limit. */
export function withMarker(body: string, key: string): string {
  const marker = `\n\n${markerOf(key)}`;
  const room = COMMENT_CHARACTERS_MAX - marker.length;
  return `${cutMarkdown(body, room, CUT_NOTICE).trimEnd()}${marker}`;
}

async function findOwn(
  { github, number, key, run }: OwnComment,
  wanted: string,
  signal: AbortSignal,
): Promise<Result<Posted | null, GitHubFailure>> {
  const viewer = await github.viewer(signal);
  if (!viewer.ok) return viewer;
  const comments = await github.comments(number, signal);
  if (!comments.ok) return comments;
  for (const { id, author, body } of comments.value) {
    if (!isMarked(body, key)) continue;
    const isOurs =
      viewer.value === null ? await github.mayWrite(author, signal) : ok(isSameLogin(author, viewer.value));
    if (!isOurs.ok) return isOurs;
    if (isOurs.value) return ok({ id, run: body.trimEnd() === wanted ? run : "" });
  }
  return ok(null);
}

/** Says whether a text ends in this key's marker. */
export function isMarked(body: string, key: string): boolean {
  return body.trimEnd().endsWith(markerOf(key));
}

/** GitHub compares logins without case. */
export function isSameLogin(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function markerOf(key: string): string {
  return `<!-- hydraflow:${key} -->`;
}
