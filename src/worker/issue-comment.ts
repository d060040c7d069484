// Comments that stand once, however often the worker dies: each ends in a hidden marker with its journal key, and a
// comment of ours that ends so is that comment. Only the very end counts, since a text may quote any marker it likes.

import { ok, type Result } from "../core/result.ts";
import type { GitHub, GitHubFailure } from "./github/github.ts";
import type { Journal } from "./journal.ts";

/** GitHub's limit on the body of a comment. */
export const COMMENT_CHARACTERS_MAX = 65_536;
const CUT_NOTICE = "\n\n… (cut, the text is over GitHub's limit)";

/** Posts `body` once per key, `42.1/comment/plan`. `number` is an issue or a pull request. */
export function commentOnce(
  github: GitHub,
  journal: Journal,
  number: number,
  key: string,
  body: string,
  signal: AbortSignal,
): Promise<Result<{ id: number }, GitHubFailure>> {
  return journal.effect<{ id: number }, GitHubFailure>(
    key,
    {
      look: (inner) => findOwn(github, number, key, inner),
      act: async (inner) => {
        const created = await github.createComment(number, withMarker(body, key), inner);
        return created.ok ? ok({ id: created.value.id }) : created;
      },
    },
    signal,
  );
}

/** The body with the key's marker at its end, cut to GitHub's limit. */
export function withMarker(body: string, key: string): string {
  const marker = `\n\n${markerOf(key)}`;
  const room = COMMENT_CHARACTERS_MAX - marker.length;
  const text = body.length <= room ? body : `${body.slice(0, room - CUT_NOTICE.length)}${CUT_NOTICE}`;
  return `${text.trimEnd()}${marker}`;
}

async function findOwn(
  github: GitHub,
  number: number,
  key: string,
  signal: AbortSignal,
): Promise<Result<{ id: number } | null, GitHubFailure>> {
  const viewer = await github.viewer(signal);
  if (!viewer.ok) return viewer;
  const comments = await github.comments(number, signal);
  if (!comments.ok) return comments;
  const found = comments.value.find(
    ({ author, body }) => author === viewer.value && body.trimEnd().endsWith(markerOf(key)),
  );
  return ok(found === undefined ? null : { id: found.id });
}

function markerOf(key: string): string {
  return `<!-- hydraflow:${key} -->`;
}
