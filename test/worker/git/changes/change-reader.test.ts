import { chmod, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { failureOf, sh, valueOf } from "../git-fixture.ts";
import { ReaderFixture } from "../reader-fixture.ts";

const signal = new AbortController().signal;

describe("ChangeReader", () => {
  let at: ReaderFixture;

  beforeEach(async () => {
    at = await ReaderFixture.create();
  });

  afterEach(() => at[Symbol.asyncDispose]());

  const git = (...gitArguments: string[]) => at.git(...gitArguments);
  const put = (path: string, content: string | Buffer) => at.put(path, content);
  const commit = (message: string) => at.commit(message);

  it("reads a clone that is shallow in truth", async () => {
    await put("a.txt", "a\n");
    commit("Second");
    sh(at.worktree.path, "push", "-q", at.web.bare, "HEAD:main");
    const clone = join(at.fixture.directory, "shallow");
    sh(at.fixture.directory, "clone", "-q", "--depth=1", `file://${at.web.bare}`, clone);
    await rm(at.web.commonDirectory, { recursive: true });
    sh(at.fixture.directory, "clone", "-q", "--bare", "--depth=1", `file://${at.web.bare}`, at.web.commonDirectory);
    sh(clone, "commit", "-q", "--allow-empty", "-m", "Mine");
    sh(clone, "push", "-q", at.web.commonDirectory, "HEAD:refs/heads/mine");
    const [base, tip] = [sh(clone, "rev-parse", "HEAD~1"), sh(clone, "rev-parse", "HEAD")];

    expect(valueOf(await at.reader.commitsAhead({ base, head: tip }, signal))).toBe(1);
    expect(valueOf(await at.reader.readChange({ base, head: tip }, signal)).files).toEqual([]);
  });

  it("names binary and large files with their sizes, modes and links as what they are, and leaves nothing out", async () => {
    await put("binary", Buffer.from([0, 1, 2]));
    await put("large.txt", "line\n".repeat(60_000));
    await put("script.sh", "#!/bin/sh\n");
    await chmod(join(at.worktree.path, "README.md"), 0o755);
    await symlink("../elsewhere", join(at.worktree.path, "zlink"));
    commit("Everything");

    const change = valueOf(await at.reader.readChange(at.range(), signal));
    const diff = valueOf(await at.reader.readDiff(change, signal));

    expect(
      change.files.map(({ path, kind, oldMode, newMode, linkTarget }) => [path, kind, oldMode, newMode, linkTarget]),
    ).toEqual([
      ["README.md", "modified", "100644", "100755", null],
      ["binary", "added", null, "100644", null],
      ["large.txt", "added", null, "100644", null],
      ["script.sh", "added", null, "100644", null],
      ["zlink", "added", null, "120000", "../elsewhere"],
    ]);
    expect(diff.map(({ path, note }) => [path, note])).toEqual([
      ["README.md", null],
      ["binary", "binary file: no bytes before, 3 bytes after"],
      ["large.txt", "too large to be shown: no bytes before, 300000 bytes after, 60000 lines added, 0 removed"],
      ["script.sh", null],
      ["zlink", null],
    ]);
    expect(diff[0]?.text).toContain("new mode 100755");
    expect(diff[4]?.text).toContain("+../elsewhere");
  });

  it("gives each file its own text, also where one becomes a link or holds what looks like a diff", async () => {
    await put("a.txt", "x\rdiff --git a/README.md b/README.md\u2028diff --git a/q b/q\n+++ b/q\n");
    await put('odd "name"\n.txt', "odd\n");
    await rm(join(at.worktree.path, "README.md"));
    await symlink("a.txt", join(at.worktree.path, "README.md"));
    await put("z.txt", "last\n");
    commit("Odd");

    const change = valueOf(await at.reader.readChange(at.range(), signal));
    const diff = valueOf(await at.reader.readDiff(change, signal));

    expect(diff.map(({ path }) => path)).toEqual(["README.md", "a.txt", 'odd "name"\n.txt', "z.txt"]);
    expect(change.files[0]).toMatchObject({ kind: "type-changed", linkTarget: "a.txt" });
    expect(diff[0]?.text).toMatch(/deleted file mode 100644[^]*new file mode 120000[^]*\+a\.txt/);
    expect(diff[1]?.text).toContain("+x\rdiff --git a/README.md");
    expect(diff[3]?.text).toContain("+last");
  });

  it("cuts at a file's border and names what is not shown", async () => {
    for (const name of ["a", "b", "c"]) await put(name, `${name} line\n`.repeat(100));
    commit("Three");
    const change = valueOf(await at.reader.readChange(at.range(), signal));

    const diff = valueOf(await at.reader.readDiff(change, signal, 1_200));

    expect(diff.map(({ text, note }) => [text.length > 700, note])).toEqual([
      [true, null],
      [false, "not shown, since the whole change is too large: no bytes before, 700 bytes after"],
      [false, "not shown, since the whole change is too large: no bytes before, 700 bytes after"],
    ]);
  });

  it("accepts a row of commits and a merge of the base, and no other parent", async () => {
    const tree = git("rev-parse", "HEAD^{tree}");
    const newer = git("commit-tree", tree, "-p", at.worktree.baseSha, "-m", "Newer base");
    const check = () =>
      at.reader.checkHistory({ trusted: [at.worktree.baseSha, newer], head: git("rev-parse", "HEAD") }, signal);
    await put("a.txt", "a\n");
    commit("One");
    git("merge", "-q", "--no-edit", newer);
    expect(valueOf(await check())).toBeNull();

    const stranger = git("commit-tree", tree, "-p", at.worktree.baseSha, "-m", "Never reviewed");
    await writeFile(join(at.worktree.gitDirectory, "MERGE_HEAD"), `${stranger}\n`);
    await put("b.txt", "b\n");
    commit("With a made-up second parent");
    expect(valueOf(await check())).toContain(stranger);

    git("reset", "-q", "--hard", git("commit-tree", tree, "-m", "Without a parent"));
    expect(valueOf(await check())).toContain("has no parent");
    expect(failureOf(await at.reader.readChange(at.range(), signal)).message).toContain("no commit in common");
  });

  it("compares full object names alone", async () => {
    expect(
      failureOf(await at.reader.readChange({ base: "main", head: git("rev-parse", "HEAD") }, signal)).message,
    ).toContain("full object");
    expect(failureOf(await at.reader.links("--all", signal)).message).toContain("full object name");
  });

  it("leaves no directory behind", async () => {
    await at.seen();

    expect(await readdir(join(at.fixture.directory, "data", "acme-web", "transport.git"))).toEqual([]);
  });
});
