// A gate sees the commit as any clone would show it, and nothing of what lies about where an agent worked.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { BareViews } from "../../../../src/worker/git/remote/bare-view.ts";
import { type FreshCheckout, FreshCheckouts } from "../../../../src/worker/git/worktrees/fresh-checkout.ts";
import type { Worktree } from "../../../../src/worker/git/worktrees/worktree-manager.ts";
import { failureOf, GitFixture, type RepositoryFixture, sh, valueOf } from "../git-fixture.ts";

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
    checkouts = new FreshCheckouts({ ...web, views: web.remote.views, remoteUrl: web.remote.url });
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
    // As a control, git in the checkout believes it.
    expect(sh(web.checkout, "cat-file", "blob", real ?? "")).toBe("green");

    const checkout = await make();

    expect(await readFile(join(checkout.path, "README.md"), "utf8")).toBe("one\ntwo\nthree\n");
    expect(sh(checkout.path, "cat-file", "blob", "HEAD:README.md")).toBe("one\ntwo\nthree");
  });

  it("is not made of an object that does not hold what its name says", async () => {
    const genuine = sh(worktree.path, "rev-parse", `${sha}:README.md`);
    await forgeLoose(web.commonDirectory, genuine, "blob", "green\n");
    // As a control, git in the checkout believes it, and so does a checkout that borrows its objects.
    sh(fixture.directory, "clone", "-q", "--shared", web.checkout, "borrower");
    expect(await readFile(join(fixture.directory, "borrower", "README.md"), "utf8")).toBe("green\n");

    const base = { branch: "main", sha: worktree.baseSha };
    const failed = await checkouts.make({ issue: 7, sha, base }, signal);

    expect(failureOf(failed).message).toContain("whole and genuine");
    expect(readdirSync(web.root)).toEqual(["issue-7"]);
  });

  it("is not made of a directory that does not hold what its name says", async () => {
    await mkdir(join(worktree.path, "test"));
    await writeFile(join(worktree.path, "test", "a.test.js"), "fails\n");
    await writeFile(join(worktree.path, "test", "b.test.js"), "passes\n");
    const base = { branch: "main", sha: valueOf(await web.branch(worktree).commitAll("Tests", signal)) ?? "nothing" };
    await writeFile(join(worktree.path, "more.txt"), "more\n");
    const head = valueOf(await web.branch(worktree).commitAll("More", signal)) ?? "nothing";
    const [tree = "", passes = ""] = ["test", "test/b.test.js"].map((path) =>
      sh(worktree.path, "rev-parse", `${head}:${path}`),
    );
    const entry = Buffer.concat([Buffer.from("100644 b.test.js\0"), Buffer.from(passes, "hex")]);
    await forgeLoose(web.commonDirectory, tree, "tree", entry);
    // As a control, git in the checkout believes it.
    expect(sh(worktree.path, "ls-tree", "-r", "--name-only", head, "test/")).toBe("test/b.test.js");

    expect(failureOf(await checkouts.make({ issue: 7, sha: head, base }, signal)).message).toContain(
      "whole and genuine",
    );
  });

  it("stays genuine for tools that ask git, whatever becomes of the objects later", async () => {
    const genuine = sh(worktree.path, "rev-parse", `${sha}:README.md`);
    const { path } = await make();
    await forgeLoose(web.commonDirectory, genuine, "blob", "green\n");
    await forgePack(web.commonDirectory, genuine, "green\n");
    expect(sh(worktree.path, "cat-file", "blob", `${sha}:README.md`)).toBe("green");

    expect(sh(path, "cat-file", "blob", "HEAD:README.md")).toBe("one\ntwo\nthree");
    expect(sh(path, "cat-file", "blob", "origin/main:README.md")).toBe("one\ntwo\nthree");
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
    const place = { git: web.git, commonDirectory: join(shallow, ".git"), directory: join(fixture.directory, "views") };
    const views = await BareViews.open(place);
    const others = new FreshCheckouts({ ...web, ...place, views, remoteUrl: web.remote.url });

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

async function forgeLoose(gitDirectory: string, id: string, type: string, content: string | Buffer): Promise<void> {
  const bytes = Buffer.from(content);
  const directory = join(gitDirectory, "objects", id.slice(0, 2));
  await mkdir(directory, { recursive: true });
  await rm(join(directory, id.slice(2)), { force: true });
  await writeFile(
    join(directory, id.slice(2)),
    deflateSync(Buffer.concat([Buffer.from(`${type} ${bytes.length}\0`), bytes])),
  );
}

/** Makes a pack whose index calls another content by the name `id`, under an index over all packs. */
async function forgePack(gitDirectory: string, id: string, content: string): Promise<void> {
  const other = await mkdtemp(join(tmpdir(), "hydraflow-forged-"));
  try {
    sh(other, "init", "-q", "--bare");
    await forgeLoose(other, id, "blob", content);
    const pack = join(gitDirectory, "objects", "pack", "pack");
    execFileSync("git", ["pack-objects", "-q", pack], { cwd: other, input: `${id}\n` });
    sh(gitDirectory, "multi-pack-index", "write");
  } finally {
    await rm(other, { recursive: true });
  }
}
