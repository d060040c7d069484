// Text from outside on its way into a prompt: it is cut to a limit, and it cannot end the section that frames it. From
// people's text what they themselves cannot see is taken out. In all other text (plans, diffs, outputs) every character
// counts: what is hidden is shown as an escape. Best effort: the wall is what an agent may do at all.

import { headOf, tailOf } from "./cut-text.ts";
import { withHiddenShown, withoutHidden, withoutStyling } from "./hidden-characters.ts";

const HTML_COMMENT = /<!--[\s\S]*?(?:-->|$)/g;
const SECTION_TAG = /<(?=\/?\s*(?:issue|answer|feedback|plan|output|diff|files|question)\b)/gi;

const CUT_MARK = "[cut here]";

export const ISSUE_CHARACTERS_MAX = 10_000;

/** Returns the head of what a person wrote. */
export function peopleText(text: string, charactersMax: number): string {
  const seen = withoutHidden(text.replaceAll("\r\n", "\n").replace(HTML_COMMENT, ""));
  return marked(seen.replace(SECTION_TAG, "&lt;").trim(), charactersMax);
}

/** Returns the head of what a program wrote. */
export function exactHead(text: string, charactersMax: number): string {
  return marked(exactText(text.replaceAll("\r\n", "\n")).trim(), charactersMax);
}

/** Returns the tail, because what a failed command says last matters most. */
export function exactTail(output: string, charactersMax: number): string {
  const text = exactText(withoutStyling(output)).trim();
  return text.length <= charactersMax ? text : `${CUT_MARK}\n${tailOf(text, charactersMax)}`;
}

/** Nothing is lost, see `withHiddenShown`. */
export function exactText(text: string): string {
  return withHiddenShown(text).replace(SECTION_TAG, "\\u003c");
}

function marked(text: string, charactersMax: number): string {
  return text.length <= charactersMax ? text : `${headOf(text, charactersMax)}\n${CUT_MARK}`;
}
