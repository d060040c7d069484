// Finds the changes that no agent may bring in alone: what runs with the repository's own rights on the server, who
// must review, what agents are told, and what steers HydraFlow itself. Pure; the list is protected-list.ts.

import { createHash } from "node:crypto";

import type { Config } from "../../core/config/config.ts";
import type { ChangedFile } from "../git/changes/change-output.ts";
import { isMatch, type MatchMode, pathPattern, type PathPattern } from "./path-pattern.ts";
import { LOCKFILES, PROTECTED } from "./protected-list.ts";

export type ProtectionSettings = Pick<Config, "protectedPaths" | "unprotectedPaths" | "protectLockfiles">;

/** A changed path has other names: those by which links reach it, and where it leads when it is a link itself. */
export interface JudgedPath {
  readonly path: string;
  /** It is null when nobody can tell; the path is protected then. */
  readonly names: readonly string[] | null;
}

const LISTED_MAX = 50;
const PATH_CHARACTERS_MAX = 200;
const BUILT_IN_ALONE: ProtectionSettings = { protectedPaths: [], unprotectedPaths: [], protectLockfiles: false };
const BUILT_IN = PROTECTED.map(pathPattern);
const BUILT_IN_LOCKFILES = LOCKFILES.map(pathPattern);

/**
 * Lists those of `paths` that are protected, sorted. It takes any changed paths, for instance GitHub's of a pull
 * request.
 */
export function protectedPaths(paths: readonly string[], settings: ProtectionSettings = BUILT_IN_ALONE): string[] {
  return protectedOf(
    paths.map((path) => ({ path, names: [] })),
    settings,
  );
}

/** Does what `protectedPaths` does, and takes a path for everything that it is called. */
export function protectedOf(judged: readonly JudgedPath[], settings: ProtectionSettings): string[] {
  const patterns = [
    ...BUILT_IN,
    ...(settings.protectLockfiles ? BUILT_IN_LOCKFILES : []),
    ...settings.protectedPaths.map(pathPattern),
  ];
  const exceptions = settings.unprotectedPaths.map(pathPattern);
  const isProtected = (path: string) =>
    isAny(patterns, path, "covered-or-in-place-of") && !isAny(exceptions, path, "covered");
  return judged
    .filter(({ path, names }) => names === null || [path, ...names].some(isProtected))
    .map(({ path }) => path)
    .toSorted();
}

/** Names one state of the protected files: what a person let pass is these contents and modes, and nothing else. */
export function fingerprintOf(files: readonly ChangedFile[]): string {
  const rows = files.map(({ path, oldMode, oldId, newMode, newId }) =>
    JSON.stringify([path, oldMode, oldId, newMode, newId]),
  );
  return createHash("sha256").update(rows.toSorted().join("\n")).digest("hex");
}

export function protectedQuestion(pull: number, paths: readonly string[]): string {
  return `The change in #${pull} is approved by the reviewing agent, but it touches files that decide what may run or be merged here:\n${pathList(paths)}\n\nLook at them. Answer \`approve\` to let it be merged as it is, or say what is to be changed.`;
}

/**
 * Lists paths as lines of Markdown. An agent chose the names, so nothing in one ends its code span or begins a line.
 */
export function pathList(paths: readonly string[]): string {
  const lines = paths.slice(0, LISTED_MAX).map((path) => {
    const shown = path.replace(/[`\p{C}\p{Z}]/gu, (character) => (character === " " ? " " : "\u{FFFD}"));
    return `- \`${shown.slice(0, PATH_CHARACTERS_MAX)}\``;
  });
  return [...lines, ...(paths.length > LISTED_MAX ? [`- and ${paths.length - LISTED_MAX} more`] : [])].join("\n");
}

function isAny(patterns: readonly PathPattern[], path: string, mode: MatchMode): boolean {
  return patterns.some((pattern) => isMatch(pattern, path, mode));
}
