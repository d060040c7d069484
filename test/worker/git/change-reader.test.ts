import { chmod, copyFile, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ChangeReader } from "../../../src/worker/git/change-reader.ts";
import type { Worktree } from "../../../src/worker/git/worktree-manager.ts";
import { failureOf, GitFixture, type RepositoryFixture, sh, valueOf } from "./git-fixture.ts";

const signal = new AbortController().signal;
const WORKFLOW = ".github/workflows/evil.yml";

describe("ChangeReader", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;
  let worktree: Worktree;
  let reader: ChangeReader;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
    worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
    reader = new ChangeReader(web.remote.views);
  });

  afterEach(() => fixture[Symbol.asyncDispose]());

  const git = (...gitArguments: string[]) => sh(worktree.path, ...gitArguments);
  const head = () => git("--no-replace-objects", "rev-parse", "HEAD");
  const range = () => ({ base: worktree.baseSha, head: head() });

  async function put(path: string, content: string | Buffer): Promise<void> {
    await mkdir(join(worktree.path, path, ".."), { recursive: true });
    await writeFile(join(worktree.path, path), content);
  }

  function commit(message: string): string {
    git("add", "--all");
    git("commit", "-q", "-m", message);
    return git("rev-parse", "HEAD");
  }

  async function seen(): Promise<{ paths: string[]; text: string; ahead: number }> {
    const change = valueOf(await reader.readChange(range(), signal));
    const diff = valueOf(await reader.readDiff(change, signal));
    const ahead = valueOf(await reader.commitsAhead(range(), signal));
    return { paths: change.files.map(({ path }) => path), text: diff.map(({ text }) => text).join(""), ahead };
  }

  function looseObject(sha: string): string {
    return join(web.commonDirectory, "objects", sha.slice(0, 2), sha.slice(2));
  }

  /** What git shows to whoever asks it in the worktree as it is. */
  function shownByPlainGit(): string {
    return git("diff", `${worktree.baseSha}...HEAD`);
  }

  /** An evil and a benign commit on the base, the evil one checked out. */
  async function evilAndBenign(): Promise<{ evil: string; benign: string }> {
    await put("ok.txt", "harmless\n");
    const benign = commit("Benign");
    git("reset", "-q", "--hard", "HEAD~1");
    await put("ok.txt", "harmless\n");
    await put(WORKFLOW, "on: push\n");
    return { evil: commit("Evil"), benign };
  }

  /** The benign commit stands on the evil one. */
  async function evilBelow(): Promise<{ evil: string; benign: string }> {
    await put(WORKFLOW, "on: push\n");
    const evil = commit("Evil");
    await put("ok.txt", "harmless\n");
    return { evil, benign: commit("Benign") };
  }

  const hiddenWorkflows: [string, () => Promise<unknown>][] = [
    [
      "a replaced commit",
      async () => {
        const { evil, benign } = await evilAndBenign();
        git("replace", evil, benign);
      },
    ],
    [
      "a replaced commit in packed-refs",
      async () => {
        const { evil, benign } = await evilAndBenign();
        git("replace", evil, benign);
        git("pack-refs", "--all");
      },
    ],
    [
      "a replaced tree",
      async () => {
        const { evil, benign } = await evilAndBenign();
        git("replace", git("rev-parse", `${evil}^{tree}`), git("rev-parse", `${benign}^{tree}`));
      },
    ],
    [
      "a graft",
      async () => {
        const { evil, benign } = await evilBelow();
        await mkdir(join(web.commonDirectory, "info"), { recursive: true });
        // The base seems to come behind the evil commit.
        await writeFile(
          join(web.commonDirectory, "info", "grafts"),
          `${worktree.baseSha} ${evil}\n${evil}\n${benign} ${evil}\n`,
        );
      },
    ],
    [
      "an attribute in the branch",
      async () => {
        await put(".gitattributes", ".github/** -diff\n* binary\n");
        await evilBelow();
      },
    ],
    [
      "an attribute of the checkout, with a driver that prints nothing",
      async () => {
        await mkdir(join(web.commonDirectory, "info"), { recursive: true });
        await writeFile(join(web.commonDirectory, "info", "attributes"), "* diff=quiet\n");
        git("config", "diff.quiet.textconv", "true");
        git("config", "diff.quiet.command", "true");
        await evilBelow();
      },
    ],
    [
      "a limit on the size of text files",
      async () => {
        git("config", "core.bigFileThreshold", "1");
        git("config", "diff.context", "0");
        await evilBelow();
      },
    ],
    [
      "a directory that diffs are bound to",
      async () => {
        git("config", "diff.relative", "true");
        git("config", "diff.orderFile", "/dev/null");
        await evilBelow();
      },
    ],
  ];

  it.each(hiddenWorkflows)("shows a workflow behind %s", async (_name, hide) => {
    await hide();

    const { paths, text } = await seen();

    expect(paths).toContain(WORKFLOW);
    expect(text).toContain("+on: push");
  });

  it.each(hiddenWorkflows.slice(0, 6))(
    "is not what plain git shows behind %s, so the above proves something",
    async (_name, hide) => {
      await hide();

      expect(shownByPlainGit()).not.toContain("+on: push");
    },
  );

  it("believes no object that is not what its name says, on either side of the change", async () => {
    await put(WORKFLOW, "on: push\n");
    const base = commit("Base");
    await put(WORKFLOW, "on: evil\n");
    commit("Evil");
    const read = () => reader.readChange({ base, head: head() }, signal);
    const forgeries = [
      { of: "HEAD:.github/workflows/evil.yml", by: "HEAD:README.md" },
      { of: "HEAD~1:.github/workflows/evil.yml", by: "HEAD:.github/workflows/evil.yml" },
      { of: "HEAD~1:.github/workflows", by: "HEAD:.github/workflows" },
      { of: "HEAD~1:.github", by: "HEAD:.github" },
      { of: "HEAD~1^{tree}", by: "HEAD^{tree}" },
    ];
    for (const { of, by } of forgeries) {
      const [forged, source] = [git("rev-parse", of), git("rev-parse", by)].map(looseObject);
      const genuine = await readFile(forged ?? "");
      await chmod(forged ?? "", 0o644);
      await copyFile(source ?? "", forged ?? "");

      expect([of, failureOf(await read()).message]).toEqual([of, expect.stringContaining("hash mismatch")]);
      await writeFile(forged ?? "", genuine);
    }
    expect(valueOf(await read()).files).toHaveLength(1);
  });

  it("shows a replaced blob as it is pushed", async () => {
    await put("ok.txt", "evil\n");
    commit("Work");
    const benign = sh(worktree.path, "hash-object", "-w", "README.md");
    git("replace", git("rev-parse", "HEAD:ok.txt"), benign);

    expect((await seen()).text).toContain("+evil");
    expect(shownByPlainGit()).not.toContain("+evil");
  });

  it("counts and checks the commits that are there, whatever a forged commit-graph says", async () => {
    const { evil, benign } = await evilBelow();
    await put("more.txt", "more\n");
    commit("More");
    git("commit-graph", "write", "--reachable");
    const graph = join(web.commonDirectory, "objects", "info", "commit-graph");
    await forgeParent(graph, benign, worktree.baseSha);

    expect(await seen()).toMatchObject({ paths: [WORKFLOW, "more.txt", "ok.txt"], ahead: 3 });
    expect(git("rev-list", `${worktree.baseSha}..HEAD`)).not.toContain(evil);
  });

  it("shows commits behind a line in `shallow` that nobody's clone wrote", async () => {
    const { evil, benign } = await evilBelow();
    await writeFile(join(web.commonDirectory, "shallow"), `${worktree.baseSha}\n${evil}\n${benign}\n`);

    expect(await seen()).toMatchObject({ paths: [WORKFLOW, "ok.txt"], ahead: 2 });
  });

  it("reads a clone that is shallow in truth", async () => {
    await put("a.txt", "a\n");
    commit("Second");
    sh(worktree.path, "push", "-q", web.bare, "HEAD:main");
    const clone = join(fixture.directory, "shallow");
    sh(fixture.directory, "clone", "-q", "--depth=1", `file://${web.bare}`, clone);
    await rm(web.commonDirectory, { recursive: true });
    sh(fixture.directory, "clone", "-q", "--bare", "--depth=1", `file://${web.bare}`, web.commonDirectory);
    sh(clone, "commit", "-q", "--allow-empty", "-m", "Mine");
    sh(clone, "push", "-q", web.commonDirectory, "HEAD:refs/heads/mine");
    const [base, tip] = [sh(clone, "rev-parse", "HEAD~1"), sh(clone, "rev-parse", "HEAD")];

    expect(valueOf(await reader.commitsAhead({ base, head: tip }, signal))).toBe(1);
    expect(valueOf(await reader.readChange({ base, head: tip }, signal)).files).toEqual([]);
  });

  it("shows a submodule that moved, whatever the configuration ignores", async () => {
    git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},vendor/lib`);
    git("commit", "-q", "-m", "Bump");
    git("config", "diff.ignoreSubmodules", "all");

    const change = valueOf(await reader.readChange(range(), signal));
    const [diff] = valueOf(await reader.readDiff(change, signal));

    expect(change.files).toMatchObject([{ path: "vendor/lib", isSubmodule: true, newMode: "160000", oldMode: null }]);
    expect(diff).toMatchObject({ note: null, text: expect.stringContaining(`+Subproject commit ${"1".repeat(40)}`) });
    expect(git("diff", "--name-only", `${worktree.baseSha}...HEAD`)).toBe("");
  });

  it("names binary and large files with their sizes, modes and links as what they are, and leaves nothing out", async () => {
    await put("binary", Buffer.from([0, 1, 2]));
    await put("large.txt", "line\n".repeat(60_000));
    await put("script.sh", "#!/bin/sh\n");
    await chmod(join(worktree.path, "README.md"), 0o755);
    await symlink("../elsewhere", join(worktree.path, "zlink"));
    commit("Everything");

    const change = valueOf(await reader.readChange(range(), signal));
    const diff = valueOf(await reader.readDiff(change, signal));

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
    await rm(join(worktree.path, "README.md"));
    await symlink("a.txt", join(worktree.path, "README.md"));
    await put("z.txt", "last\n");
    commit("Odd");

    const change = valueOf(await reader.readChange(range(), signal));
    const diff = valueOf(await reader.readDiff(change, signal));

    expect(diff.map(({ path }) => path)).toEqual(["README.md", "a.txt", 'odd "name"\n.txt', "z.txt"]);
    expect(change.files[0]).toMatchObject({ kind: "type-changed", linkTarget: "a.txt" });
    expect(diff[0]?.text).toMatch(/deleted file mode 100644[^]*new file mode 120000[^]*\+a\.txt/);
    expect(diff[1]?.text).toContain("+x\rdiff --git a/README.md");
    expect(diff[3]?.text).toContain("+last");
  });

  it("cuts at a file's border and names what is not shown", async () => {
    for (const name of ["a", "b", "c"]) await put(name, `${name} line\n`.repeat(100));
    commit("Three");
    const change = valueOf(await reader.readChange(range(), signal));

    const diff = valueOf(await reader.readDiff(change, signal, 1_200));

    expect(diff.map(({ text, note }) => [text.length > 700, note])).toEqual([
      [true, null],
      [false, "not shown, since the whole change is too large: no bytes before, 700 bytes after"],
      [false, "not shown, since the whole change is too large: no bytes before, 700 bytes after"],
    ]);
  });

  it("accepts a row of commits and a merge of the base, and no other parent", async () => {
    const tree = git("rev-parse", "HEAD^{tree}");
    const newer = git("commit-tree", tree, "-p", worktree.baseSha, "-m", "Newer base");
    const check = () => reader.checkHistory({ trusted: [worktree.baseSha, newer], head: head() }, signal);
    await put("a.txt", "a\n");
    commit("One");
    git("merge", "-q", "--no-edit", newer);
    expect(valueOf(await check())).toBeNull();

    const stranger = git("commit-tree", tree, "-p", worktree.baseSha, "-m", "Never reviewed");
    await writeFile(join(worktree.gitDirectory, "MERGE_HEAD"), `${stranger}\n`);
    await put("b.txt", "b\n");
    commit("With a made-up second parent");
    expect(valueOf(await check())).toContain(stranger);

    git("reset", "-q", "--hard", git("commit-tree", tree, "-m", "Without a parent"));
    expect(valueOf(await check())).toContain("has no parent");
    expect(failureOf(await reader.readChange(range(), signal)).message).toContain("no commit in common");
  });

  it("compares full object names alone", async () => {
    expect(failureOf(await reader.readChange({ base: "main", head: head() }, signal)).message).toContain("full object");
    expect(failureOf(await reader.links("--all", signal)).message).toContain("full object name");
  });

  it("leaves no directory behind", async () => {
    await seen();

    expect(await readdir(join(fixture.directory, "data", "acme-web", "transport.git"))).toEqual([]);
  });
});

/** Writes another first parent into a commit-graph, whose checksum nobody looks at when it is read. */
async function forgeParent(graph: string, commit: string, parent: string): Promise<void> {
  await chmod(graph, 0o644);
  const bytes = await readFile(graph);
  const chunkOf = (name: string) => {
    for (let at = 8; ; at += 12)
      if (bytes.toString("latin1", at, at + 4) === name) return Number(bytes.readBigUInt64BE(at + 4));
  };
  const [fanout, lookup, data] = [chunkOf("OIDF"), chunkOf("OIDL"), chunkOf("CDAT")];
  const count = bytes.readUInt32BE(fanout + 255 * 4);
  const positionOf = (sha: string) => {
    for (let index = 0; index < count; index += 1)
      if (bytes.toString("hex", lookup + index * 20, lookup + index * 20 + 20) === sha) return index;
    throw new Error(`${sha} is not in the graph`);
  };
  bytes.writeUInt32BE(positionOf(parent), data + positionOf(commit) * 36 + 20);
  await writeFile(graph, bytes);
}
