// Branches in memory: a list of commit shas each. Enough for pull requests; tests of git itself use a real repository.

import type { Branches } from "./memory-github.ts";

export class MemoryBranches implements Branches {
  readonly #commits = new Map<string, string[]>();
  #next = 1;

  constructor(names: readonly string[]) {
    for (const name of names) this.#commits.set(name, [this.#sha()]);
  }

  /** What a push of one new commit does; a branch that is not there starts at `base`. */
  commit(branch: string, base = "main"): string {
    const sha = this.#sha();
    this.#commits.set(branch, [...(this.#commits.get(branch) ?? this.#commits.get(base) ?? []), sha]);
    return sha;
  }

  head(branch: string): Promise<string | null> {
    return Promise.resolve(this.#commits.get(branch)?.at(-1) ?? null);
  }

  aheadBy(base: string, head: string): Promise<number | null> {
    const from = this.#commits.get(base);
    const to = this.#commits.get(head);
    if (from === undefined || to === undefined) return Promise.resolve(null);
    return Promise.resolve(to.filter((sha) => !from.includes(sha)).length);
  }

  /** One file that is named after the branch's commit. */
  changedFiles(_base: string, headSha: string): Promise<readonly string[]> {
    return Promise.resolve([`file-${headSha.slice(-4)}.txt`]);
  }

  squash(base: string): Promise<string> {
    return Promise.resolve(this.commit(base));
  }

  remove(branch: string): Promise<boolean> {
    return Promise.resolve(this.#commits.delete(branch));
  }

  #sha(): string {
    return (this.#next++).toString(16).padStart(40, "0");
  }
}
