// Shows what a commit of ours is made of, whatever an agent has done to git's own bookkeeping in its turn.

import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { appendFile, chmod, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { fileAt } from "../../../src/worker/git/command/byte-path.ts";
import type { WorkBranch } from "../../../src/worker/git/commits/work-branch.ts";
import { type Worktree, WorktreeManager } from "../../../src/worker/git/worktrees/worktree-manager.ts";
import { commitToRemote, failureOf, GitFixture, type RepositoryFixture, sh, valueOf } from "./git-fixture.ts";

const signal = new AbortController().signal;

describe("A commit of ours", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;
  let worktree: Worktree;
  let branch: WorkBranch;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
    worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
    branch = web.branch(worktree);
  });

  afterEach(() => fixture[Symbol.asyncDispose]());

  const agent = (...gitArguments: string[]) => sh(worktree.path, ...gitArguments);
  const write = (name: string, text: string) => writeFile(join(worktree.path, name), text);
  const commit = async () => valueOf(await branch.commitAll("Work", signal)) ?? "nothing";
  const parentsOf = (sha: string) => agent("rev-list", "--parents", "-1", sha).split(" ").slice(1);
  const show = (path: string, sha: string) => agent("show", `${sha}:${path}`);

  it.each([["--skip-worktree"], ["--assume-unchanged"]])("holds a file that was hidden by %s", async (flag) => {
    agent("update-index", flag, "README.md");
    await write("README.md", "changed\n");
    await write("other.txt", "other\n");
    // As a control, the agent's own git sees nothing of it.
    expect(agent("status", "--porcelain")).toBe("?? other.txt");

    expect(show("README.md", await commit())).toBe("changed");
  });

  it("holds what a sparse checkout of the operator would leave out", async () => {
    await commitToRemote(web, fixture.directory, "main", { "far.txt": "far\n" });
    sh(web.checkout, "sparse-checkout", "set", "--no-cone", "/README.md");

    const second = valueOf(await web.worktrees.ensure(8, "main", signal));
    await writeFile(join(second.path, "README.md"), "changed\n");
    const sha = valueOf(await web.branch(second).commitAll("Work", signal)) ?? "nothing";

    expect(await readFile(join(second.path, "far.txt"), "utf8")).toBe("far\n");
    expect(sh(second.path, "diff", "--name-only", `${second.head}..${sha}`)).toBe("README.md");
  });

  it("has one parent, whatever MERGE_HEAD says", async () => {
    const evil = agent("commit-tree", "HEAD^{tree}", "-m", "Made up");
    await writeFile(join(worktree.gitDirectory, "MERGE_HEAD"), `${evil}\n`);
    await write("work.txt", "work\n");

    const sha = await commit();

    expect(parentsOf(sha)).toEqual([worktree.head]);
    expect(existsSync(join(worktree.gitDirectory, "MERGE_HEAD"))).toBe(false);
  });

  it("takes in what an agent committed, merged or rewrote, without its commits", async () => {
    await write("one.txt", "one\n");
    agent("add", ".");
    agent("commit", "-q", "-m", "Fixes #1: mine");
    const foreign = agent("commit-tree", "HEAD^{tree}", "-m", "Unrelated");
    agent("merge", "-q", "--allow-unrelated-histories", "-m", "Merge", foreign);
    await write("two.txt", "two\n");
    agent("add", ".");
    agent("commit", "-q", "--amend", "-m", "Amended");
    expect(parentsOf("HEAD")).toHaveLength(2);

    const sha = await commit();

    expect(parentsOf(sha)).toEqual([worktree.head]);
    expect(agent("diff", "--name-only", `${worktree.head}..${sha}`)).toBe("one.txt\ntwo.txt");
    expect(agent("log", "--format=%s", `${worktree.baseSha}..${sha}`)).toBe("Work");
    expect(agent("rev-parse", "HEAD", "agent/issue-7")).toBe(`${sha}\n${sha}`);
  });

  it("stands on the commit that we made before, wherever an agent moved the refs", async () => {
    await write("one.txt", "one\n");
    const first = await commit();
    const stray = agent("commit-tree", "HEAD^{tree}", "-p", worktree.baseSha, "-m", "Stray");
    agent("update-ref", "refs/heads/agent/issue-7", stray);
    agent("update-ref", "refs/remotes/origin/main", stray);
    await write("two.txt", "two\n");
    expect(valueOf(await branch.headSha(signal))).toBe(first);

    const sha = await commit();

    expect(parentsOf(sha)).toEqual([first]);
    expect(valueOf(await branch.pushBranch(null, signal))).toBe(sha);
    expect(sh(web.bare, "rev-list", "--count", "main..agent/issue-7")).toBe("2");
  });

  it("moves no submodule that was staged or committed", async () => {
    const pin = "1".repeat(40);
    agent("update-index", "--add", "--cacheinfo", `160000,${pin},vendor`);
    agent("commit", "-q", "-m", "Pin");
    await mkdir(join(worktree.path, "vendor"), { recursive: true });
    await write("work.txt", "work\n");
    expect(agent("ls-tree", "HEAD", "vendor")).toContain(pin);

    expect(agent("ls-tree", "--name-only", await commit())).toBe("README.md\nwork.txt");
  });

  it("is the same after the worker was killed in the turn", async () => {
    await write("one.txt", "one\n");
    const first = await commit();
    await write("two.txt", "two\n");
    agent("add", ".");
    agent("commit", "-q", "-m", "Half");
    await write("three.txt", "three\n");

    const restarted = new WorktreeManager({ ...web, isOriginOverridden: false });
    const again = valueOf(await restarted.ensure(7, "main", signal));
    const sha = valueOf(await web.branch(again).commitAll("Work", signal)) ?? "nothing";

    expect(again).toMatchObject({ head: first, reused: true });
    expect(parentsOf(sha)).toEqual([first]);
    expect(agent("diff", "--name-only", `${first}..${sha}`)).toBe("three.txt\ntwo.txt");
  });

  it("takes what stands in the worktree as work where the record is lost", async () => {
    await write("one.txt", "one\n");
    await commit();
    await rm(web.records, { recursive: true });
    await commitToRemote(web, fixture.directory, "main", { "theirs.txt": "theirs\n" });

    const restarted = new WorktreeManager({ ...web, isOriginOverridden: false });
    const again = valueOf(await restarted.ensure(7, "main", signal));
    const sha = valueOf(await web.branch(again).commitAll("Work", signal)) ?? "nothing";

    expect(parentsOf(sha)).toEqual([worktree.baseSha]);
    expect(agent("diff", "--name-only", `${worktree.baseSha}..${sha}`)).toBe("one.txt");
  });

  it("is known to stand on files that a killed worker had begun to write", async () => {
    await worktree.record.change({ pending: { kind: "reset" } });

    const restarted = new WorktreeManager({ ...web, isOriginOverridden: false });
    const again = web.branch(valueOf(await restarted.ensure(7, "main", signal)));

    expect(again.isHalfDone).toBe(true);
    valueOf(await again.resetTo(worktree.baseSha, signal));
    expect(again.isHalfDone).toBe(false);
  });

  it("is read without following a link or a submodule", async () => {
    await write("secret.json", "{}\n");
    await symlink("secret.json", join(worktree.path, "package.json"));
    await write("Makefile", "quality:\n");
    await commit();
    await rm(join(worktree.path, "Makefile"));
    await write("Makefile", "uncommitted:\n");

    expect(valueOf(await branch.readFile("Makefile", signal))).toBe("quality:\n");
    expect(valueOf(await branch.readFile("package.json", signal))).toBeNull();
    expect(valueOf(await branch.readFile("absent", signal))).toBeNull();
  });

  it("is read as it was made, or not at all", async () => {
    await write("Makefile", "quality:\n");
    const sha = await commit();
    const id = agent("rev-parse", `${sha}:Makefile`);
    const file = join(web.commonDirectory, "objects", id.slice(0, 2), id.slice(2));
    await rm(file);
    await writeFile(file, deflateSync("blob 5\0none\n"));
    // As a control, git believes it.
    expect(show("Makefile", sha)).toBe("none");

    expect(failureOf(await branch.readFile("Makefile", signal)).message).toContain("hash mismatch");
  });

  it("survives an index that a power cut has torn", async () => {
    await write("one.txt", "one\n");
    await commit();
    await writeFile(worktree.record.index, "torn");
    await write("two.txt", "two\n");

    const sha = await commit();

    expect(agent("show", "--name-status", "--format=", sha)).toBe("A\ttwo.txt");
    await writeFile(worktree.record.index, "torn");
    valueOf(await branch.resetTo(worktree.baseSha, signal));
    expect(readdirSync(worktree.path).toSorted()).toEqual([".git", "README.md"]);
  });

  it("has modes, links, deletions and names as they are", async () => {
    const names = ["caf\xe9.txt", "two words.txt", "line\nbreak.txt", ":(exclude)odd.txt", '"quoted\\".txt', "- dash"];
    for (const name of names) await writeFile(fileAt(worktree.path, name), "x\n");
    await symlink("README.md", join(worktree.path, "link"));
    await write("tool.sh", "#!/bin/sh\n");
    await chmod(join(worktree.path, "tool.sh"), 0o755);
    const first = await commit();
    const listed = execFileSync("git", ["ls-tree", "-r", "-z", "--name-only", first], { cwd: worktree.path });
    expect(listed.toString("latin1").split("\0").filter(Boolean).toSorted()).toEqual(
      ["README.md", "link", "tool.sh", ...names].toSorted(),
    );
    expect(
      agent("ls-tree", first, "link", "tool.sh")
        .split("\n")
        .map((row) => row.slice(0, 6)),
    ).toEqual(["120000", "100755"]);

    await chmod(join(worktree.path, "tool.sh"), 0o644);
    await rm(fileAt(worktree.path, "caf\xe9.txt"));
    await rename(join(worktree.path, "README.md"), join(worktree.path, "ReadMe.md"));
    await rm(join(worktree.path, "link"));
    await mkdir(join(worktree.path, "link"));
    await write("link/file", "x\n");
    const second = await commit();

    expect(agent("diff", "--no-renames", "--name-status", `${first}..${second}`).split("\n")).toEqual([
      "D\tREADME.md",
      "A\tReadMe.md",
      'D\t"caf\\351.txt"',
      "D\tlink",
      "A\tlink/file",
      "M\ttool.sh",
    ]);
  });

  it("leaves out only what the agent left as a checkout writes it", async () => {
    const seed = join(fixture.directory, "legacy");
    sh(fixture.directory, "clone", "-q", web.bare, seed);
    const names = ["eol.c", "auto.txt", "ident.h", "wide.rc", "edited.c"];
    await writeFile(join(seed, "eol.c"), "int a;\r\nint b;\r\n");
    await writeFile(join(seed, "edited.c"), "int a;\r\nint b;\r\n");
    await writeFile(join(seed, "auto.txt"), "one\r\ntwo\r\n");
    await writeFile(join(seed, "ident.h"), "$Id: stale $\n");
    await writeFile(join(seed, "wide.rc"), "wide\r\n");
    sh(seed, "add", ".");
    sh(seed, "commit", "-q", "-m", "Legacy");
    const attributes =
      "*.c text eol=lf\n*.txt text=auto\n*.h ident\n*.rc text working-tree-encoding=UTF-16LE eol=crlf\n";
    await writeFile(join(seed, ".gitattributes"), attributes);
    sh(seed, "add", ".gitattributes");
    sh(seed, "commit", "-q", "-m", "Attributes");
    sh(seed, "push", "-q", "origin", "main");
    const second = valueOf(await web.worktrees.ensure(8, "main", signal));
    // An agent's `git stash`, or an editor, writes files again as they were.
    for (const name of names) {
      const bytes = await readFile(join(second.path, name));
      await rm(join(second.path, name));
      await writeFile(join(second.path, name), bytes);
    }
    await appendFile(join(second.path, "edited.c"), "int c;\r\n");
    await chmod(join(second.path, "eol.c"), 0o755);
    // As a control, git calls them modified.
    expect(sh(second.path, "status", "--porcelain").split("\n").length).toBeGreaterThan(3);

    const sha = valueOf(await web.branch(second).commitAll("Work", signal)) ?? "nothing";

    expect(sh(second.path, "diff", "--raw", "--abbrev=4", `${second.head}..${sha}`).split("\n")).toEqual([
      expect.stringMatching(/^:100644 100644 .* M\tedited\.c$/),
      expect.stringMatching(/^:100644 100755 (\w+)(?:\.\.\.)? \1(?:\.\.\.)? M\teol\.c$/),
    ]);
    expect(valueOf(await web.branch(second).hasChanges(signal))).toBe(false);
    expect(valueOf(await web.branch(second).mergeBase("main", signal))).toMatchObject({ kind: "merged" });
  });
});
