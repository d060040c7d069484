// Works beside checkouts as people have them: an issue's worktree, a commit, a push and the gate's checkout are made,
// and the checkout itself is left as it was.

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

import { afterEach, beforeEach, expect, it } from "vitest";

import { commonDirectoryOf } from "../../../src/worker/git/worktrees/checkout.ts";
import { knowingFileSystem } from "../../../src/worker/git/command/file-system.ts";
import { FreshCheckouts } from "../../../src/worker/git/worktrees/fresh-checkout.ts";
import { Remote } from "../../../src/worker/git/remote/remote.ts";
import { WorkBranch } from "../../../src/worker/git/commits/work-branch.ts";
import { WorktreeManager } from "../../../src/worker/git/worktrees/worktree-manager.ts";
import { commitToRemote, GitFixture, type RepositoryFixture, sh, valueOf } from "./git-fixture.ts";

const NEVER = new AbortController().signal;
const ORIGIN = "https://github.com/acme/web.git";
const ODD_NAMES = ["-rf", "a b.txt", `quo"te's.txt`, "notes/水.md", "Straße.txt", "README.MD"];
const [, major = "0", minor = "0"] =
  /(\d+)\.(\d+)/.exec(execFileSync("git", ["--version"], { encoding: "utf8" })) ?? [];
const isNewGit = Number(major) * 1_000 + Number(minor) >= 2_048;

let fixture: GitFixture;
let web: RepositoryFixture;

beforeEach(async () => {
  fixture = await GitFixture.create();
  web = await fixture.repository();
});
afterEach(() => fixture[Symbol.asyncDispose]());

function place(name: string): string {
  return join(fixture.directory, name);
}

const KINDS: readonly (readonly [string, () => string])[] = [
  [
    "a worktree of a bare repository",
    () => {
      mkdirSync(place("top"));
      sh(place("top"), "clone", "-q", "--bare", web.bare, ".bare");
      sh(place("top/.bare"), "remote", "set-url", "origin", ORIGIN);
      writeFileSync(place("top/.git"), "gitdir: ./.bare\n");
      sh(place("top"), "worktree", "add", "-q", "main", "main");
      return place("top/main");
    },
  ],
  [
    "a submodule",
    () => {
      sh(fixture.directory, "init", "-q", "above");
      sh(place("above"), "-c", "protocol.file.allow=always", "submodule", "-q", "add", "-b", "main", web.bare, "sub");
      sh(place("above/sub"), "remote", "set-url", "origin", ORIGIN);
      return place("above/sub");
    },
  ],
  [
    "a shallow clone whose git directory lies elsewhere",
    () => {
      const where = `--separate-git-dir=${place("elsewhere")}`;
      sh(
        fixture.directory,
        "clone",
        "-q",
        "--depth=1",
        "--branch",
        "main",
        where,
        `file://${web.bare}`,
        place("shallow"),
      );
      sh(place("shallow"), "remote", "set-url", "origin", ORIGIN);
      return place("shallow");
    },
  ],
  [
    "a sparse checkout with an unborn HEAD",
    () => {
      sh(web.checkout, "sparse-checkout", "set", "--no-cone", "nothing");
      sh(web.checkout, "checkout", "-q", "--orphan", "new");
      return web.checkout;
    },
  ],
  [
    "relative pointers",
    () => {
      sh(web.checkout, "config", "worktree.useRelativePaths", "true");
      return web.checkout;
    },
  ],
];

it.each(KINDS)("works beside %s", async (_, make) => {
  const checkout = make();
  const before = readFileSync(join(valueOf(await commonDirectoryOf(checkout)), "config"), "utf8");
  const commonDirectory = valueOf(await commonDirectoryOf(checkout));
  const access = { baseUrl: `file://${place("remotes")}`, token: null, allowFile: true };
  const remote = await Remote.open({ ...web, commonDirectory, access, transportDirectory: place("transport") });
  const shared = { ...web, commonDirectory, checkout, remote };
  const worktrees = new WorktreeManager({ ...shared, isOriginOverridden: false });
  const checkouts = new FreshCheckouts({ ...shared, views: remote.views, remoteUrl: remote.url });

  const worktree = valueOf(await worktrees.ensure(1, "main", NEVER));
  const work = new WorkBranch({ ...shared, worktree });
  mkdirSync(join(worktree.path, "notes"));
  for (const name of ODD_NAMES) writeFileSync(join(worktree.path, name), "text\n");
  const sha = valueOf(await work.commitAll("Add odd names", NEVER)) ?? "";
  valueOf(await work.pushBranch(null, NEVER));
  const base = { branch: "main", sha: worktree.baseSha };
  await using fresh = valueOf(await checkouts.make({ issue: 1, sha, base }, NEVER));
  const again = valueOf(await worktrees.ensure(1, "main", NEVER));

  const pushed = sh(web.bare, "ls-tree", "-r", "-z", "--name-only", worktree.branch).split("\0");
  expect(pushed).toEqual(expect.arrayContaining([...ODD_NAMES, "README.md"]));
  expect(ODD_NAMES.filter((name) => !existsSync(join(fresh.path, name)))).toEqual([]);
  expect(again).toMatchObject({ reused: true, head: sha });
  expect(readFileSync(join(commonDirectory, "config"), "utf8")).toBe(before);
});

it.each(["worktree", "entry"])("finds a worktree whose %s names the other one relatively", async (which) => {
  const worktree = valueOf(await web.worktrees.ensure(1, "main", NEVER));
  const [file, text] =
    which === "worktree"
      ? [join(worktree.path, ".git"), "gitdir: ../../../checkouts/acme-web/.git/worktrees/issue-1\n"]
      : [join(worktree.gitDirectory, "gitdir"), "../../../../../worktrees/acme-web/issue-1/.git\n"];
  writeFileSync(file, text);

  // An older git takes an entry with a relative path for one whose directory is gone.
  const ensured = valueOf(await web.worktrees.ensure(1, "main", NEVER));

  expect(ensured.path).toBe(worktree.path);
  if (which === "worktree" || isNewGit) expect(ensured.reused).toBe(true);
});

it("commits and merges in its own way, whatever the checkout's settings say of it", async () => {
  const settings = { "core.safecrlf": "true", "core.autocrlf": "input", "i18n.commitEncoding": "ISO-8859-1" };
  const merging = { "pull.twohead": "ours", "branch.agent/issue-1.mergeOptions": "--squash --strategy=ours" };
  for (const [key, value] of Object.entries({ ...settings, ...merging })) sh(web.checkout, "config", key, value);
  const worktree = valueOf(await web.worktrees.ensure(1, "main", NEVER));
  const work = web.branch(worktree);
  writeFileSync(join(worktree.path, "lines.txt"), "a\r\nb\r\n");

  const sha = valueOf(await work.commitAll("Prüfe", NEVER)) ?? "";
  const base = await commitToRemote(web, fixture.directory, "main", { "theirs.txt": "theirs\n" });
  const merged = valueOf(await work.mergeBase("main", NEVER));

  const head = merged.kind === "merged" ? merged.head : "";
  expect(sh(web.checkout, "cat-file", "commit", sha)).not.toContain("encoding");
  expect(sh(web.checkout, "rev-list", "--parents", "-1", head)).toBe(`${head} ${sha} ${base}`);
  expect(sh(web.checkout, "ls-tree", "--name-only", head).split("\n")).toEqual([
    "README.md",
    "lines.txt",
    "theirs.txt",
  ]);
});

it("moves no branch of the operator's that a tracking ref names", async () => {
  const before = sh(web.checkout, "rev-parse", "main");
  sh(web.checkout, "symbolic-ref", "refs/remotes/origin/main", "refs/heads/main");
  const tip = await commitToRemote(web, fixture.directory, "main", { "new.txt": "new\n" });

  valueOf(await web.worktrees.ensure(1, "main", NEVER));

  expect(sh(web.checkout, "rev-parse", "refs/heads/main")).toBe(before);
  expect(sh(web.checkout, "rev-parse", "refs/remotes/origin/main")).toBe(tip);
});

it("works beside refs that a power cut has torn", async () => {
  const refs = join(web.commonDirectory, "refs");
  mkdirSync(join(refs, "heads/agent"), { recursive: true });
  writeFileSync(join(refs, "heads/agent/issue-1"), "");
  writeFileSync(join(refs, "remotes/origin/gone"), `${"12".repeat(20)}\n`);
  const tip = await commitToRemote(web, fixture.directory, "main", { "new.txt": "new\n" });

  const worktree = valueOf(await web.worktrees.ensure(1, "main", NEVER));

  expect(worktree).toMatchObject({ head: tip, reused: false });
});

it.each(["logs/refs/remotes/origin/agent", "refs/remotes/origin/agent/issue-1/x", "logs/refs/remotes/origin/main/x"])(
  "pushes beside %s, which is left of a branch that was",
  async (left) => {
    mkdirSync(dirname(join(web.commonDirectory, left)), { recursive: true });
    writeFileSync(join(web.commonDirectory, left), "");
    const tip = await commitToRemote(web, fixture.directory, "main", { "new.txt": "new\n" });
    const worktree = valueOf(await web.worktrees.ensure(1, "main", NEVER));
    writeFileSync(join(worktree.path, "work.txt"), "done\n");
    valueOf(await web.branch(worktree).commitAll("Work", NEVER));

    const sha = valueOf(await web.branch(worktree).pushBranch(null, NEVER));

    expect(worktree.baseSha).toBe(tip);
    expect(sh(web.bare, "rev-parse", worktree.branch)).toBe(sha);
  },
);

it("begins anew beside a checkout that was cloned anew, without the commit that we made last", async () => {
  const first = valueOf(await web.worktrees.ensure(1, "main", NEVER));
  writeFileSync(join(first.path, "work.txt"), "done\n");
  valueOf(await web.branch(first).commitAll("Work", NEVER));
  rmSync(web.checkout, { recursive: true });
  sh(fixture.directory, "clone", "-q", web.bare, web.checkout);
  sh(web.checkout, "remote", "set-url", "origin", ORIGIN);

  const again = valueOf(await web.worktrees.ensure(1, "main", NEVER));

  expect(again).toMatchObject({ reused: false, head: first.baseSha });
});

it("makes a worktree anew whose entry a power cut has torn, and leaves the operator's", async () => {
  const first = valueOf(await web.worktrees.ensure(1, "main", NEVER));
  mkdirSync(join(first.gitDirectory, "index.lock"));
  valueOf(await web.worktrees.ensure(1, "main", NEVER));
  sh(web.checkout, "worktree", "add", "-q", "--detach", place("issue-2"));
  writeFileSync(join(first.gitDirectory, "commondir"), "");

  const pruned = valueOf(await web.worktrees.prune(NEVER));
  const again = valueOf(await web.worktrees.ensure(1, "main", NEVER));

  expect(pruned).toEqual([]);
  expect(again).toMatchObject({ reused: false, head: first.head });
  expect(sh(place("issue-2"), "rev-parse", "HEAD")).toBe(first.baseSha);
});

/** A worktree of the operator's has the branch, and its entry is torn so that git lists no worktree at all. */
function tearTheirs(branch: string, tear: (commondir: string) => void): string {
  const theirs = join(web.commonDirectory, "worktrees", "theirs");
  sh(web.checkout, "worktree", "add", "-q", "-b", branch, place("theirs"));
  tear(join(theirs, "commondir"));
  expect(() => sh(web.checkout, "worktree", "list")).toThrow("commondir");
  return theirs;
}

it.each([
  ["empty", (file: string) => writeFileSync(file, "")],
  ["a directory", (file: string) => (rmSync(file), mkdirSync(file))],
])("goes on with its worktree beside one of the operator's whose commondir is %s", async (_what, tear) => {
  const first = valueOf(await web.worktrees.ensure(1, "main", NEVER));
  const theirs = tearTheirs("topic", tear);
  writeFileSync(join(first.path, "work.txt"), "done\n");

  const again = valueOf(await web.worktrees.ensure(1, "main", NEVER));
  const sha = valueOf(await web.branch(again).commitAll("Work", NEVER));
  const listed = valueOf(await web.worktrees.list(NEVER));
  valueOf(await web.worktrees.remove(1, NEVER));

  expect(again.reused).toBe(true);
  expect(listed).toEqual([
    { issue: 1, path: first.path, head: sha, branch: "agent/issue-1", isHalfMade: false, isPrunable: false },
  ]);
  expect(valueOf(await web.worktrees.list(NEVER))).toEqual([]);
  expect([existsSync(theirs), existsSync(first.gitDirectory)]).toEqual([true, false]);
});

it("makes a worktree beside one of the operator's that is torn and has the branch", async () => {
  const theirs = tearTheirs("agent/issue-1", (file) => writeFileSync(file, ""));

  const made = valueOf(await web.worktrees.ensure(1, "main", NEVER));

  expect(made).toMatchObject({ reused: false, head: made.baseSha });
  expect(made.record.state).toMatchObject({ isDetached: true, pending: null });
  expect(sh(made.path, "status", "--porcelain", "--branch")).toBe("## HEAD (no branch)");
  expect(readFileSync(join(made.path, "README.md"), "utf8")).toBe("one\ntwo\nthree\n");
  rmSync(theirs, { recursive: true });
  expect(sh(web.checkout, "worktree", "list", "--porcelain")).toContain(`worktree ${made.path}\nHEAD ${made.head}\n`);
});

it.each([
  ["gitdir", 0],
  ["gitdir", 7],
  ["HEAD", 0],
  ["HEAD", 7],
] as const)("makes a worktree beside one of the operator's whose %s ends after %i bytes", async (name, bytes) => {
  sh(web.checkout, "worktree", "add", "-q", "-b", "topic", place("theirs"));
  const file = join(web.commonDirectory, "worktrees", "theirs", name);
  writeFileSync(file, readFileSync(file, "utf8").slice(0, bytes));

  valueOf(await web.worktrees.ensure(1, "main", NEVER));

  expect(valueOf(await web.worktrees.list(NEVER)).map(({ issue }) => issue)).toEqual([1]);
  expect(readFileSync(file, "utf8")).toHaveLength(bytes);
});

it("keeps case and modes where the worktrees' file system does, whatever the checkout's settings say", async () => {
  for (const [key, value] of [["core.ignorecase", "true"] as const, ["core.filemode", "false"] as const])
    sh(web.checkout, "config", key, value);
  mkdirSync(web.root, { recursive: true });
  const git = await knowingFileSystem(web.git, web.root);
  const worktree = valueOf(
    await new WorktreeManager({ ...web, git, isOriginOverridden: false }).ensure(1, "main", NEVER),
  );
  renameSync(join(worktree.path, "README.md"), join(worktree.path, "Readme.md"));
  writeFileSync(join(worktree.path, "run.sh"), "#!/bin/sh\n", { mode: 0o755 });

  const sha = valueOf(await new WorkBranch({ ...web, git, worktree }).commitAll("Rename", NEVER)) ?? "";

  const tree = sh(web.checkout, "ls-tree", "--format=%(objectmode) %(path)", sha);
  expect(tree.split("\n")).toEqual(["100644 Readme.md", "100755 run.sh"]);
});
