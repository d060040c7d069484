// Finds the names by which a path is reached through symbolic links: what `AGENTS.md -> docs/ai.md` or `.claude ->
// tools/claude` leads to decides as much as what would stand there itself. Pure.

import { placesOfLink } from "../git/changes/change-links.ts";
import { foldPath } from "./path-pattern.ts";

/** Links in circles give a path names without end. */
const NAMES_MAX = 1_000;

/** Returns the path and its other names, as path-pattern.ts compares them; null when there are too many to list. */
export type NamesOf = (path: string) => readonly string[] | null;

/** `trees` has every link of each tree that counts, its target by its path. */
export function namesThrough(trees: readonly ReadonlyMap<string, string>[]): NamesOf {
  const leading = new Map<string, Set<string>>();
  for (const links of trees)
    for (const link of links.keys())
      for (const place of placesOfLink(link, links)) {
        const key = foldPath(place);
        leading.set(key, (leading.get(key) ?? new Set()).add(foldPath(link)));
      }
  return (path) => {
    // Each name has the links that it goes through, each of them once.
    const found = new Map<string, readonly string[]>([[foldPath(path), []]]);
    for (const [name, through] of found)
      for (const [above, below] of cutsOf(name))
        for (const link of leading.get(above) ?? []) {
          const other = below === "" ? link : `${link}/${below}`;
          if (through.includes(link) || found.has(other)) continue;
          if (found.size === NAMES_MAX) return null;
          found.set(other, [...through, link]);
        }
    return [...found.keys()];
  };
}

/** Cuts a path in two behind the root, behind each directory and behind its own name. */
function cutsOf(path: string): readonly (readonly [above: string, below: string])[] {
  const names = path.split("/");
  return [...names.keys(), names.length].map((at) => [names.slice(0, at).join("/"), names.slice(at).join("/")]);
}
