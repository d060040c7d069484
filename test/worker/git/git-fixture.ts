// Makes a bare remote, an operator's checkout of it, and our parts around them, all in one temporary directory.

import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { systemClock } from "../../../src/core/base/clock.ts";
import type { RepositoryName } from "../../../src/core/domain/repository-name.ts";
import type { Result } from "../../../src/core/base/result.ts";
import { commonDirectoryOf } from "../../../src/worker/git/worktrees/checkout.ts";
import { createGit, type Git } from "../../../src/worker/git/command/git.ts";
import { Remote, type RemoteOptions } from "../../../src/worker/git/remote/remote.ts";
import { WorkBranch } from "../../../src/worker/git/commits/work-branch.ts";
import { type Worktree, WorktreeManager } from "../../../src/worker/git/worktrees/worktree-manager.ts";

export const IDENTITY = { name: "Test Author", email: "author@example.com" };
const OPERATOR = ["-c", "user.name=Operator", "-c", "user.email=operator@example.com"];

export interface RepositoryFixture {
  readonly repository: RepositoryName;
  readonly checkout: string;
  readonly bare: string;
  readonly commonDirectory: string;
  readonly root: string;
  readonly records: string;
  readonly git: Git;
  readonly remote: Remote;
  readonly worktrees: WorktreeManager;
  branch(worktree: Worktree): WorkBranch;
}

export interface RepositoryFixtureOptions {
  readonly owner?: string;
  readonly name?: string;
  readonly path?: string;
  readonly originUrl?: string;
  readonly isOriginOverridden?: boolean;
}

export class GitFixture implements AsyncDisposable {
  readonly directory: string;

  private constructor(directory: string) {
    this.directory = directory;
  }

  static async create(): Promise<GitFixture> {
    return new GitFixture(await realpath(await mkdtemp(join(tmpdir(), "hydraflow-git-"))));
  }

  async repository(options: RepositoryFixtureOptions = {}): Promise<RepositoryFixture> {
    const { owner = "acme", name = "web" } = options;
    const repository = { owner, name, fullName: `${owner}/${name}` };
    const bare = join(this.directory, "remotes", owner, `${name}.git`);
    const checkout = join(this.directory, "checkouts", `${owner}-${name}`);
    await makeRemote(bare, join(this.directory, "seeds", `${owner}-${name}`));
    sh(this.directory, "clone", "-q", bare, checkout);
    sh(checkout, "remote", "set-url", "origin", options.originUrl ?? `https://github.com/${owner}/${name}.git`);
    const commonDirectory = valueOf(await commonDirectoryOf(checkout));
    const home = join(this.directory, "data", `${owner}-${name}`, "home");
    const git = createGit({
      path: options.path ?? process.env["PATH"] ?? "",
      home,
      identity: IDENTITY,
      clock: systemClock,
      redact: (text) => text,
    });
    const remote = await this.#remote({ git, repository, commonDirectory });
    const root = join(this.directory, "worktrees", `${owner}-${name}`);
    const records = join(this.directory, "data", `${owner}-${name}`, "branches");
    const isOriginOverridden = options.isOriginOverridden ?? false;
    const worktrees = new WorktreeManager({
      git,
      remote,
      repository,
      checkout,
      commonDirectory,
      root,
      records,
      isOriginOverridden,
    });
    const branch = (worktree: Worktree) => new WorkBranch({ git, remote, commonDirectory, worktree });
    return { repository, checkout, bare, commonDirectory, root, records, git, remote, worktrees, branch };
  }

  /** Returns the same repository, as a worker that was started anew sees it. */
  async reopen(fixture: RepositoryFixture): Promise<Pick<RepositoryFixture, "remote" | "branch">> {
    const { git, commonDirectory } = fixture;
    const remote = await this.#remote(fixture);
    return { remote, branch: (worktree) => new WorkBranch({ git, remote, commonDirectory, worktree }) };
  }

  #remote(options: Pick<RemoteOptions, "git" | "repository" | "commonDirectory">): Promise<Remote> {
    const { owner, name } = options.repository;
    const access = { baseUrl: `file://${join(this.directory, "remotes")}`, token: null, allowFile: true };
    const transportDirectory = join(this.directory, "data", `${owner}-${name}`, "transport.git");
    return Remote.open({ ...options, access, transportDirectory });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Runs the operator's git, as a person would call it. */
export function sh(directory: string, ...gitArguments: string[]): string {
  return execFileSync("git", [...OPERATOR, ...gitArguments], {
    cwd: directory,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  }).trim();
}

/** Commits whole files to a branch of the remote, as somebody else. */
export async function commitToRemote(
  fixture: RepositoryFixture,
  directory: string,
  branch: string,
  files: Readonly<Record<string, string>>,
): Promise<string> {
  const clone = join(directory, `other-${Math.random().toString(36).slice(2)}`);
  sh(directory, "clone", "-q", fixture.bare, clone);
  sh(
    clone,
    "checkout",
    "-q",
    "-B",
    branch,
    ...(sh(clone, "branch", "-r").includes(`origin/${branch}\n`) ? [`origin/${branch}`] : []),
  );
  const paths = Object.keys(files);
  for (const path of paths) await writeFile(join(clone, path), files[path] ?? "");
  sh(clone, "add", ...paths);
  sh(clone, "commit", "-q", "-m", `Change ${paths.join(", ")}`);
  sh(clone, "push", "-q", "--force", "origin", branch);
  const sha = sh(clone, "rev-parse", "HEAD");
  await rm(clone, { recursive: true });
  return sha;
}

export function valueOf<T>(result: Result<T, { message: string }>): T {
  if (!result.ok) throw new Error(result.failure.message);
  return result.value;
}

export function failureOf<F>(result: Result<unknown, F>): F {
  if (result.ok) throw new Error(`expected a failure, got ${JSON.stringify(result.value)}`);
  return result.failure;
}

async function makeRemote(bare: string, seed: string): Promise<void> {
  await mkdir(bare, { recursive: true });
  await mkdir(seed, { recursive: true });
  sh(bare, "init", "-q", "--bare", "-b", "main");
  sh(seed, "init", "-q", "-b", "main");
  await writeFile(join(seed, "README.md"), "one\ntwo\nthree\n");
  sh(seed, "add", ".");
  sh(seed, "commit", "-q", "-m", "First");
  sh(seed, "push", "-q", bare, "main");
}
