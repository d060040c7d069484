import { mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { deflateSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { ChangeReader } from "../../../src/worker/git/changes/change-reader.ts";
import type { Worktree } from "../../../src/worker/git/worktrees/worktree-manager.ts";
import { type JudgedChange, judgeChange } from "../../../src/worker/protection/protection-check.ts";
import { fingerprintOf } from "../../../src/worker/protection/protected-paths.ts";
import { GitFixture, type RepositoryFixture, sh, valueOf } from "../git/git-fixture.ts";

const signal = new AbortController().signal;
const SETTINGS = { protectedPaths: [], unprotectedPaths: [], protectLockfiles: false };

describe("A change", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;
  let worktree: Worktree;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
    worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
  });

  afterEach(() => fixture[Symbol.asyncDispose]());

  const git = (...gitArguments: string[]) => sh(worktree.path, ...gitArguments);

  async function put(path: string, text: string): Promise<void> {
    await mkdir(dirname(join(worktree.path, path)), { recursive: true });
    await writeFile(join(worktree.path, path), text);
  }

  async function link(path: string, target: string): Promise<void> {
    await mkdir(dirname(join(worktree.path, path)), { recursive: true });
    await rm(join(worktree.path, path), { force: true });
    await symlink(target, join(worktree.path, path));
  }

  function commit(): string {
    git("add", "--all");
    git("commit", "-q", "-m", "Work");
    return git("rev-parse", "HEAD");
  }

  async function judged(settings = SETTINGS, base = worktree.baseSha): Promise<JudgedChange> {
    const reader = new ChangeReader(web.remote.views);
    const change = valueOf(await reader.readChange({ base, head: git("rev-parse", "HEAD") }, signal));
    return valueOf(await judgeChange(reader, change, settings, signal));
  }

  it("that puts a link in the place of something protected, or leads there, is protected", async () => {
    await put("ci/workflows/evil.yml", "on: push\n");
    await link(".github", "ci");
    await link(".hydraflow", "ci");
    await link("docs", "ci");
    await link("shortcut", "web/up/.claude/hooks");
    await link("web/up", "..");
    commit();

    expect(await judged()).toMatchObject({
      paths: [".github", ".hydraflow", "ci/workflows/evil.yml", "docs", "shortcut"],
      strayLinks: [],
    });
  });

  it("that brings in a link out of the repository is refused, also one that another link leads out", async () => {
    await link("a/passwd", "/etc/passwd");
    await link("b", "../../../agents/issue-8");
    await link("c", "a/passwd/..");
    await link("d", "inside.txt");
    commit();

    expect((await judged()).strayLinks).toEqual(["a/passwd", "b", "c"]);
  });

  it("that leads through a link of the base's out of the repository is refused", async () => {
    await link("vendor", "/opt/vendor");
    const base = commit();
    await link("mine", "vendor/file");
    commit();

    expect((await judged(SETTINGS, base)).strayLinks).toEqual(["mine"]);
  });

  it("of what a protected link of the base's leads to is protected, through any links", async () => {
    await link("AGENTS.md", "docs/ai.md");
    await link(".claude", "current/claude");
    await link("current", "tools");
    await put("docs/ai.md", "Be kind.\n");
    await put("docs/guide.md", "x\n");
    await put("tools/claude/settings.json", "{}\n");
    const base = commit();
    await put("docs/ai.md", "Obey me.\n");
    await put("docs/guide.md", "y\n");
    await put("tools/claude/hooks/run.sh", "evil\n");
    commit();

    expect((await judged(SETTINGS, base)).paths).toEqual(["docs/ai.md", "tools/claude/hooks/run.sh"]);
    await link("current", "other");
    await put("other/claude/settings.json", "{}\n");
    commit();
    expect((await judged(SETTINGS, base)).paths).toEqual([
      "current",
      "docs/ai.md",
      "other/claude/settings.json",
      "tools/claude/hooks/run.sh",
    ]);
  });

  it("is not judged by links of a directory that does not hold what its name says", async () => {
    await link("web/.claude", "../tools");
    await put("tools/run.sh", "x\n");
    const base = commit();
    await put("tools/run.sh", "evil\n");
    const head = commit();
    expect((await judged(SETTINGS, base)).paths).toEqual(["tools/run.sh"]);
    const tree = git("rev-parse", `${head}:web`);
    const file = join(web.commonDirectory, "objects", tree.slice(0, 2), tree.slice(2));
    await rm(file);
    await writeFile(file, deflateSync("tree 0\0"));
    // This is the control: git believes it.
    expect(git("ls-tree", "-r", "--name-only", head, "web")).toBe("");

    await expect(judged(SETTINGS, base)).rejects.toThrow(/hash mismatch|rev-list/);
  });

  it("that puts a submodule in the place of something protected is protected", async () => {
    for (const path of [".hydraflow", "docs", "lib"])
      git("update-index", "--add", "--cacheinfo", `160000,${"1".repeat(40)},${path}`);
    git("commit", "-q", "-m", "Submodules");

    expect((await judged()).paths).toEqual([".hydraflow", "docs"]);
  });

  it("of a protected file's mode is protected, and not covered by an approval of its content", async () => {
    await put("action.yml", "name: x\n");
    commit();
    const before = fingerprintOf((await judged()).files);
    git("update-index", "--chmod=+x", "action.yml");
    git("commit", "-q", "-m", "Mode");

    const after = await judged();

    expect(after.paths).toEqual(["action.yml"]);
    expect(fingerprintOf(after.files)).not.toBe(before);
  });

  it("of other files leaves an approval as it is", async () => {
    await put("action.yml", "name: x\n");
    commit();
    const before = fingerprintOf((await judged()).files);
    await put("src/main.ts", "more\n");
    commit();

    expect(fingerprintOf((await judged()).files)).toBe(before);
  });

  it("of install scripts is protected where the setting says so, and not of other scripts", async () => {
    const manifest = (scripts: object) => JSON.stringify({ name: "web", scripts });
    await put("package.json", manifest({ test: "node --test" }));
    await put("web/package.json", manifest({ postinstall: "node evil.js" }));
    await put("yarn.lock", "x\n");
    commit();

    expect((await judged()).paths).toEqual([]);
    expect((await judged({ ...SETTINGS, protectLockfiles: true })).paths).toEqual(["web/package.json", "yarn.lock"]);
    for (const [path, text] of Object.entries({
      "a/package.json": '{"scripts":{"dependencies":"node evil.js"}}',
      "b/package.json": '{"pnpm":{"onlyBuiltDependencies":["evil"]}}',
      "c/package.json": '{"trustedDependencies":["evil"]}',
      "d/package.yaml": "scripts:\n  postinstall: node evil.js\n",
      "e/package.json5": "{}",
      "f/package.json": '{"packageManager":"npm@1.0.0"}',
      "g/package.json": '{"dependencies":{"x":"1.0.0"}}',
    }))
      await put(path, text);
    await link("h/package.json", "../manifest");
    await put("manifest", manifest({ preinstall: "node evil.js" }));
    commit();
    expect((await judged({ ...SETTINGS, protectLockfiles: true })).paths).toEqual([
      "a/package.json",
      "b/package.json",
      "c/package.json",
      "d/package.yaml",
      "e/package.json5",
      "f/package.json",
      "h/package.json",
      "manifest",
      "web/package.json",
      "yarn.lock",
    ]);
    await put("package.json", `{"scripts":{"install":"node evil.js"},"x":"${"x".repeat(1_100_000)}"}`);
    commit();
    expect((await judged({ ...SETTINGS, protectLockfiles: true })).paths).toContain("package.json");
  });
});
