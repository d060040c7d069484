// Shows a change to a reviewer, file by file, as far as there is room. A file is shown whole or not at all, and
// whatever is not shown is named with its size and the command that shows it: nobody can approve what they have not
// seen. Pure.

import { onOneLine } from "../text/hidden-characters.ts";
import { exactText } from "../text/untrusted-text.ts";

const DIFF_CHARACTERS_MAX = 60_000;
/** Files beyond this are named by one command for all. */
const NAMES_MAX = 300;
/** One NUL in a comment makes a program binary to git, so nothing of the kind is approved by its name alone. */
const BINARY = /\bbinary\b/i;
const PLAIN_PATH = /^[\w./+@=,-]+$/;

/**
 * It is as the change reader gives it: `note` says why `text` is not all there is to see, for instance of a large file.
 */
export interface ChangedFile {
  readonly path: string;
  readonly text: string;
  readonly note: string | null;
  /** The note is all there is to know, for instance of a file that is again as the base has it. */
  readonly isGone?: boolean;
}

export interface ShownChange {
  /** They go to `framePrompt`: the diffs, and the list of what is not among them. */
  readonly sections: readonly string[];
  /** This many files stand whole in the diffs. */
  readonly shown: number;
  /** The files with these paths have more to read than is shown. */
  readonly mustRead: readonly string[];
}

/** `base` is the commit that the change is taken against. */
export function showChange(
  files: readonly ChangedFile[],
  base: string,
  charactersMax: number = DIFF_CHARACTERS_MAX,
): ShownChange {
  const diffs: string[] = [];
  const left: ChangedFile[] = [];
  let room = charactersMax;
  for (const file of files) {
    const text = exactText(file.text.replace(/\n$/, ""));
    const fits = text.length < room;
    if (fits && text !== "") {
      diffs.push(text);
      room -= text.length + 1;
    }
    if (!fits || file.note !== null) left.push(file);
  }
  return {
    sections: [diffs.length === 0 ? "" : `<diff>\n${diffs.join("\n")}\n</diff>`, filesSection(left, base)],
    shown: files.length - left.length,
    mustRead: left.filter(({ isGone }) => isGone !== true).map(({ path }) => path),
  };
}

function filesSection(left: readonly ChangedFile[], base: string): string {
  if (left.length === 0) return "";
  const lines = left.slice(0, NAMES_MAX).map(({ path, text, note }) => {
    const what = [note === null ? null : lineOf(note), sizeOf(text)];
    const about = what.filter((part) => part !== null).join(", ");
    return `- ${lineOf(path)} (${about}): git diff ${note !== null && BINARY.test(note) ? "--text " : ""}${base}...HEAD -- ${pathspec(path)}`;
  });
  const more = left.length - lines.length;
  const rest = more === 0 ? [] : [`- and ${more} more: git diff --stat ${base}...HEAD`];
  return `<files>\n${[...lines, ...rest].join("\n")}\n</files>`;
}

function lineOf(text: string): string {
  return exactText(onOneLine(text));
}

function sizeOf(text: string): string | null {
  return text === "" ? null : `${text.length} characters of diff`;
}

/** Writes a path for a shell; one that git would read as a pattern is taken by its letters. */
function pathspec(path: string): string {
  return PLAIN_PATH.test(path) ? path : `':(literal)${lineOf(path).replaceAll("'", "'\\''")}'`;
}
