import { execFileSync } from "node:child_process";
import { chmod, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { fileAt } from "../../../../src/worker/git/command/byte-path.ts";
import type { Conflict } from "../../../../src/worker/git/commits/conflict.ts";
import type { WorkBranch } from "../../../../src/worker/git/commits/work-branch.ts";
import type { Worktree } from "../../../../src/worker/git/worktrees/worktree-manager.ts";
import { GitFixture, type RepositoryFixture, sh, valueOf } from "../git-fixture.ts";

const signal = new AbortController().signal;

/** One side does this in its checkout. */
type Side = (directory: string) => Promise<void>;

const puts =
  (name: string, text: string): Side =>
  (directory) =>
    writeFile(fileAt(directory, name), text, "latin1");
const removes =
  (name: string): Side =>
  (directory) =>
    rm(fileAt(directory, name));
const links =
  (name: string, target: string): Side =>
  async (directory) => {
    await rm(join(directory, name), { force: true });
    await symlink(target, join(directory, name));
  };
const nothing: Side = () => Promise.resolve();

interface Case {
  readonly base: Side;
  readonly ours: Side;
  readonly theirs: Side;
  readonly turn: Side;
}

/** Makes a text that each side has changed; `more` overrides parts. */
function sides(name: string, more: Partial<Case> = {}): Case {
  return { base: puts(name, "A\n"), ours: puts(name, "B\n"), theirs: puts(name, "C\n"), turn: nothing, ...more };
}

function bytes(name: string, more: Partial<Case> = {}): Case {
  return sides(name, { base: puts(name, "\0A"), ours: puts(name, "\0B"), theirs: puts(name, "\0C"), ...more });
}

const OPEN: Readonly<Record<string, Case>> = {
  "as-git-left-it.txt": sides("as-git-left-it.txt"),
  '"caf\\351.txt"': sides("caf\xe9.txt"),
  '"line\\012break"': sides("line\nbreak"),
  "middle-marker.txt": sides("middle-marker.txt", { turn: puts("middle-marker.txt", "B\n||||||| base\nC\n") }),
  "carriage.txt": sides("carriage.txt", { turn: puts("carriage.txt", "B\r\nC\r\n>>>>>>> theirs\r\n") }),
  "bare-marker.txt": sides("bare-marker.txt", { turn: puts("bare-marker.txt", "<<<<<<<\nB\nC\n") }),
  "wide-marker.txt": sides("wide-marker.txt", { turn: puts("wide-marker.txt", "B\n>>>>>>>>>>>> theirs\n") }),
  "picture.bin": bytes("picture.bin", { turn: async (directory) => void sh(directory, "add", "picture.bin") }),
  "mode-alone.bin": bytes("mode-alone.bin", { turn: (directory) => chmod(join(directory, "mode-alone.bin"), 0o755) }),
  "they-deleted.txt": sides("they-deleted.txt", { theirs: removes("they-deleted.txt") }),
  "we-deleted.txt": sides("we-deleted.txt", { ours: removes("we-deleted.txt") }),
  "directory.txt": sides("directory.txt", {
    turn: async (directory) => {
      await rm(join(directory, "directory.txt"));
      await mkdir(join(directory, "directory.txt"));
    },
  }),
  link: { base: links("link", "a"), ours: links("link", "b"), theirs: links("link", "c"), turn: nothing },
};

const RESOLVED: readonly Case[] = [
  sides("both.txt", { turn: puts("both.txt", "B and C\n") }),
  sides("ours.txt", { turn: puts("ours.txt", "B\n") }),
  sides("heading.txt", { turn: puts("heading.txt", "Title\n=======\n>> quoted\n<<<< not a marker\n") }),
  bytes("other.bin", { turn: puts("other.bin", "\0BC") }),
  sides("both-deleted.txt", { theirs: removes("both-deleted.txt"), turn: removes("both-deleted.txt") }),
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

  it("is open where a file is as git left it, cannot be read or holds a marker, and settled elsewhere", async () => {
    const all = [...Object.values(OPEN), ...RESOLVED];
    const each =
      (side: keyof Case): Side =>
      async (directory) => {
        for (const one of all) await one[side](directory);
      };
    const base: Side = async (directory) => {
      await puts(".gitattributes", "wide-* conflict-marker-size=12\n")(directory);
      await each("base")(directory);
    };
    const conflict = await conflictOf({ base, ours: each("ours"), theirs: each("theirs") });
    expect(conflict.files).toHaveLength(all.length);
    await each("turn")(worktree.path);

    expect((await conflict.unresolved()).toSorted()).toEqual(Object.keys(OPEN).toSorted());
  });

  it.each([
    ["aborts the merge", async (directory: string) => void sh(directory, "merge", "--abort"), "a.txt"],
    [
      "takes our side of everything",
      async (directory: string) => {
        await rm(join(directory, "theirs.txt"));
        await puts("a.txt", "B\n")(directory);
      },
      "theirs.txt",
    ],
  ])("is not resolved by an agent that %s", async (_title, turn, open) => {
    const conflict = await conflictOf({
      ...sides("a.txt"),
      theirs: async (directory) => {
        await puts("a.txt", "C\n")(directory);
        await puts("theirs.txt", "theirs\n")(directory);
      },
    });
    await turn(worktree.path);

    expect(valueOf(await branch.unresolved(conflict, signal))).toEqual([open]);
  });

  it("is resolved by an agent that commits the merge itself", async () => {
    const conflict = await conflictOf(sides("a.txt"));
    await puts("a.txt", "B and C\n")(worktree.path);
    sh(worktree.path, "add", "a.txt");
    sh(worktree.path, "commit", "-q", "-m", "Merge");

    expect(valueOf(await branch.unresolved(conflict, signal))).toEqual([]);
  });

  it("becomes a merge commit when it is resolved for our side", async () => {
    const conflict = await conflictOf(sides("a.txt"));
    const ours = valueOf(await branch.headSha(signal));
    await puts("a.txt", "B\n")(worktree.path);
    expect(valueOf(await branch.unresolved(conflict, signal))).toEqual([]);
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
