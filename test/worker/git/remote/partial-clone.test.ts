// A checkout lacks objects here, and a server sends them to whoever has our credential.

import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { FreshCheckouts } from "../../../../src/worker/git/worktrees/fresh-checkout.ts";
import { commitToRemote, GitFixture, type RepositoryFixture, sh, valueOf } from "../git-fixture.ts";
import { rm, writeFile } from "node:fs/promises";

const NEVER = new AbortController().signal;
let fixture: GitFixture;
let repository: RepositoryFixture;

beforeEach(async () => {
  fixture = await GitFixture.create();
  repository = await fixture.repository();
  sh(repository.bare, "config", "uploadpack.allowFilter", "true");
  sh(repository.bare, "config", "uploadpack.allowAnySHA1InWant", "true");
});
afterEach(() => fixture[Symbol.asyncDispose]());

/** Makes the operator's own clone with a filter; it has fetched the newest commit and none of what that changed. */
async function makePartial(filter: string): Promise<void> {
  const { bare, checkout } = repository;
  await rm(checkout, { recursive: true });
  sh(fixture.directory, "clone", "-q", `--filter=${filter}`, `file://${bare}`, checkout);
  await commitToRemote(repository, fixture.directory, "main", { "new.txt": "new\n" });
  sh(checkout, "fetch", "-q", "origin");
  sh(checkout, "remote", "set-url", "origin", "https://github.com/acme/web.git");
}

function lacks(commit: string): number {
  return sh(repository.checkout, "rev-list", "--objects", "--missing=print", "--no-walk", commit)
    .split("\n")
    .filter((line) => line.startsWith("?")).length;
}

describe.each(["blob:none", "tree:0"])("a partial clone (%s)", (filter) => {
  it("gets what a worktree, a merge, a push and a gate need, with our credential", async () => {
    await makePartial(filter);
    const before = lacks("origin/main");

    const worktree = valueOf(await repository.worktrees.ensure(1, "main", NEVER));
    const work = repository.branch(worktree);
    await writeFile(join(worktree.path, "part.txt"), "part\n");
    valueOf(await work.commitAll("Add the part", NEVER));
    const pushed = valueOf(await work.pushBranch(null, NEVER));
    const moved = await commitToRemote(repository, fixture.directory, "main", { "README.md": "other\n" });
    const merged = valueOf(await work.mergeBase("main", NEVER));
    const change = valueOf(await work.changes.readChange({ base: moved, head: worktree.head }, NEVER));
    const { views, url } = repository.remote;
    const checkouts = new FreshCheckouts({ ...repository, views, remoteUrl: url });
    const head = valueOf(await work.headSha(NEVER));
    await using fresh = valueOf(
      await checkouts.make({ issue: 1, sha: head, base: { branch: "main", sha: moved } }, NEVER),
    );

    expect(before).toBeGreaterThan(0);
    expect(lacks("origin/main")).toBe(0);
    expect(pushed).toBe(sh(repository.bare, "rev-parse", worktree.branch));
    expect(merged).toMatchObject({ kind: "merged", changed: true });
    expect(change.files).toEqual([]);
    expect(sh(fresh.path, "ls-files")).toContain("part.txt");
  });

  it("could not be worked in before: git may not fetch by itself", async () => {
    await makePartial(filter);

    const added = await repository.git.run(
      {
        directory: repository.commonDirectory,
        variables: { GIT_DIR: repository.commonDirectory },
        arguments: ["worktree", "add", "--quiet", "--detach", join(fixture.directory, "tree"), "origin/main"],
      },
      NEVER,
    );

    expect(added.ok).toBe(false);
  });
});
