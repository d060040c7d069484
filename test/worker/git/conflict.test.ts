import { execFileSync } from "node:child_process";
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { fileAt } from "../../../src/worker/git/byte-path.ts";
import type { Conflict } from "../../../src/worker/git/conflict.ts";
import type { WorkBranch } from "../../../src/worker/git/work-branch.ts";
import type { Worktree } from "../../../src/worker/git/worktree-manager.ts";
import { GitFixture, type RepositoryFixture, sh, valueOf } from "./git-fixture.ts";

const signal = new AbortController().signal;

/** What a side does with its checkout. */
type Side = (directory: string) => Promise<unknown> | unknown;

const puts =
  (name: string, text: string): Side =>
  (directory) =>
    writeFile(fileAt(directory, name), text, "latin1");
const removes =
  (name: string): Side =>
  (directory) =>
    rm(fileAt(directory, name), { recursive: true });
const nothing: Side = () => undefined;

interface Case {
  readonly title: string;
  readonly base: Side;
  readonly ours: Side;
  readonly theirs: Side;
  /** Of the agent. */
  readonly turn: Side;
  readonly open: readonly string[];
}

const sides = (name: string, more: Partial<Case> = {}) => ({
  base: puts(name, "A\n"),
  ours: puts(name, "B\n"),
  theirs: puts(name, "C\n"),
  turn: nothing,
  ...more,
});

const CASES: Case[] = [
  { title: "a text as git left it", ...sides("a.txt"), open: ["a.txt"] },
  { title: "a name that is no UTF-8", ...sides("caf\xe9.txt"), open: ['"caf\\351.txt"'] },
  { title: "a name with a line break", ...sides("a\nb"), open: ['"a\\012b"'] },
  { title: "a resolved text", ...sides("a.txt", { turn: puts("a.txt", "B and C\n") }), open: [] },
  { title: "a text resolved for our side", ...sides("a.txt", { turn: puts("a.txt", "B\n") }), open: [] },
  {
    title: "the middle marker of three alone",
    ...sides("a.txt", { turn: puts("a.txt", "B\n||||||| base\nC\n") }),
    open: ["a.txt"],
  },
  {
    title: "markers with carriage returns",
    ...sides("a.txt", { turn: puts("a.txt", "B\r\n=======\r\nC\r\n>>>>>>> theirs\r\n") }),
    open: ["a.txt"],
  },
  { title: "a heading", ...sides("a.txt", { turn: puts("a.txt", "Title\n=======\n>> quoted\n") }), open: [] },
  {
    title: "markers of another length",
    ...sides("a.txt", {
      base: async (directory) => {
        await puts(".gitattributes", "*.txt conflict-marker-size=12\n")(directory);
        await puts("a.txt", "A\n")(directory);
      },
      turn: puts("a.txt", "B\n>>>>>>>>>>>> theirs\n"),
    }),
    open: ["a.txt"],
  },
  {
    title: "a picture as git left it",
    ...sides("a.bin", {
      base: puts("a.bin", "\0A"),
      ours: puts("a.bin", "\0B"),
      theirs: puts("a.bin", "\0C"),
      turn: (directory) => sh(directory, "add", "a.bin"),
    }),
    open: ["a.bin"],
  },
  { title: "one that they deleted", ...sides("a.txt", { theirs: removes("a.txt") }), open: ["a.txt"] },
  { title: "one that we deleted", ...sides("a.txt", { ours: removes("a.txt") }), open: ["a.txt"] },
  {
    title: "one that they deleted and the agent too",
    ...sides("a.txt", { theirs: removes("a.txt"), turn: removes("a.txt") }),
    open: [],
  },
  {
    title: "a directory in its place",
    ...sides("a.txt", {
      turn: async (directory) => {
        await removes("a.txt")(directory);
        await mkdir(join(directory, "a.txt"));
      },
    }),
    open: ["a.txt"],
  },
  {
    title: "a link that two sides led elsewhere",
    ...sides("a.txt", {
      base: puts("a.txt", "A\n"),
      ours: async (directory) => {
        await rm(join(directory, "a.txt"));
        await symlink("b", join(directory, "a.txt"));
      },
      theirs: async (directory) => {
        await rm(join(directory, "a.txt"));
        await symlink("c", join(directory, "a.txt"));
      },
    }),
    open: ["a.txt"],
  },
  {
    title: "a mode that was changed and nothing else",
    ...sides("a.bin", {
      base: puts("a.bin", "\0A"),
      ours: puts("a.bin", "\0B"),
      theirs: puts("a.bin", "\0C"),
      turn: (directory) => chmod(join(directory, "a.bin"), 0o755),
    }),
    open: ["a.bin"],
  },
];

describe("A conflict", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;
  let worktree: Worktree;
  let branch: WorkBranch;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
  });

  afterEach(() => fixture[Symbol.asyncDispose]());

  async function push(change: Side): Promise<void> {
    const clone = join(fixture.directory, `seed-${Math.random().toString(36).slice(2)}`);
    sh(fixture.directory, "clone", "-q", web.bare, clone);
    await change(clone);
    sh(clone, "add", "-A");
    sh(clone, "commit", "-q", "-m", "Change");
    sh(clone, "push", "-q", "origin", "main");
  }

  async function conflictOf({ base, ours, theirs }: Pick<Case, "base" | "ours" | "theirs">): Promise<Conflict> {
    await push(base);
    worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
    branch = web.branch(worktree);
    await ours(worktree.path);
    valueOf(await branch.commitAll("Ours", signal));
    await push(theirs);
    const merged = valueOf(await branch.mergeBase("main", signal, true));
    if (merged.kind !== "conflict") throw new Error("there was no conflict");
    return merged.conflict;
  }

  it.each(CASES)("tells what is left open of $title", async (given) => {
    const conflict = await conflictOf(given);
    await given.turn(worktree.path);

    expect(await conflict.unresolved()).toEqual(given.open);
  });

  it("becomes a merge commit when it is resolved for our side", async () => {
    await conflictOf(sides("a.txt"));
    const ours = valueOf(await branch.headSha(signal));
    await puts("a.txt", "B\n")(worktree.path);
    await writeFile(join(worktree.gitDirectory, "MERGE_HEAD"), "");

    const sha = valueOf(await branch.commitAll("Merge", signal)) ?? "nothing";

    const theirs = sh(web.bare, "rev-parse", "main");
    expect(sh(worktree.path, "rev-list", "--parents", "-1", sha)).toBe(`${sha} ${ours} ${theirs}`);
    expect(sh(worktree.path, "diff", "--name-only", ours, sha)).toBe("");
  });

  it("brings the base's files as the base has them", async () => {
    await conflictOf({
      ...sides("a.txt"),
      theirs: async (directory) => {
        await puts("a.txt", "C\n")(directory);
        await puts("legacy.c", "int a;\r\n")(directory);
        sh(directory, "-c", "core.autocrlf=false", "add", "-A");
        await puts(".gitattributes", "*.c text eol=lf\n")(directory);
        execFileSync("git", ["add", ".gitattributes"], { cwd: directory });
        sh(directory, "commit", "-q", "-m", "Legacy");
        await puts("b.txt", "x\n")(directory);
      },
    });
    await puts("a.txt", "B and C\n")(worktree.path);

    const sha = valueOf(await branch.commitAll("Merge", signal)) ?? "nothing";

    expect(sh(worktree.path, "diff", "--name-only", "refs/remotes/origin/main", sha)).toBe("a.txt");
  });

  it("is gone when the work is taken back", async () => {
    await conflictOf(sides("a.txt"));
    const head = valueOf(await branch.headSha(signal));

    valueOf(await branch.resetTo(head, signal));

    expect(valueOf(await branch.hasChanges(signal))).toBe(false);
    expect(valueOf(await branch.commitAll("Nothing", signal))).toBeNull();
    expect(sh(worktree.path, "status", "--porcelain")).toBe("");
  });
});
