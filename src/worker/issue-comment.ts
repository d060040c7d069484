// skeleton
import type { Result } from "../core/result.ts";
import type { GitHub, GitHubFailure } from "./github/github.ts";
import type { Journal } from "./journal.ts";

export const COMMENT_CHARACTERS_MAX = 65_536;

/** Posts `body` once per key. `number` is an issue or a pull request. */
export function commentOnce(
  _github: GitHub,
  _journal: Journal,
  _number: number,
  _key: string,
  _body: string,
  _signal: AbortSignal,
): Promise<Result<{ id: number }, GitHubFailure>> {
  throw new Error("not there yet");
}

export function withMarker(_body: string, _key: string): string {
  throw new Error("not there yet");
}
