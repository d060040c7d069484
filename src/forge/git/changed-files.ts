// Pull requests and comparisons list the files that differ between two commits with status, counts and patch.

import type { BareRepository } from "./bare-repository.ts";

export interface ChangedFile {
  readonly filename: string;
  readonly previousFilename: string | null;
  readonly status: "added" | "removed" | "modified" | "renamed" | "copied" | "changed";
  /** It is the blob of the newer side, and of the older one for removed files. */
  readonly sha: string;
  readonly additions: number;
  readonly deletions: number;
  /** It is null for binary files and above the limit. */
  readonly patch: string | null;
}

/** GitHub leaves the patch of very large files out as well. */
const PATCH_LENGTH_MAX = 200_000;
const STATUSES: Readonly<Record<string, ChangedFile["status"]>> = {
  A: "added",
  D: "removed",
  M: "modified",
  R: "renamed",
  C: "copied",
  T: "changed",
};

/** Gives what `head` changed since it left `base`. */
export async function changedFiles(
  repository: BareRepository,
  base: string,
  head: string,
  signal: AbortSignal,
): Promise<ChangedFile[]> {
  const range = `${base}...${head}`;
  const summary = await repository.run(["diff", "-M", "--raw", "--numstat", "--no-abbrev", "-z", range, "--"], signal);
  const patches = splitPatches(await unifiedDiff(repository, base, head, signal));
  const { entries, counts } = readSummary(summary.split("\0"));
  return entries.map((entry, index) => ({
    ...entry,
    ...(counts[index] ?? { additions: 0, deletions: 0 }),
    patch: patches[index] ?? null,
  }));
}

export function unifiedDiff(
  repository: BareRepository,
  base: string,
  head: string,
  signal: AbortSignal,
): Promise<string> {
  return repository.run(["diff", "-M", "-p", "--full-index", `${base}...${head}`, "--"], signal);
}

type Entry = Pick<ChangedFile, "filename" | "previousFilename" | "status" | "sha">;
type Counts = Pick<ChangedFile, "additions" | "deletions">;

/** git writes all raw entries first, then all numstat entries, both in the same order. */
function readSummary(fields: readonly string[]): { entries: Entry[]; counts: Counts[] } {
  const entries: Entry[] = [];
  const counts: Counts[] = [];
  for (let index = 0; index < fields.length && fields[index] !== ""; ) {
    const field = fields[index] ?? "";
    if (field.startsWith(":")) {
      const [, , before = "", after = "", letter = "M"] = field.split(" ");
      const status = STATUSES[letter.charAt(0)] ?? "changed";
      const isMoved = status === "renamed" || status === "copied";
      const first = fields[index + 1] ?? "";
      const filename = isMoved ? (fields[index + 2] ?? "") : first;
      entries.push({
        filename,
        previousFilename: isMoved ? first : null,
        status,
        sha: status === "removed" ? before : after,
      });
      index += isMoved ? 3 : 2;
    } else {
      const [additions = "0", deletions = "0", path = ""] = field.split("\t");
      counts.push({ additions: Number(additions) || 0, deletions: Number(deletions) || 0 });
      index += path === "" ? 3 : 1;
    }
  }
  return { entries, counts };
}

function splitPatches(diff: string): (string | null)[] {
  const sections = diff.split(/^diff --git .*\n/m).slice(1);
  return sections.map((section) => {
    const start = section.search(/^@@ /m);
    const patch = start < 0 ? "" : section.slice(start).trimEnd();
    return patch === "" || patch.length > PATCH_LENGTH_MAX ? null : patch;
  });
}
