// The GitHub in memory tells this of the past: who changed an issue's text, and what reported on what was merged.

import type { ExpectedChecks, TextHistory } from "../../src/worker/github/port/github.ts";
import type { MemoryGitHub, StoredIssue } from "./memory-github.ts";

export function historyOf({ history, author }: StoredIssue, label: string): TextHistory {
  const labelled = history.findLast(({ what, name }) => what === "label" && sameName(name, label));
  const edits = history.flatMap(({ what, by, at }) =>
    what === "label" ? [] : [{ what, by, byApp: isApp(by) && !sameName(by, author), at }],
  );
  return { labelledAt: labelled?.at ?? null, edits, isComplete: true };
}

export async function expectedOf(world: MemoryGitHub, base: string): Promise<ExpectedChecks> {
  const merged = [...world.issues.values()].filter(({ pull }) => pull?.merged === true && pull.baseBranch === base);
  const names = merged.flatMap(({ pull }) => world.namesOn(pull?.headSha ?? "", pull?.mergedAt ?? null));
  const seen = [...new Set(names)];
  const likely = seen.length > 0 ? [] : world.namesOn((await world.branches.head(base)) ?? "", null);
  return { required: world.rules.checks ?? [], seen, likely };
}

function isApp(login: string): boolean {
  return login.endsWith("[bot]");
}

function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}
