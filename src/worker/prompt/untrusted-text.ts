// Text from outside (issues, comments, logs, plans) on its way into a prompt: what a person cannot see is taken out, it
// is cut to a limit, and it cannot end the section that frames it. Best effort: the wall is what an agent may do at all.

const HTML_COMMENT = /<!--[\s\S]*?(?:-->|$)/g;
/** Zero-width characters, the soft hyphen, text-direction overrides and the tag block U+E0000. */
const INVISIBLE = /[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff\u{e0000}-\u{e007f}]/gu;
/** Everything below space but tab and newline; terminals and parsers read more into them than people do. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f]/g;
const SECTION_TAG = /<(?=\/?\s*(?:issue|answer|feedback|plan|output|diff|question)\b)/gi;

const CUT_MARK = "\n[cut here]";

export const ISSUE_CHARACTERS_MAX = 10_000;

/** Keeps the head. */
export function cleanHead(text: string, charactersMax: number): string {
  const clean = strip(text);
  return clean.length <= charactersMax ? clean : `${clean.slice(0, charactersMax)}${CUT_MARK}`;
}

/** Keeps the tail: what a failed command says last matters most. */
export function cleanTail(text: string, charactersMax: number): string {
  const clean = strip(text);
  return clean.length <= charactersMax ? clean : `[cut here]\n${clean.slice(-charactersMax)}`;
}

function strip(text: string): string {
  return text
    .replaceAll("\r\n", "\n")
    .replace(HTML_COMMENT, "")
    .replace(INVISIBLE, "")
    .replace(CONTROL, "")
    .replace(SECTION_TAG, "&lt;")
    .trim();
}
