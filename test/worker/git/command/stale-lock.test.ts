import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, open, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type Clock, systemClock } from "../../../../src/core/base/clock.ts";
import { createGit, type Git } from "../../../../src/worker/git/command/git.ts";
import { lockFilesOf } from "../../../../src/worker/git/command/stale-lock.ts";
import { failureOf, GitFixture, IDENTITY, type RepositoryFixture, sh, valueOf } from "../git-fixture.ts";

const NEVER = new AbortController().signal;
const OLD_MS = 2 * 86_400_000;
/** Our waits take no time with this clock. */
const impatient: Clock = { ...systemClock, sleep: () => Promise.resolve() };

let fixture: GitFixture;
let repository: RepositoryFixture;
let removed: string[];
let git: Git;

beforeEach(async () => {
  fixture = await GitFixture.create();
  repository = await fixture.repository();
  removed = [];
  git = gitWith(impatient);
});

afterEach(async () => {
  await fixture[Symbol.asyncDispose]();
});

function gitWith(clock: Clock): Git {
  return createGit({
    path: process.env["PATH"] ?? "",
    home: join(fixture.directory, "home"),
    identity: IDENTITY,
    clock,
    redact: (text) => text,
    onLockRemoved: (file) => removed.push(file),
  });
}

async function leaveLock(file: string, ageMs = OLD_MS): Promise<string> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, "");
  const time = new Date(Date.now() - ageMs);
  await utimes(file, time, time);
  return file;
}

function run(...gitArguments: string[]) {
  const { commonDirectory: directory } = repository;
  return git.run({ directory, arguments: gitArguments, variables: { GIT_DIR: directory } }, NEVER);
}

describe("a lock file that a killed git has left", () => {
  it.each([
    ["refs/heads/x.lock", ["update-ref", "refs/heads/x", "HEAD"]],
    ["refs/remotes/origin/x.lock", ["update-ref", "refs/remotes/origin/x", "HEAD"]],
    ["refs/tags/x.lock", ["update-ref", "refs/tags/x", "HEAD"]],
    ["refs/stash.lock", ["update-ref", "refs/stash", "HEAD"]],
    ["packed-refs.lock", ["pack-refs", "--all"]],
    ["packed-refs.new", ["pack-refs", "--all"]],
    ["HEAD.lock", ["update-ref", "HEAD", "HEAD"]],
    ["HEAD.lock", ["symbolic-ref", "HEAD", "refs/heads/y"]],
    ["config.lock", ["config", "some.key", "value"]],
    ["index.lock", ["read-tree", "HEAD"]],
  ])("is taken away when it is old and nobody has it open: %s", async (name, gitArguments) => {
    const lock = await leaveLock(join(repository.commonDirectory, name));

    valueOf(await run(...gitArguments));

    expect(existsSync(lock)).toBe(false);
    expect(removed).toEqual([lock]);
  });

  it("is taken away where git must go by several of them", async () => {
    for (const name of ["packed-refs.lock", "refs/remotes/origin/main.lock", "refs/heads/agent/issue-1.lock"])
      await leaveLock(join(repository.commonDirectory, name));

    valueOf(await run("update-ref", "refs/heads/agent/issue-1", "HEAD"));
    valueOf(await run("update-ref", "-d", "refs/remotes/origin/main"));

    expect(removed).toHaveLength(3);
  });

  it("is taken away in the private directory of a worktree", async () => {
    const worktree = valueOf(await repository.worktrees.ensure(1, "main", NEVER));
    const work = repository.branch(worktree);
    const lock = await leaveLock(join(worktree.gitDirectory, "HEAD.lock"));

    valueOf(await repository.worktrees.ensure(1, "main", NEVER));
    valueOf(await work.resetTo(worktree.baseSha, NEVER));
    await writeFile(join(worktree.path, "a.txt"), "text\n");
    valueOf(await work.commitAll("A change", NEVER));

    expect(existsSync(lock)).toBe(false);
  });

  it("keeps no worktree from being made or removed", async () => {
    for (const name of ["refs/remotes/origin/main.lock", "refs/heads/agent/issue-1.lock", "packed-refs.lock"])
      await leaveLock(join(repository.commonDirectory, name));

    valueOf(await repository.worktrees.ensure(1, "main", NEVER));
    await leaveLock(join(repository.commonDirectory, "packed-refs.lock"));
    sh(repository.checkout, "for-each-ref");
    valueOf(await repository.worktrees.remove(1, NEVER));

    expect(sh(repository.checkout, "for-each-ref", "refs/heads/agent")).toBe("");
  });

  it("stays while it is young, and the failure names it and says how old it is", async () => {
    const lock = await leaveLock(join(repository.commonDirectory, "refs/heads/x.lock"), 3 * 60_000);

    const failure = failureOf(await run("update-ref", "refs/heads/x", "HEAD"));

    expect(failure).toMatchObject({ kind: "locked", retryable: true });
    expect(failure.message).toContain(`${lock} has been there for 3 min`);
    expect(existsSync(lock)).toBe(true);
  });

  it("stays, however old it is, while a process has it open", async () => {
    const lock = await leaveLock(join(repository.commonDirectory, "refs/heads/x.lock"));
    const holder = await open(lock, "r");

    const failure = failureOf(await run("update-ref", "refs/heads/x", "HEAD"));
    await holder.close();

    expect(failure.message).toContain(`2 days and process ${process.pid} has it open`);
    expect(existsSync(lock)).toBe(true);
  });

  it.each([
    ["in the checkout", () => ({ cwd: repository.checkout, env: process.env })],
    ["that was told where it is", () => ({ cwd: "/", env: { ...process.env, GIT_DIR: repository.commonDirectory } })],
  ])(
    "stays while a git works %s, which may hold it with the file closed, and goes when that has ended",
    async (_, how) => {
      const lock = await leaveLock(join(repository.commonDirectory, "refs/heads/x.lock"), 3_600_000);
      const other = spawn("git", ["cat-file", "--batch-check"], how());
      other.stdin.write("HEAD\n");
      await once(other.stdout, "data");

      const failure = failureOf(await run("update-ref", "refs/heads/x", "HEAD"));
      other.stdin.end();
      await once(other, "close");

      expect(failure.message).toContain(`process ${other.pid} is a git that may hold it`);
      valueOf(await run("update-ref", "refs/heads/x", "HEAD"));
      expect(removed).toEqual([lock]);
    },
  );

  it("is old in the end, although its date is still to come", async () => {
    const lock = await leaveLock(join(repository.commonDirectory, "refs/heads/x.lock"), -OLD_MS);
    let monotonicMs = 0;
    git = gitWith({ ...impatient, monotonicMs: () => monotonicMs });

    const young = failureOf(await run("update-ref", "refs/heads/x", "HEAD"));
    monotonicMs = 3_600_000;
    const old = await run("update-ref", "refs/heads/x", "HEAD");

    expect(young.kind).toBe("locked");
    expect(old.ok).toBe(true);
    expect(removed).toEqual([lock]);
  });
});

describe("the lock files that git may have meant", () => {
  it.each([
    ["Unable to create '/a/it's here/HEAD.lock': File exists.", ["/a/it's here/HEAD.lock"]],
    ["error: could not lock config file .git/config: File exists", ["/there/.git/config.lock"]],
    ["fatal: update_ref failed for ref 'refs/heads/x': cannot lock references", ["/git/reftable/tables.list.lock"]],
    ["fatal: something else", []],
  ])("are read from '%s'", (output, files) => {
    expect(lockFilesOf(output, "/there", ["/git"])).toEqual(files);
  });
});
