// An issue may leave this on the worker's own disk: its worktree, its branches and what git tracks of them, its agent's
// home, the record of its branch. An issue that has ended leaves none of it.

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** These places lie below the directory of a trial. */
const PLACES = [
  "hydraflow-worktrees/*/*",
  "checkout/.git/worktrees/*",
  "checkout/.git/refs/**/agent/*",
  "home/*/agents/*",
  "home/*/git/branches/*",
];

export function orphansOnDisk(directory: string): string[] {
  const found = globSync(PLACES, { cwd: directory }).map((path) => `left on the disk: ${path}`);
  return [...found, ...packedBranches(join(directory, "checkout/.git/packed-refs"))];
}

function packedBranches(packedRefs: string): string[] {
  const lines = globSync(packedRefs).flatMap((file) => readFileSync(file, "utf8").split("\n"));
  return lines.filter((line) => line.includes("/agent/")).map((line) => `left in packed-refs: ${line}`);
}
