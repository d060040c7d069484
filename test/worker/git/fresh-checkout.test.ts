// What a gate sees: the commit as any clone would show it, and nothing of what lies about where an agent worked.

import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { type FreshCheckout, FreshCheckouts } from "../../../src/worker/git/fresh-checkout.ts";
import type { Worktree } from "../../../src/worker/git/worktree-manager.ts";
import { failureOf, GitFixture, type RepositoryFixture, sh, valueOf } from "./git-fixture.ts";

const signal = new AbortController().signal;

describe("A fresh checkout", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;
  let worktree: Worktree;
  let checkouts: FreshCheckouts;
  let sha: string;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
    worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
    checkouts = new FreshCheckouts({ ...web, remoteUrl: web.remote.url });
    await writeFile(join(worktree.path, ".gitignore"), "ignored\n");
    sha = valueOf(await web.branch(worktree).commitAll("Work", signal)) ?? "nothing";
  });

  afterEach(() => fixture[Symbol.asyncDispose]());

  const make = async (commit = sha): Promise<FreshCheckout> => {
    const base = { branch: "main", sha: worktree.baseSha };
    return valueOf(await checkouts.make({ issue: 7, sha: commit, base }, signal));
  };

  it("holds the files of the commit alone, and leaves with its user", async () => {
    await mkdir(join(worktree.path, "ignored"));
    await writeFile(join(worktree.path, "ignored", "leftover"), "x\n");
    await writeFile(join(worktree.path, "README.md"), "edited\n");
    const checkout = await make();

    expect(checkout.path).toBe(join(web.root, "issue-7.gate"));
    expect(readdirSync(checkout.path).toSorted()).toEqual([".git", ".gitignore", "README.md"]);
    expect(await readFile(join(checkout.path, "README.md"), "utf8")).toBe("one\ntwo\nthree\n");
    expect(sh(checkout.path, "status", "--porcelain")).toBe("");
    await checkout[Symbol.asyncDispose]();
    expect(existsSync(checkout.path)).toBe(false);
    expect(valueOf(await web.worktrees.list(signal)).map(({ issue }) => issue)).toEqual([7]);
  });

  it("shows the blob that is pushed, not one that an agent put in its place", async () => {
    await writeFile(join(worktree.path, "README.md"), "green\n");
    sh(worktree.path, "add", ".");
    const [real, made] = [`${sha}:README.md`, ":README.md"].map((name) => sh(worktree.path, "rev-parse", name));
    sh(worktree.path, "replace", real ?? "", made ?? "");
    // The control: git in the checkout believes it.
    expect(sh(web.checkout, "cat-file", "blob", real ?? "")).toBe("green");

    const checkout = await make();

    expect(await readFile(join(checkout.path, "README.md"), "utf8")).toBe("one\ntwo\nthree\n");
    expect(sh(checkout.path, "cat-file", "blob", "HEAD:README.md")).toBe("one\ntwo\nthree");
  });

  it("answers tools that ask git: tags, origin, the base as it was fetched", async () => {
    sh(web.checkout, "tag", "-m", "One", "v1.0", worktree.baseSha);
    const stray = sh(worktree.path, "commit-tree", "HEAD^{tree}", "-m", "Stray");
    sh(worktree.path, "update-ref", "refs/remotes/origin/main", stray);

    const { path } = await make();

    expect(sh(path, "describe")).toMatch(/^v1\.0-1-g/);
    expect(sh(path, "remote", "get-url", "origin")).toBe(web.remote.url);
    expect(sh(path, "diff", "--name-only", "origin/main...HEAD")).toBe(".gitignore");
    expect(sh(path, "for-each-ref", "refs/heads")).toBe("");
    expect(sh(path, "fsck", "--connectivity-only", "--no-dangling")).toBe("");
  });

  it("obeys nothing that the operator's checkout or an agent has set up", async () => {
    const trap = join(fixture.directory, "trap");
    await writeFile(trap, `#!/bin/sh\ntouch ${trap}ped\ncat\n`, { mode: 0o755 });
    sh(web.checkout, "config", "filter.trap.smudge", trap);
    await writeFile(join(web.commonDirectory, "info", "attributes"), "* filter=trap\n");
    await mkdir(join(web.commonDirectory, "hooks"), { recursive: true });
    await writeFile(join(web.commonDirectory, "hooks", "post-checkout"), `#!/bin/sh\n${trap}\n`, { mode: 0o755 });

    const { path } = await make();

    expect(existsSync(`${trap}ped`)).toBe(false);
    sh(path, "config", "core.pager", "mine");
    expect(await readFile(join(web.commonDirectory, "config"), "utf8")).not.toContain("mine");
  });

  it("works where the operator's checkout is shallow", async () => {
    const shallow = join(fixture.directory, "shallow");
    await writeFile(join(worktree.path, "more.txt"), "more\n");
    const tip = valueOf(await web.branch(worktree).commitAll("More", signal)) ?? "nothing";
    valueOf(await web.branch(worktree).pushBranch(null, signal));
    sh(fixture.directory, "clone", "-q", "--depth", "1", "-b", "agent/issue-7", `file://${web.bare}`, shallow);
    const others = new FreshCheckouts({ ...web, commonDirectory: join(shallow, ".git"), remoteUrl: web.remote.url });

    const base = { branch: "main", sha: tip };
    const checkout = valueOf(await others.make({ issue: 8, sha: tip, base }, signal));

    expect(sh(checkout.path, "log", "--format=%s")).toBe("More");
  });

  it("is made anew over what was left, and swept at start", async () => {
    const first = await make();
    await writeFile(join(first.path, "leftover"), "x\n");
    const second = await make(worktree.baseSha);
    expect(readdirSync(second.path).toSorted()).toEqual([".git", "README.md"]);

    await checkouts.sweep();

    expect(readdirSync(web.root)).toEqual(["issue-7"]);
  });

  it("says that a commit is not there, and leaves nothing", async () => {
    const base = { branch: "main", sha: worktree.baseSha };
    const failed = await checkouts.make({ issue: 7, sha: "1".repeat(40), base }, signal);

    expect(failureOf(failed).exitCode).toBe(128);
    expect(readdirSync(web.root)).toEqual(["issue-7"]);
  });
});
