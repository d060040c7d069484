// The CODEOWNERS file of the base branch says who must agree to a change: for each path the last line that matches it.
// "About code owners" has the rules; of its patterns the forge knows `*`, `**`, leading and trailing slashes.

import type { BareRepository } from "../git/bare-repository.ts";

const PLACES = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];

/** Gives the logins for each changed path that has owners; any one of them will do. */
export async function ownersOf(
  git: BareRepository,
  base: string,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<string[][]> {
  for (const place of PLACES) {
    const file = await git.ask(["cat-file", "blob", `${base}:${place}`], signal);
    if (file.code !== 0) continue;
    const lines = readLines(file.stdout);
    return paths
      .map((path) => lines.findLast(({ pattern }) => pattern.test(path))?.owners ?? [])
      .filter((owners) => owners.length > 0);
  }
  return [];
}

function readLines(text: string): { pattern: RegExp; owners: string[] }[] {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim().split(/\s+/))
    .filter(([pattern = ""]) => pattern !== "")
    .map(([pattern = "", ...owners]) => ({
      pattern: patternOf(pattern),
      owners: owners.map((owner) => owner.replace(/^@/, "").toLowerCase()),
    }));
}

function patternOf(text: string): RegExp {
  const isAnchored = text.slice(0, -1).includes("/");
  const body = text
    .replace(/^\//, "")
    .replace(/[.+^${}()|[\]\\?]/g, "\\$&")
    .replaceAll("**", "\0")
    .replaceAll("*", "[^/]*")
    .replaceAll("\0", ".*");
  // The forge stands for GitHub in tests and the demo, whose repositories are its own.
  // oxlint-disable-next-line hydraflow/linear-expression
  return new RegExp(`${isAnchored ? "^" : "(^|.*/)"}${body}${text.endsWith("/") ? "" : "(/|$)"}`);
}
