// Checkouts as people have them, made by git itself: which can be worked beside, and what is said of the others.

import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { realpath } from "node:fs/promises";
import { getuid } from "node:process";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { examineCheckout, SENTENCES } from "../../src/core/checkout/checkout-problem.ts";
import { lfsMissing } from "../../src/core/checkout/lfs.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../support/temporary-directory.ts";

const NEVER = new AbortController().signal;
const ORIGIN = "git@github.com:acme/web.git";
const PERSON = [
  "-c",
  "user.name=Operator",
  "-c",
  "user.email=operator@example.com",
  "-c",
  "protocol.file.allow=always",
];

let world: TemporaryDirectory;
let root: string;
let home: string;

beforeEach(async () => {
  world = await makeTemporaryDirectory();
  root = await realpath(world.path);
  home = join(root, "home");
  mkdirSync(home);
  git(root, "init", "-q", "-b", "main", "seed");
  writeFileSync(join(root, "seed", "README.md"), "one\n");
  git(join(root, "seed"), "add", ".");
  git(join(root, "seed"), "commit", "-q", "-m", "First");
});
afterEach(() => world[Symbol.asyncDispose]());

function git(directory: string, ...words: string[]): void {
  const env = { ...process.env, GIT_CONFIG_GLOBAL: "/dev/null" };
  execFileSync("git", [...PERSON, ...words], { cwd: directory, stdio: "pipe", env });
}

function clone(...options: string[]): string {
  const checkout = join(root, "web");
  git(root, "clone", "-q", ...options, `file://${root}/seed`, checkout);
  git(checkout, "remote", "set-url", "origin", ORIGIN);
  return checkout;
}

function attributes(text: string): (path: string) => void {
  return (path) => writeFileSync(join(path, ".gitattributes"), text);
}

async function examine(path: string, environment: Record<string, string | undefined> = {}) {
  return examineCheckout(path, { environment: { PATH: process.env["PATH"], HOME: home, ...environment } }, NEVER);
}

/** A bare repository in `.bare`, and `.git` a file that points to it. */
function bareLayout(): string {
  const top = join(root, "top");
  mkdirSync(top);
  git(top, "clone", "-q", "--bare", join(root, "seed"), ".bare");
  git(join(top, ".bare"), "remote", "set-url", "origin", ORIGIN);
  writeFileSync(join(top, ".git"), "gitdir: ./.bare\n");
  return top;
}

const SOUND: readonly (readonly [string, () => string])[] = [
  ["a plain clone", () => clone()],
  ["a partial clone without blobs", () => clone("--filter=blob:none")],
  ["a partial clone without trees", () => clone("--filter=tree:0")],
  ["a shallow clone", () => clone("--depth=1")],
  ["a sparse checkout", () => clone("--sparse")],
  ["a clone that borrows objects", () => clone("--reference", join(root, "seed"))],
  ["a git directory that lies elsewhere", () => clone(`--separate-git-dir=${root}/elsewhere`)],
  ["a detached HEAD", () => git(join(clone(), "."), "checkout", "-q", "--detach") ?? join(root, "web")],
  ["an unborn HEAD", () => git(clone(), "checkout", "-q", "--orphan", "new") ?? join(root, "web")],
  ["hooks in a directory of their own", () => git(clone(), "config", "core.hooksPath", ".hooks") ?? join(root, "web")],
  ["a worktree of another checkout", () => git(clone(), "worktree", "add", "-q", "../tree") ?? join(root, "tree")],
  [
    "a worktree with relative pointers",
    () => {
      git(clone(), "worktree", "add", "-q", "../tree");
      writeFileSync(join(root, "tree", ".git"), "gitdir: ../web/.git/worktrees/tree\n");
      return join(root, "tree");
    },
  ],
  [
    "a worktree of a bare repository",
    () => {
      const top = bareLayout();
      git(top, "worktree", "add", "-q", "main", "main");
      return join(top, "main");
    },
  ],
  [
    "a submodule",
    () => {
      git(root, "init", "-q", "above");
      git(join(root, "above"), "submodule", "-q", "add", join(root, "seed"), "sub");
      git(join(root, "above", "sub"), "remote", "set-url", "origin", ORIGIN);
      return join(root, "above", "sub");
    },
  ],
  [
    "odd names on the way",
    () => {
      const odd = join(root, `-wörk späce "q" $HOME; 'x' 日本 #5 %41`);
      renameSync(clone(), odd);
      return odd;
    },
  ],
  [
    "an origin that an included file names",
    () => {
      const checkout = clone();
      git(checkout, "remote", "remove", "origin");
      writeFileSync(join(checkout, ".git", "more"), `[remote "origin"]\n\turl = ${ORIGIN}\n`);
      git(checkout, "config", "include.path", "more");
      return checkout;
    },
  ],
];

describe("a checkout that can be worked beside", () => {
  it.each(SOUND)("may have or be %s", async (_, make) => {
    expect(await examine(make())).toMatchObject({ ok: true, value: { originUrl: ORIGIN } });
  });

  it("may be without an origin", async () => {
    git(clone(), "remote", "remove", "origin");

    expect(await examine(join(root, "web"))).toMatchObject({ ok: true, value: { originUrl: null } });
  });

  it("is told of the first origin alone, whatever the quotes and comments around it", async () => {
    const config = `[Remote "origin"]\n\tURL = "git@host:\\\nacme/web.git" ; first\n\turl = second\n`;
    git(clone(), "remote", "remove", "origin");
    execFileSync("tee", ["-a", join(root, "web", ".git", "config")], { input: config, stdio: "pipe" });

    expect(await examine(join(root, "web"))).toMatchObject({ ok: true, value: { originUrl: "git@host:acme/web.git" } });
  });
});

describe("a checkout that cannot be worked beside", () => {
  it.each<[string, () => string, (path: string) => string]>([
    ["a directory without .git", () => (mkdirSync(join(root, "x")), join(root, "x")), SENTENCES.none],
    ["a directory inside a checkout", () => (mkdirSync(join(clone(), "x")), join(root, "web/x")), SENTENCES.none],
    ["a bare repository", () => join(bareLayout(), ".bare"), SENTENCES.bare],
    ["the directory above worktrees", bareLayout, (path) => SENTENCES.noFiles(path, join(path, ".bare"))],
    [
      "a .git file that points nowhere",
      () => (
        git(clone(), "worktree", "add", "-q", "../tree"),
        renameSync(join(root, "web"), join(root, "moved")),
        join(root, "tree")
      ),
      (path) => SENTENCES.dangling(path, join(root, "web/.git/worktrees/tree")),
    ],
  ])("is %s", async (_, make, sentence) => {
    const path = make();

    expect(await examine(path)).toEqual({ ok: false, failure: sentence(path) });
  });

  it.each<[string, (file: string) => void]>([
    ["a pipe", (file) => execFileSync("mkfifo", [file])],
    ["a directory", (file) => mkdirSync(file)],
    ["a device", (file) => symlinkSync("/dev/zero", file)],
    ["a file of 10 MB", (file) => writeFileSync(file, `[${" ".repeat(10_000_000)}`)],
  ])("has %s in the place of git's configuration", async (_, plant) => {
    const file = join(clone(), ".git", "config");
    rmSync(file);
    plant(file);

    expect(await examine(join(root, "web"))).toEqual({ ok: false, failure: SENTENCES.config(file) });
  });

  it("has a configuration that git cannot read, and git's words are passed on", async () => {
    writeFileSync(join(clone(), ".git", "config"), `[${" [".repeat(100_000)}\n`);

    expect(await examine(join(root, "web"))).toMatchObject({
      failure: expect.stringContaining("bad config line 1 in file .git/config"),
    });
  });

  it("was made by a newer git", async () => {
    git(clone(), "config", "core.repositoryformatversion", "1");
    git(join(root, "web"), "config", "extensions.fromTheFuture", "true");

    expect(await examine(join(root, "web"))).toMatchObject({
      failure: expect.stringMatching(/fromthefuture; install a git that is as new as the one that made it$/),
    });
  });

  it("keeps git waiting, and git is ended at the deadline", async () => {
    const pipe = join(clone(), ".git", "pipe");
    execFileSync("mkfifo", [pipe]);
    git(join(root, "web"), "config", "include.path", "pipe");
    const deadline = new AbortController();
    const environment = { PATH: process.env["PATH"], HOME: home };

    const examined = examineCheckout(join(root, "web"), { environment }, deadline.signal);
    // A writer can open the pipe only when git has it open.
    const writer = spawn("sh", ["-c", 'exec 3>"$1"; echo opened; sleep 600', "sh", pipe]);
    await once(writer.stdout, "data");
    deadline.abort();

    expect(await examined).toEqual({ ok: false, failure: SENTENCES.late(join(root, "web")) });
    writer.kill("SIGKILL");
  });

  it("needs git", async () => {
    expect(await examine(clone(), { PATH: home })).toEqual({ ok: false, failure: SENTENCES.noGit() });
  });

  it("needs git-lfs where its attributes name that", async () => {
    const bin = join(root, "bin");
    mkdirSync(bin);
    symlinkSync(execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim(), join(bin, "git"));
    writeFileSync(join(clone(), ".gitattributes"), "*.bin filter=lfs diff=lfs merge=lfs -text\n");

    const without = await examine(join(root, "web"), { PATH: bin });
    writeFileSync(join(bin, "git-lfs"), "");
    chmodSync(join(bin, "git-lfs"), 0o755);

    expect(without).toEqual({ ok: false, failure: lfsMissing(join(root, "web")) });
    expect(await examine(join(root, "web"), { PATH: bin })).toMatchObject({ ok: true });
  });

  it.each<[string, "git-crypt" | "transcrypt", (path: string) => void]>([
    ["names in its attributes", "git-crypt", attributes("*.key filter=git-crypt diff=git-crypt\n")],
    ["has a key with a name for", "git-crypt", attributes("*.key filter=git-crypt-ops diff=git-crypt-ops\n")],
    ["names a filter of", "transcrypt", attributes("*.key filter=crypt diff=crypt merge=crypt\n")],
    ["was unlocked with", "git-crypt", (path) => mkdirSync(join(path, ".git", "git-crypt"))],
    ["shares the keys of", "git-crypt", (path) => mkdirSync(join(path, ".git-crypt"))],
  ])("%s %s", async (_, program, encrypt) => {
    const path = clone();
    encrypt(path);

    expect(await examine(path)).toEqual({ ok: false, failure: SENTENCES.encrypted(path, program) });
  });

  it("is not one whose filter has a like name", async () => {
    attributes("*.ipynb filter=cryptic\n*.py filter=nbstripout\n")(clone());

    expect(await examine(join(root, "web"))).toMatchObject({ ok: true });
  });

  // Only root can give a directory to somebody else; `.ci/run` is root.
  it.skipIf(getuid?.() !== 0)("is another user's, unless the operator has told git that it is safe", async () => {
    const path = clone();
    for (const owned of [path, join(path, ".git")]) chownSync(owned, 12_345, 12_345);

    const refused = await examine(path);
    execFileSync("git", ["config", "--global", "--add", "safe.directory", path], {
      env: { ...process.env, HOME: home },
    });

    expect(refused).toEqual({ ok: false, failure: SENTENCES.otherUser(path) });
    expect(await examine(path)).toMatchObject({ ok: true, value: { originUrl: ORIGIN } });
  });
});
