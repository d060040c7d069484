// What git says of a pull request: whether it merges, and how much it changes. Kept for each pair of commits, since the
// answer cannot change while both stay.

import { latestChecks, latestStatuses } from "./check-writes.ts";
import type { PullIssue, RepositoryRecord } from "./repository-record.ts";
import type { StoredRepository } from "./repository-store.ts";
import type { PullFacts } from "./views/pull-view.ts";

type GitFacts = Omit<PullFacts, "mergeableState">;

const PAIRS_MAX = 2_000;

export class PullFactsReader {
  readonly #known = new Map<string, Promise<GitFacts>>();

  async read(repository: StoredRepository, issue: PullIssue, signal: AbortSignal): Promise<PullFacts> {
    const facts = await this.#gitFacts(repository, issue, signal);
    if (issue.state === "closed") return { ...facts, mergeable: null, mergeableState: "unknown" };
    return { ...facts, mergeableState: mergeableState(repository.record, issue, facts.mergeable) };
  }

  #gitFacts(repository: StoredRepository, { pull }: PullIssue, signal: AbortSignal): Promise<GitFacts> {
    const pair = `${repository.record.id}:${pull.baseSha}:${pull.headSha}`;
    const known = this.#known.get(pair);
    if (known !== undefined) return known;
    const reading = readFacts(repository, pull.baseSha, pull.headSha, signal);
    this.#known.set(pair, reading);
    reading.catch(() => this.#known.delete(pair));
    const [oldest] = this.#known.keys();
    if (this.#known.size > PAIRS_MAX && oldest !== undefined) this.#known.delete(oldest);
    return reading;
  }
}

async function readFacts(
  { git }: StoredRepository,
  base: string,
  head: string,
  signal: AbortSignal,
): Promise<GitFacts> {
  const [tree, divergence, summary] = await Promise.all([
    git.mergeTree(base, head, signal),
    git.divergence(base, head, signal),
    git.run(["diff", "--shortstat", `${base}...${head}`, "--"], signal),
  ]);
  const count = (pattern: RegExp): number => Number(pattern.exec(summary)?.[1] ?? 0);
  return {
    mergeable: tree !== null,
    commits: divergence.aheadBy,
    additions: count(/(\d+) insertion/),
    deletions: count(/(\d+) deletion/),
    changedFiles: count(/(\d+) file/),
  };
}

function mergeableState(
  repository: RepositoryRecord,
  issue: PullIssue,
  mergeable: boolean | null,
): PullFacts["mergeableState"] {
  const { draft, headSha } = issue.pull;
  if (mergeable === false) return "dirty";
  if (draft) return "draft";
  const isGreen =
    latestChecks(repository.checks, headSha).every((check) =>
      ["success", "neutral", "skipped"].includes(check.conclusion ?? ""),
    ) && latestStatuses(repository.statuses, headSha).every((status) => status.state === "success");
  return isGreen ? "clean" : "unstable";
}
