// These branches live in memory, as a list of commits each. They are enough for pull requests; tests of git itself use
// a real repository.

import type { Branches } from "./memory-github.ts";

interface MemoryCommit {
  readonly sha: string;
  /** The commit changes these paths. */
  readonly files: readonly string[];
}

export class MemoryBranches implements Branches {
  readonly #commits = new Map<string, MemoryCommit[]>();
  #next = 1;

  constructor(names: readonly string[]) {
    for (const name of names) this.#commits.set(name, [this.#commit()]);
  }

  /** Does what a push of one new commit does; a branch that is not there starts at `base`. */
  commit(branch: string, base = "main", files?: readonly string[]): string {
    const commit = this.#commit(files);
    this.#commits.set(branch, [...(this.#commits.get(branch) ?? this.#commits.get(base) ?? []), commit]);
    return commit.sha;
  }

  head(branch: string): Promise<string | null> {
    return Promise.resolve(this.#commits.get(branch)?.at(-1)?.sha ?? null);
  }

  aheadBy(base: string, head: string): Promise<number | null> {
    const from = this.#commits.get(base);
    const to = this.#commits.get(head);
    if (from === undefined || to === undefined) return Promise.resolve(null);
    return Promise.resolve(without(to, from).length);
  }

  /** Each commit changes one file that is named after it, unless it was told otherwise. */
  changedFiles(base: string, headSha: string): Promise<readonly string[]> {
    const branch = [...this.#commits.values()].find((commits) => commits.some(({ sha }) => sha === headSha)) ?? [];
    const end = branch.findIndex(({ sha }) => sha === headSha) + 1;
    const own = without(branch.slice(0, end), this.#commits.get(base) ?? []);
    return Promise.resolve([...new Set(own.flatMap(({ files }) => files))]);
  }

  squash(base: string): Promise<string> {
    return Promise.resolve(this.commit(base));
  }

  remove(branch: string): Promise<boolean> {
    return Promise.resolve(this.#commits.delete(branch));
  }

  #commit(files?: readonly string[]): MemoryCommit {
    const sha = (this.#next++).toString(16).padStart(40, "0");
    return { sha, files: files ?? [`file-${sha.slice(-4)}.txt`] };
  }
}

function without(commits: readonly MemoryCommit[], others: readonly MemoryCommit[]): MemoryCommit[] {
  return commits.filter(({ sha }) => !others.some((other) => other.sha === sha));
}
