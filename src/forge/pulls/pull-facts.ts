// git says of a pull request whether it merges, and how much it changes. Answers are kept for each pair of commits,
// since they cannot change while both stay.

import { latestChecks, latestStatuses } from "../checks/check-writes.ts";
import { ruleState } from "./merge-rules.ts";
import type { PullIssue, RepositoryRecord } from "../store/repository-record.ts";
import type { StoredRepository } from "../store/repository-store.ts";
import type { PullFacts } from "../views/pull-view.ts";

type GitFacts = Omit<PullFacts, "mergeableState">;

const PAIRS_MAX = 2_000;

export class PullFactsReader {
  readonly #known = new Map<string, Promise<GitFacts>>();
  /** A repository that counts looks has their number here, by pair of commits. */
  readonly #looks = new Map<string, number>();

  async read(repository: StoredRepository, issue: PullIssue, signal: AbortSignal): Promise<PullFacts> {
    const facts = await this.#gitFacts(repository, issue, signal);
    if (issue.state === "closed" || this.#isTooEarly(repository, issue)) {
      return { ...facts, mergeable: null, mergeableState: "unknown" };
    }
    return { ...facts, mergeableState: await mergeableState(repository, issue, facts.mergeable, signal) };
  }

  #isTooEarly({ record }: StoredRepository, issue: PullIssue): boolean {
    const after = record.settings.mergeableAfterReads;
    if (after === 0) return false;
    const pair = pairOf(record, issue);
    const looks = (this.#looks.get(pair) ?? 0) + 1;
    this.#looks.set(pair, looks);
    return looks <= after;
  }

  #gitFacts(repository: StoredRepository, issue: PullIssue, signal: AbortSignal): Promise<GitFacts> {
    const { pull } = issue;
    const pair = pairOf(repository.record, issue);
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
    additions: count(/(\d{1,9}) insertion/),
    deletions: count(/(\d{1,9}) deletion/),
    changedFiles: count(/(\d{1,9}) file/),
  };
}

function pairOf(record: RepositoryRecord, { pull }: PullIssue): string {
  return `${record.id}:${pull.baseSha}:${pull.headSha}`;
}

async function mergeableState(
  stored: StoredRepository,
  issue: PullIssue,
  mergeable: boolean | null,
  signal: AbortSignal,
): Promise<PullFacts["mergeableState"]> {
  const repository = stored.record;
  const { draft, headSha } = issue.pull;
  if (mergeable === false) return "dirty";
  if (draft) return "draft";
  const ruled = await ruleState(stored, issue, signal);
  if (ruled !== "free") return ruled;
  const isGreen =
    latestChecks(repository.checks, headSha).every((check) =>
      ["success", "neutral", "skipped"].includes(check.conclusion ?? ""),
    ) && latestStatuses(repository.statuses, headSha).every((status) => status.state === "success");
  return isGreen ? "clean" : "unstable";
}
