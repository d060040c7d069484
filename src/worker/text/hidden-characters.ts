// Characters that a person does not see: controls, text-direction overrides, characters of no width, fillers, tags. In
// text for reading they are taken out; where every character counts, as in a diff, each is shown as an escape instead.

/**
 * Controls but tab and newline, formats, separators, lone surrogates, fillers and selectors. Joiners stay where they
 * shape emoji or letters.
 */
const HIDDEN =
  /(?![\t\n]|(?<=[^\p{ASCII}\p{Cf}])[\u200c\u200d](?=[^\p{ASCII}\p{Cf}]))(?:[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\u115f\u1160\u3164\uffa0]|\u034f|\u17b4|\u17b5|[\u{e0100}-\u{e01ef}])/gu;
/** It matches what a program writes to colour its output (ECMA-48), and the carriage returns of a bar that moves. */
// oxlint-disable-next-line no-control-regex
const STYLING = /\u001b\[[0-9;:?]*[ -/]*[@-~]|\r(?=\n)/g;
const SPELLED = /\\u(?:([0-9a-f]{4})|\{([0-9a-f]{1,6})\})/giu;
const CODE_POINT_MAX = 0x10_ff_ff;

export function withoutHidden(text: string): string {
  return text.replaceAll("\r\n", "\n").replace(HIDDEN, "");
}

/** Takes from a program's output how it looks, never what it says. */
export function withoutStyling(output: string): string {
  return output.replace(STYLING, "");
}

/**
 * Shows what is hidden as `\u202e` or `\u{e0041}`. Nothing is lost: where the text itself spells such an escape, or
 * that of `<` or of the backslash, its own backslash is shown as `\u005c`.
 */
export function withHiddenShown(text: string): string {
  return text.replace(SPELLED, unambiguous).replace(HIDDEN, escapeOf);
}

/** Prepares names, of files above all: it does what `withHiddenShown` does, and leaves no line break. */
export function onOneLine(text: string): string {
  return withHiddenShown(text).replace(/[\t\n]/g, escapeOf);
}

function escapeOf(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  return code > 0xff_ff ? `\\u{${code.toString(16)}}` : `\\u${code.toString(16).padStart(4, "0")}`;
}

function unambiguous(spelled: string, short: string | undefined, long: string | undefined): string {
  const code = Number.parseInt(short ?? long ?? "", 16);
  if (code > CODE_POINT_MAX) return spelled;
  const character = String.fromCodePoint(code);
  const isOurs = character === "<" || character === "\\" || character.replace(HIDDEN, "") === "";
  return isOurs ? `\\u005c${spelled.slice(1)}` : spelled;
}
