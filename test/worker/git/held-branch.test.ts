// A branch that a person has checked out is theirs: it is neither moved nor deleted under them.

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { GitFixture, type RepositoryFixture, sh, valueOf } from "./git-fixture.ts";

const signal = new AbortController().signal;
const BRANCH = "agent/issue-7";

describe("A work branch that somebody else has checked out", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
  });

  afterEach(() => fixture[Symbol.asyncDispose]());

  const stateOf = (directory: string) => sh(directory, "status", "--porcelain=v2", "--branch");

  it("is left where it is when the worktree goes, which the result says", async () => {
    valueOf(await web.worktrees.ensure(7, "main", signal));
    sh(web.checkout, "checkout", "-q", "--ignore-other-worktrees", BRANCH);
    const before = stateOf(web.checkout);

    const removed = valueOf(await web.worktrees.remove(7, signal));

    expect(removed).toEqual({ branchKeptFor: web.checkout });
    expect(stateOf(web.checkout)).toBe(before);
    sh(web.checkout, "checkout", "-q", "main");
    expect(valueOf(await web.worktrees.remove(7, signal))).toEqual({ branchKeptFor: null });
    expect(sh(web.checkout, "branch", "--list", BRANCH)).toBe("");
  });

  it("is left where it is while we commit, merge and reset, and the work goes on", async () => {
    const worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
    const branch = web.branch(worktree);
    sh(web.checkout, "checkout", "-q", "--ignore-other-worktrees", BRANCH);
    const before = stateOf(web.checkout);

    await writeFile(join(worktree.path, "work.txt"), "work\n");
    const sha = valueOf(await branch.commitAll("Work", signal));
    valueOf(await branch.mergeBase("main", signal));
    valueOf(await branch.resetTo(worktree.baseSha, signal));
    valueOf(await branch.resetTo(sha ?? "", signal));

    expect(stateOf(web.checkout)).toBe(before);
    expect(sh(worktree.path, "rev-parse", "HEAD")).toBe(sha);
    expect(valueOf(await branch.pushBranch(null, signal))).toBe(sha);
    expect(valueOf(await web.worktrees.ensure(7, "main", signal))).toMatchObject({ head: sha, reused: true });
  });

  it("is taken up again when it is free", async () => {
    const worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
    const branch = web.branch(worktree);
    sh(web.checkout, "checkout", "-q", "--ignore-other-worktrees", BRANCH);
    await writeFile(join(worktree.path, "work.txt"), "work\n");
    valueOf(await branch.commitAll("Work", signal));
    sh(web.checkout, "checkout", "-q", "main");

    await writeFile(join(worktree.path, "more.txt"), "more\n");
    const sha = valueOf(await branch.commitAll("More", signal));

    expect(sh(web.checkout, "rev-parse", BRANCH)).toBe(sha);
    expect(sh(worktree.path, "branch", "--show-current")).toBe(BRANCH);
  });

  it("is no obstacle to a new worktree", async () => {
    sh(web.checkout, "checkout", "-q", "-b", BRANCH);
    await writeFile(join(web.checkout, "theirs.txt"), "theirs\n");
    sh(web.checkout, "add", ".");
    sh(web.checkout, "commit", "-q", "-m", "Theirs");
    const before = stateOf(web.checkout);

    const worktree = valueOf(await web.worktrees.ensure(7, "main", signal));

    expect(worktree.head).toBe(worktree.baseSha);
    expect(stateOf(web.checkout)).toBe(before);
  });

  it("is held also in the middle of a rebase or a bisection", async () => {
    valueOf(await web.worktrees.ensure(7, "main", signal));
    const tip = sh(web.checkout, "rev-parse", BRANCH);
    sh(web.checkout, "checkout", "-q", "--detach");
    await mkdir(join(web.commonDirectory, "rebase-merge"));
    await writeFile(join(web.commonDirectory, "rebase-merge", "head-name"), `refs/heads/${BRANCH}\n`);

    expect(valueOf(await web.worktrees.remove(7, signal)).branchKeptFor).toBe(web.commonDirectory);
    expect(sh(web.checkout, "rev-parse", BRANCH)).toBe(tip);
  });
});
