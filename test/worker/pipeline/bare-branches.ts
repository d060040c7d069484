// The GitHub in memory keeps its branches in the bare repository that the worker pushes to, through this.

import type { Branches } from "../../support/memory-github.ts";
import { sh } from "../git/git-fixture.ts";

export class BareBranches implements Branches {
  readonly #bare: string;

  constructor(bare: string) {
    this.#bare = bare;
  }

  head(branch: string): Promise<string | null> {
    return Promise.resolve(tryGit(this.#bare, "rev-parse", "--verify", "--quiet", `refs/heads/${branch}`));
  }

  aheadBy(base: string, head: string): Promise<number | null> {
    const count = tryGit(this.#bare, "rev-list", "--count", `refs/heads/${base}..refs/heads/${head}`);
    return Promise.resolve(count === null ? null : Number(count));
  }

  changedFiles(base: string, headSha: string): Promise<readonly string[]> {
    const listed = sh(this.#bare, "diff", "--name-only", "-z", "--no-renames", `refs/heads/${base}...${headSha}`);
    return Promise.resolve(listed.split("\0").filter((path) => path !== ""));
  }

  squash(base: string, headSha: string, title: string): Promise<string> {
    const tree = sh(this.#bare, "merge-tree", "--write-tree", `refs/heads/${base}`, headSha).split("\n")[0] ?? "";
    const sha = sh(this.#bare, "commit-tree", tree, "-p", `refs/heads/${base}`, "-m", title);
    sh(this.#bare, "update-ref", `refs/heads/${base}`, sha);
    return Promise.resolve(sha);
  }

  remove(branch: string): Promise<boolean> {
    const existed = tryGit(this.#bare, "rev-parse", "--verify", "--quiet", `refs/heads/${branch}`) !== null;
    if (existed) sh(this.#bare, "update-ref", "-d", `refs/heads/${branch}`);
    return Promise.resolve(existed);
  }
}

function tryGit(directory: string, ...gitArguments: string[]): string | null {
  try {
    return sh(directory, ...gitArguments);
  } catch {
    return null;
  }
}
