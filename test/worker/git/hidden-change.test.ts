// An agent hides changes from whoever looks at its work, and the reader shows them all the same.

import { chmod, copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { failureOf, sh, valueOf } from "./git-fixture.ts";
import { ReaderFixture } from "./reader-fixture.ts";

const signal = new AbortController().signal;
const WORKFLOW = ".github/workflows/evil.yml";

describe("A reader of changes", () => {
  let at: ReaderFixture;

  beforeEach(async () => {
    at = await ReaderFixture.create();
  });

  afterEach(() => at[Symbol.asyncDispose]());

  const git = (...gitArguments: string[]) => at.git(...gitArguments);
  const put = (path: string, content: string | Buffer) => at.put(path, content);
  const commit = (message: string) => at.commit(message);

  function looseObject(sha: string): string {
    return join(at.web.commonDirectory, "objects", sha.slice(0, 2), sha.slice(2));
  }

  /** Returns what git shows to whoever asks it in the worktree as it is. */
  function shownByPlainGit(): string {
    return git("diff", `${at.worktree.baseSha}...HEAD`);
  }

  /** Makes an evil and a benign commit on the base, with the evil one checked out. */
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
        await mkdir(join(at.web.commonDirectory, "info"), { recursive: true });
        // The base seems to come behind the evil commit.
        await writeFile(
          join(at.web.commonDirectory, "info", "grafts"),
          `${at.worktree.baseSha} ${evil}\n${evil}\n${benign} ${evil}\n`,
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
        await mkdir(join(at.web.commonDirectory, "info"), { recursive: true });
        await writeFile(join(at.web.commonDirectory, "info", "attributes"), "* diff=quiet\n");
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

    const { paths, text } = await at.seen();

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
    const read = () => at.reader.readChange({ base, head: git("rev-parse", "HEAD") }, signal);
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
    const benign = sh(at.worktree.path, "hash-object", "-w", "README.md");
    git("replace", git("rev-parse", "HEAD:ok.txt"), benign);

    expect((await at.seen()).text).toContain("+evil");
    expect(shownByPlainGit()).not.toContain("+evil");
  });

  it("counts and checks the commits that are there, whatever a forged commit-graph says", async () => {
    const { evil, benign } = await evilBelow();
    await put("more.txt", "more\n");
    commit("More");
    git("commit-graph", "write", "--reachable");
    const graph = join(at.web.commonDirectory, "objects", "info", "commit-graph");
    await forgeParent(graph, benign, at.worktree.baseSha);

    expect(await at.seen()).toMatchObject({ paths: [WORKFLOW, "more.txt", "ok.txt"], ahead: 3 });
    expect(git("rev-list", `${at.worktree.baseSha}..HEAD`)).not.toContain(evil);
  });

  it("shows commits behind a line in `shallow` that nobody's clone wrote", async () => {
    const { evil, benign } = await evilBelow();
    await writeFile(join(at.web.commonDirectory, "shallow"), `${at.worktree.baseSha}\n${evil}\n${benign}\n`);

    expect(await at.seen()).toMatchObject({ paths: [WORKFLOW, "ok.txt"], ahead: 2 });
  });

  it("shows a submodule that moved, whatever the configuration ignores", async () => {
    git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},vendor/lib`);
    git("commit", "-q", "-m", "Bump");
    git("config", "diff.ignoreSubmodules", "all");

    const change = valueOf(await at.reader.readChange(at.range(), signal));
    const [diff] = valueOf(await at.reader.readDiff(change, signal));

    expect(change.files).toMatchObject([{ path: "vendor/lib", isSubmodule: true, newMode: "160000", oldMode: null }]);
    expect(diff).toMatchObject({ note: null, text: expect.stringContaining(`+Subproject commit ${"1".repeat(40)}`) });
    expect(git("diff", "--name-only", `${at.worktree.baseSha}...HEAD`)).toBe("");
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
