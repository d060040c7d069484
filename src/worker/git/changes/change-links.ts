// Finds where a symbolic link in a tree leads, as a file system would: name by name, through the links on the way.
// Pure.

/** Linux follows as many links before it gives up. */
const HOPS_MAX = 40;
/** This is Linux's PATH_MAX. No file system holds a longer link, but an agent can commit one. */
const PATH_UNITS_MAX = 4_096;

export type LinkEnd =
  /** The path in the tree, empty for its root. Nobody has asked whether something is there. */
  | { readonly kind: "inside"; readonly path: string }
  /** The link leads out of the tree, into git's own directory, or in a circle. */
  | { readonly kind: "outside" };

/** `links` has every link of the tree: its target by its path. */
export function followLink(link: string, links: ReadonlyMap<string, string>): LinkEnd {
  return walk(link, links).end;
}

/**
 * Returns the links on the way, itself included, and its end when that is inside the tree. Whoever changes one of these
 * changes what the link shows.
 */
export function placesOfLink(link: string, links: ReadonlyMap<string, string>): readonly string[] {
  const { end, passed } = walk(link, links);
  return end.kind === "inside" ? [...passed, end.path] : passed;
}

function walk(link: string, links: ReadonlyMap<string, string>): { end: LinkEnd; passed: readonly string[] } {
  const outside = { kind: "outside" } as const;
  const passed: string[] = [];
  const reached: string[] = [];
  if (link.length > PATH_UNITS_MAX) return { end: outside, passed };
  // The list is worked off from its end.
  const left = namesOf(link);
  while (left.length > 0) {
    const name = left.pop() ?? "";
    if (name === ".") continue;
    if (name === "..") {
      if (reached.length === 0) return { end: outside, passed };
      reached.pop();
      continue;
    }
    if (isGitDirectory(name)) return { end: outside, passed };
    reached.push(name);
    const target = links.get(reached.join("/"));
    if (target === undefined) continue;
    passed.push(reached.join("/"));
    if (passed.length > HOPS_MAX || target.length > PATH_UNITS_MAX || isAbsolute(target))
      return { end: outside, passed };
    reached.pop();
    left.push(...namesOf(target));
  }
  return { end: { kind: "inside", path: reached.join("/") }, passed };
}

/** A backslash separates names where git checks out on Windows; elsewhere a name with one is odd enough to count so. */
function namesOf(path: string): string[] {
  return path
    .split(/[/\\]/)
    .filter((name) => name !== "")
    .toReversed();
}

function isAbsolute(target: string): boolean {
  return /^([/\\]|[A-Za-z]:)/.test(target) || target.includes("\0");
}

/**
 * Knows git's directory however some file system spells it. A checkout keeps credentials there, for instance on a CI
 * server.
 */
function isGitDirectory(name: string): boolean {
  return /^(\.git|git~[1-9]\d*)[. ]*(:.*)?$/is.test(name.replace(/\p{Default_Ignorable_Code_Point}/gu, ""));
}
