// Makes an issue's worktree whose agent may do as it likes, and the reader that looks at what came of it.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { ChangeReader } from "../../../src/worker/git/changes/change-reader.ts";
import type { Worktree } from "../../../src/worker/git/worktrees/worktree-manager.ts";
import { GitFixture, type RepositoryFixture, sh, valueOf } from "./git-fixture.ts";

const signal = new AbortController().signal;

export class ReaderFixture implements AsyncDisposable {
  readonly fixture: GitFixture;
  readonly web: RepositoryFixture;
  readonly worktree: Worktree;
  readonly reader: ChangeReader;

  private constructor(fixture: GitFixture, web: RepositoryFixture, worktree: Worktree) {
    this.fixture = fixture;
    this.web = web;
    this.worktree = worktree;
    this.reader = new ChangeReader(web.remote.views);
  }

  static async create(): Promise<ReaderFixture> {
    const fixture = await GitFixture.create();
    const web = await fixture.repository();
    return new ReaderFixture(fixture, web, valueOf(await web.worktrees.ensure(7, "main", signal)));
  }

  git(...gitArguments: string[]): string {
    return sh(this.worktree.path, ...gitArguments);
  }

  range(): { base: string; head: string } {
    return { base: this.worktree.baseSha, head: this.git("--no-replace-objects", "rev-parse", "HEAD") };
  }

  async put(path: string, content: string | Buffer): Promise<void> {
    const full = join(this.worktree.path, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, content);
  }

  commit(message: string): string {
    this.git("add", "--all");
    this.git("commit", "-q", "-m", message);
    return this.git("rev-parse", "HEAD");
  }

  /** Returns all that a reviewer and a rule are shown. */
  async seen(): Promise<{ paths: string[]; text: string; ahead: number }> {
    const change = valueOf(await this.reader.readChange(this.range(), signal));
    const diff = valueOf(await this.reader.readDiff(change, signal));
    const ahead = valueOf(await this.reader.commitsAhead(this.range(), signal));
    return { paths: change.files.map(({ path }) => path), text: diff.map(({ text }) => text).join(""), ahead };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture[Symbol.asyncDispose]();
  }
}
