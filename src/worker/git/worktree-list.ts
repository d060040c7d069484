// Reads `git worktree list --porcelain -z` (git-worktree(1)): attributes end in NUL, entries in an empty attribute.

export interface WorktreeEntry {
  readonly path: string;
  /** Null in a worktree whose branch has no commit, and in a bare repository. */
  readonly head: string | null;
  /** Without `refs/heads/`; null when detached. */
  readonly branch: string | null;
  /** Git keeps a worktree locked with the reason `initializing` until it is complete. */
  readonly isHalfMade: boolean;
  /** Its directory is gone. */
  readonly isPrunable: boolean;
}

const NO_COMMIT = /^0+$/;

export function parseWorktreeList(output: string): WorktreeEntry[] {
  return output
    .split("\0\0")
    .map((entry) => entry.split("\0").filter((line) => line !== ""))
    .filter((lines) => lines.length > 0)
    .map(parseEntry);
}

function parseEntry(lines: readonly string[]): WorktreeEntry {
  const attributes = new Map(lines.map((line) => splitOnce(line)));
  const head = attributes.get("HEAD") ?? "";
  return {
    path: attributes.get("worktree") ?? "",
    head: head === "" || NO_COMMIT.test(head) ? null : head,
    branch: attributes.get("branch")?.replace(/^refs\/heads\//, "") ?? null,
    isHalfMade: attributes.get("locked") === "initializing",
    isPrunable: attributes.has("prunable"),
  };
}

function splitOnce(line: string): [string, string] {
  const space = line.indexOf(" ");
  return space === -1 ? [line, ""] : [line.slice(0, space), line.slice(space + 1)];
}
