// Matches paths with patterns as in .gitignore: one without a slash matches at any depth, one with a slash from the
// root on; `*` and `?` stand for letters within a name, `**` for any number of directories. A pattern covers what it
// names and everything below. Pure, and linear in the path.
//
// Names are compared as the most generous file system would: without case, without characters that HFS+ ignores or
// Unicode takes for the same, without what NTFS drops at the end of a name, and by the short names of 8.3.

import { withoutTrailing } from "../../core/base/trim-end.ts";

export interface PathPattern {
  readonly segments: readonly string[];
}

/**
 * With `covered-or-in-place-of` a file, link or submodule matches, too, that stands where a directory of the pattern
 * would be.
 */
export type MatchMode = "covered" | "covered-or-in-place-of";

export function pathPattern(text: string): PathPattern {
  const isAnchored = withoutTrailing(text, "/").includes("/");
  const segments = text
    .split("/")
    .filter((segment) => segment !== "")
    .map(foldName);
  return { segments: isAnchored ? segments : ["**", ...segments] };
}

export function isMatch({ segments }: PathPattern, path: string, mode: MatchMode): boolean {
  let reached = withRests(segments, new Set([0]));
  for (const name of namesOf(path)) {
    if (reached.has(segments.length)) return true;
    const next = new Set<number>();
    for (const index of reached) {
      const segment = segments[index] ?? "";
      if (segment === "**") next.add(index);
      else if (isSameName(segment, name)) next.add(index + 1);
    }
    reached = withRests(segments, next);
  }
  if (reached.has(segments.length)) return true;
  return mode === "covered-or-in-place-of" && [...reached].some((index) => isDirectoryName(segments[index - 1]));
}

/** Returns the same text for paths that some file system takes for the same. */
export function foldPath(path: string): string {
  return namesOf(path).join("/");
}

/** Compares names that `foldName` has folded, which leaves `~` and `1` of a short name as they are. */
function isSameName(segment: string, name: string): boolean {
  return isWildcardMatch(segment, name) || isShortName(segment, name);
}

/**
 * Says whether `name` is the short one that NTFS makes of a long name: the first six letters, `~`, a digit, and three
 * letters of the ending.
 */
function isShortName(segment: string, name: string): boolean {
  const short = /^([^~]{1,6})~[1-9]\d*(?:\.([^.]*))?$/.exec(name);
  if (short === null) return false;
  const [, letters = "", ending = ""] = short;
  const long = segment.replace(/^[. ]+/, "");
  const dot = long.lastIndexOf(".");
  const [base, rest] = dot === -1 ? [long, ""] : [long.slice(0, dot), long.slice(dot + 1)];
  const cut = (text: string, length: number) => text.replace(/[. ]/g, "").slice(0, length);
  return isWildcardMatch(cut(base, 6), letters) && isWildcardMatch(cut(rest, 3), ending);
}

/** Backtracks to the last star alone, so that no pattern takes longer than the product of both lengths. */
function isWildcardMatch(pattern: string, name: string): boolean {
  let [at, position, star, starPosition] = [0, 0, -1, 0];
  while (position < name.length) {
    if (at < pattern.length && pattern[at] === "*") {
      star = at;
      starPosition = position;
      at += 1;
    } else if (at < pattern.length && (pattern[at] === "?" || pattern[at] === name[position])) {
      at += 1;
      position += 1;
    } else if (star !== -1) {
      starPosition += 1;
      position = starPosition;
      at = star + 1;
    } else return false;
  }
  while (pattern[at] === "*") at += 1;
  return at === pattern.length;
}

function withRests(segments: readonly string[], reached: Set<number>): Set<number> {
  for (const index of reached) if (segments[index] === "**") reached.add(index + 1);
  return reached;
}

function isDirectoryName(segment: string | undefined): boolean {
  return segment !== undefined && !/[*?]/.test(segment);
}

/** A backslash ends a name on Windows. */
function namesOf(path: string): string[] {
  return path
    .split(/[/\\]/)
    .map((name) => withoutTrailing(foldName(name.replace(/:.*/s, "")), ". "))
    .filter((name) => name !== "");
}

function foldName(name: string): string {
  return name
    .normalize("NFKC")
    .replace(/[\p{Default_Ignorable_Code_Point}\p{Cc}\p{Cf}]/gu, "")
    .toUpperCase()
    .toLowerCase();
}
