// A text closes issues by GitHub's nine words, a colon or not, and a reference in any of its forms. "Linking a pull
// request to an issue using a keyword" and "Autolinked references and URLs" are the source.

export interface Reference {
  /** It is `owner/name`, or null for the repository that the text belongs to. */
  readonly repository: string | null;
  readonly number: number;
}

const KEYWORD = String.raw`\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b:?\s+`;
const SHORT = String.raw`(?:(?<short>[\w.-]+\/[\w.-]+))?(?:#|\bGH-)(?<number>\d+)\b`;
const URL_FORM = String.raw`https?:\/\/[^\s\/]+\/(?<long>[\w.-]+\/[\w.-]+)\/(?:issues|pull)\/(?<at>\d+)\b`;
const CLOSING = new RegExp(`${KEYWORD}(?:${SHORT}|${URL_FORM})`, "gi");

export function closedBy(text: string): Reference[] {
  return [...text.matchAll(CLOSING)].map(({ groups = {} }) => ({
    repository: groups["short"] ?? groups["long"] ?? null,
    number: Number(groups["number"] ?? groups["at"]),
  }));
}
