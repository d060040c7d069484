// Takes from text that leaves for GitHub what GitHub would do on its account: closing issues, calling people, linking,
// and with that writing to, issues that have nothing to do with it, skipping checks, thanking authors. It reads the
// same as before: a word joiner, which nobody sees, stands where GitHub's patterns need none (the way of GitHub's own
// bots).
//
// I1 No sigil stands next to its name or number, whatever Markdown, entities or Unicode forms spell it. Since a closing
//    keyword needs a reference, no keyword closes anything either.
// I2 No HTML is live, so that nothing is hidden from people, and nothing looks like a marker of ours.
// I3 Code is left as it is, but for closing references: reports differ on whether GitHub reads those in code spans.
// I4 The time is linear in the length of the text.

import { withoutHidden } from "./hidden-characters.ts";
import { type CodeRange, findCode } from "./markdown-code.ts";

/** U+2060 has no width and no break, and Markdown, titles and commit messages keep it alike. */
const JOINER = "\u2060";

/** I1: each kind is one of GitHub's live forms, up to where a joiner breaks it. */
const KINDS = {
  /** It matches `#12`, `owner/repo#12`, and `&#64;`, an entity that would become a sigil. */
  reference: String.raw`[#\uff03\ufe5f](?=\p{Nd})`,
  issueKey: String.raw`(?<![a-z0-9])gh\\?-(?=\p{Nd})`,
  address: String.raw`\/(?:issues|pulls?|discussions)\\?\/+(?=[\p{Nd}%])|\/commits?\\?\/+(?=[0-9a-f]{7})`,
  mention: String.raw`(?<![a-z0-9])[@\uff20\ufe6b](?=[\p{L}\p{N}_-])`,
  entity: String.raw`&(?=#x[0-9a-f]|(?:num|commat|sol|colon|period|lowbar|lsqb|lbrack|excl);)`,
  comment: "<(?=!--)",
  html: "<(?=[a-z/!?])",
  commit: String.raw`(?<![\p{L}\p{N}_])(?=[a-f]{0,39}[0-9])(?=[0-9]{0,39}[a-f])[0-9a-f]{7,40}(?![\p{L}\p{N}_])`,
  order: String.raw`\[(?=[ \t]*(?:skip|ci|no|actions)\b)|(?<=[a-z]-by|^[ \t]*skip-checks)(?=[ \t]*:)`,
} as const;

type Kind = keyof typeof KINDS;

/** I4: it has no groups, since a hostile text matches at every other place, and each match would carry all of them. */
const PATTERN = new RegExp(Object.values(KINDS).join("|"), "gimu");
const REFERENCES: ReadonlySet<Kind> = new Set(["reference", "issueKey", "address"]);
/** These may stand between a keyword and the number it closes: an address, mark-up, white space. */
const CLOSING_UNITS_MAX = 200;
const CLOSING = /(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?![a-z])/i;
/** This is shorter than what GitHub takes for an abbreviated commit. */
const COMMIT_PART = /[0-9a-f]{6}(?=[0-9a-f])/gi;

export interface DisarmOptions {
  /** The text may link to these issues and pull requests. */
  readonly own?: readonly number[];
  /** Each line of it may stand behind a list's mark, so that a fence does not count. */
  readonly inList?: boolean;
}

/** Disarms comments, reviews and descriptions. An open fence is closed, so that what follows is not drawn into it. */
export function disarmMarkdown(text: string, { own = [], inList = false }: DisarmOptions = {}): string {
  const clean = readable(text);
  const { ranges, openFence } = findCode(clean, { withFences: !inList });
  const isCode = isInRanges(ranges);
  const disarmed = clean.replace(PATTERN, (match, at: number) => {
    const found = { kind: kindAt(clean, at), text: match, at };
    // I3: code keeps what GitHub does not act on there. I2: outside of it no HTML stays live.
    const isLive = isCode(found.at) ? isLiveInCode(found, clean) : !isOwn(found, clean, own);
    return isLive ? broken(found) : found.text;
  });
  return openFence === null ? disarmed : `${disarmed}\n${openFence}`;
}

/** Disarms titles and commit messages, where neither code nor HTML counts. */
export function disarmPlain(text: string, { own = [] }: Pick<DisarmOptions, "own"> = {}): string {
  const clean = readable(text);
  return clean.replace(PATTERN, (match, at: number) => {
    const found = { kind: kindAt(clean, at), text: match, at };
    return found.kind === "html" || isOwn(found, clean, own) ? found.text : broken(found);
  });
}

interface Found {
  readonly kind: Kind;
  readonly text: string;
  readonly at: number;
}

function readable(text: string): string {
  return withoutHidden(text.replace(/\r\n?/g, "\n"));
}

/** Each kind of match begins like no other; an order may be empty, before its colon or white space. */
function kindAt(text: string, at: number): Kind {
  switch (text.charAt(at)) {
    case "#":
    case "\uff03":
    case "\ufe5f":
      return "reference";
    case "@":
    case "\uff20":
    case "\ufe6b":
      return "mention";
    case "/":
      return "address";
    case "&":
      return "entity";
    case "<":
      return text.startsWith("<!--", at) ? "comment" : "html";
    case "g":
    case "G":
      return "issueKey";
    default:
      return /[0-9a-f]/i.test(text.charAt(at)) ? "commit" : "order";
  }
}

function broken({ kind, text }: Found): string {
  return kind === "commit" ? text.replace(COMMIT_PART, `$&${JOINER}`) : `${text}${JOINER}`;
}

function isLiveInCode({ kind, at }: Found, text: string): boolean {
  if (kind === "comment") return true;
  return REFERENCES.has(kind) && CLOSING.test(text.slice(Math.max(0, at - CLOSING_UNITS_MAX), at));
}

/** Says whether a match is a bare `#12` of `own`; with a name before it, it is another repository's. */
function isOwn({ kind, at }: Found, text: string, own: readonly number[]): boolean {
  if (kind !== "reference" || /[\w/.-]/.test(text.charAt(at - 1))) return false;
  const number = /^#(\d{1,10})(?!\d)/.exec(text.slice(at, at + 12))?.[1];
  return number !== undefined && own.includes(Number(number));
}

/** Makes a lookup for places that rise from call to call. */
function isInRanges(ranges: readonly CodeRange[]): (at: number) => boolean {
  let index = 0;
  return (at) => {
    while ((ranges[index]?.to ?? Number.POSITIVE_INFINITY) <= at) index += 1;
    return (ranges[index]?.from ?? Number.POSITIVE_INFINITY) <= at;
  };
}
