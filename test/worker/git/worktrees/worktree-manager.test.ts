import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, readFileSync, watch } from "node:fs";
import { chmod, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { commitToRemote, failureOf, GitFixture, type RepositoryFixture, sh, valueOf } from "../git-fixture.ts";

const signal = new AbortController().signal;

describe("WorktreeManager", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
  });

  afterEach(() => fixture[Symbol.asyncDispose]());

  it("makes a worktree on its own branch at the freshly fetched base", async () => {
    const tip = await commitToRemote(web, fixture.directory, "main", { "new.txt": "new\n" });

    const worktree = valueOf(await web.worktrees.ensure(7, "main", signal));

    expect(worktree).toMatchObject({ branch: "agent/issue-7", head: tip, baseSha: tip, reused: false });
    expect(worktree.path).toBe(join(web.root, "issue-7"));
    expect(await readFile(join(worktree.path, "new.txt"), "utf8")).toBe("new\n");
    expect(sh(worktree.path, "branch", "--show-current")).toBe("agent/issue-7");
    expect(sh(web.checkout, "rev-parse", "refs/remotes/origin/main")).toBe(tip);
  });

  it("takes a sound worktree as it is, with its uncommitted work", async () => {
    const first = valueOf(await web.worktrees.ensure(7, "main", signal));
    await writeFile(join(first.path, "draft.txt"), "unsaved\n");
    await writeFile(join(first.gitDirectory, "index.lock"), "");

    const second = valueOf(await web.worktrees.ensure(7, "main", signal));

    expect(second).toMatchObject({ path: first.path, reused: true });
    expect(await readFile(join(first.path, "draft.txt"), "utf8")).toBe("unsaved\n");
    expect(existsSync(join(first.gitDirectory, "index.lock"))).toBe(false);
  });

  it("resumes from the remote's work branch when there is one", async () => {
    const pushed = await commitToRemote(web, fixture.directory, "agent/issue-7", { "work.txt": "half\n" });

    const worktree = valueOf(await web.worktrees.ensure(7, "main", signal));

    expect(worktree.head).toBe(pushed);
    expect(worktree.baseSha).not.toBe(pushed);
  });

  it("keeps commits of a local branch whose worktree was deleted by hand", async () => {
    const first = valueOf(await web.worktrees.ensure(7, "main", signal));
    await writeFile(join(first.path, "work.txt"), "done\n");
    const sha = valueOf(await web.branch(first).commitAll("Work", signal));
    await rm(first.path, { recursive: true });

    const second = valueOf(await web.worktrees.ensure(7, "main", signal));

    expect(second).toMatchObject({ head: sha, reused: false });
  });

  it("keeps what somebody else has on a local branch of that name, under a name of its own", async () => {
    const base = sh(web.checkout, "rev-parse", "HEAD");
    const theirs = sh(web.checkout, "commit-tree", "-p", "HEAD", "-m", "Mine", "HEAD^{tree}");
    sh(web.checkout, "branch", "agent/issue-7", theirs);
    // A branch that holds nothing of its own needs no keeping.
    sh(web.checkout, "branch", "agent/issue-8", base);

    const worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
    valueOf(await web.worktrees.ensure(8, "main", signal));
    valueOf(await web.worktrees.remove(7, signal));
    valueOf(await web.worktrees.remove(8, signal));

    const left = sh(web.checkout, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads/agent");
    expect(worktree.head).not.toBe(theirs);
    expect(left).toBe(`agent/issue-7-kept-${theirs.slice(0, 12)} ${theirs}`);
  });

  it("makes several worktrees at once", async () => {
    const issues = [1, 2, 3, 4, 5, 6];

    const made = await Promise.all(issues.map((issue) => web.worktrees.ensure(issue, "main", signal)));

    expect(made.map((result) => valueOf(result).issue)).toEqual(issues);
    const listed = valueOf(await web.worktrees.list(signal));
    expect(listed.map(({ issue }) => issue).toSorted((a, b) => a - b)).toEqual(issues);
    expect(listed.every(({ isHalfMade, isPrunable }) => !isHalfMade && !isPrunable)).toBe(true);
  });

  it("keeps issue 42 of three repositories apart", async () => {
    const api = await fixture.repository({ name: "api" });
    const docs = await fixture.repository({ owner: "other", name: "web" });
    await commitToRemote(api, fixture.directory, "main", { "api.txt": "api\n" });

    const made = await Promise.all(
      [web, api, docs].map(async (each) => valueOf(await each.worktrees.ensure(42, "main", signal))),
    );

    expect(new Set(made.map(({ path }) => path)).size).toBe(3);
    expect(made.map(({ path }) => existsSync(join(path, "api.txt")))).toEqual([false, true, false]);
  });

  it("leaves a dirty checkout of the operator byte for byte as it is", async () => {
    await writeFile(join(web.checkout, "README.md"), "edited\n");
    await writeFile(join(web.checkout, "staged.txt"), "staged\n");
    sh(web.checkout, "add", "staged.txt");
    await writeFile(join(web.checkout, "untracked.txt"), "untracked\n");
    const before = fingerprintOf(web);

    valueOf(await web.worktrees.ensure(7, "main", signal));
    valueOf(await web.worktrees.ensure(8, "main", signal));
    valueOf(await web.worktrees.remove(7, signal));

    expect(fingerprintOf(web)).toEqual(before);
    expect(sh(web.checkout, "branch", "--show-current")).toBe("main");
  });

  it("removes worktree and branch, and forgets no worktree of the operator", async () => {
    const worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
    const mine = join(fixture.directory, "mine");
    sh(web.checkout, "worktree", "add", "-q", "-b", "mine", mine);
    await rename(mine, `${mine}-on-a-disk-not-mounted`);

    valueOf(await web.worktrees.remove(7, signal));
    valueOf(await web.worktrees.remove(7, signal));

    expect(existsSync(worktree.path)).toBe(false);
    expect(readdirSync(web.root)).toEqual([]);
    expect(sh(web.checkout, "branch", "--list", "agent/*")).toBe("");
    expect(sh(web.checkout, "worktree", "list")).toContain(mine);
  });

  it("makes a new worktree after kill -9 in the middle of git worktree add", async () => {
    await slowCheckout(web, fixture.directory);
    await killDuringAdd(web, fixture.directory, 7);
    const halfMade = valueOf(await web.worktrees.list(signal));
    expect(halfMade).toMatchObject([{ issue: 7, isHalfMade: true }]);
    sh(web.checkout, "config", "--unset", "filter.slow.smudge");

    const worktree = valueOf(await web.worktrees.ensure(7, "main", signal));

    expect(worktree.reused).toBe(false);
    expect(sh(worktree.path, "status", "--porcelain")).toBe("");
  });

  it("prunes half-made worktrees at start and leaves whole ones", async () => {
    valueOf(await web.worktrees.ensure(8, "main", signal));
    await slowCheckout(web, fixture.directory);
    await killDuringAdd(web, fixture.directory, 7);

    const pruned = valueOf(await web.worktrees.prune(signal));

    expect(pruned).toEqual([7]);
    expect(valueOf(await web.worktrees.list(signal)).map(({ issue }) => issue)).toEqual([8]);
    expect(readdirSync(web.root)).toEqual(["issue-8"]);
  });

  it("makes the worktree anew when the agent left it on another branch", async () => {
    const first = valueOf(await web.worktrees.ensure(7, "main", signal));
    sh(first.path, "checkout", "-q", "-b", "elsewhere");

    const second = valueOf(await web.worktrees.ensure(7, "main", signal));

    expect(second.reused).toBe(false);
    expect(sh(second.path, "branch", "--show-current")).toBe("agent/issue-7");
  });

  it("makes the worktree anew when its .git file names another repository", async () => {
    const first = valueOf(await web.worktrees.ensure(7, "main", signal));
    const evil = join(fixture.directory, "evil");
    await mkdir(evil);
    sh(evil, "init", "-q");
    await writeFile(join(first.path, ".git"), `gitdir: ${join(evil, ".git")}\n`);

    const second = valueOf(await web.worktrees.ensure(7, "main", signal));

    expect(second.reused).toBe(false);
  });

  it("goes by the first of several URLs of the origin, which is the one that is fetched from", async () => {
    const mirrored = await fixture.repository({ name: "mirrored" });
    sh(mirrored.checkout, "remote", "set-url", "--add", "origin", "https://git.example/else/mirror.git");

    expect((await mirrored.worktrees.ensure(7, "main", signal)).ok).toBe(true);
  });

  it("refuses a checkout whose origin names another repository, unless the operator said so", async () => {
    const wrong = await fixture.repository({ name: "wrong", originUrl: "git@github.com:acme/else.git" });
    const forced = await fixture.repository({ name: "forced", originUrl: "/srv/git/thing", isOriginOverridden: true });
    const cased = await fixture.repository({ name: "cased", originUrl: "https://github.com/ACME/Cased" });

    expect(failureOf(await wrong.worktrees.ensure(7, "main", signal)).message).toContain("acme/else");
    expect(failureOf(await wrong.worktrees.remove(7, signal)).message).toContain("acme/else");
    expect((await forced.worktrees.ensure(7, "main", signal)).ok).toBe(true);
    expect((await cased.worktrees.ensure(7, "main", signal)).ok).toBe(true);
  });

  it.each(["--upload-pack=x", "a..b", "a b", "", "x.lock", "$(id)", "/main"])(
    "refuses the base branch '%s'",
    async (base) => {
      expect(failureOf(await web.worktrees.ensure(7, base, signal)).message).toContain("not an acceptable branch name");
    },
  );

  it("says that a base branch is missing, and what number is none", async () => {
    expect(failureOf(await web.worktrees.ensure(7, "nowhere", signal)).kind).toBe("base-gone");
    expect(failureOf(await web.worktrees.ensure(0, "main", signal)).message).toContain("no issue number");
    expect(failureOf(await web.worktrees.ensure(1.5, "main", signal)).message).toContain("no issue number");
  });

  it("refuses a link in place of the worktree, its root or the base", async () => {
    const outside = join(fixture.directory, "outside");
    await mkdir(join(outside, "acme-web"), { recursive: true });
    await mkdir(web.root, { recursive: true });
    await symlink(outside, join(web.root, "issue-7"));
    expect(failureOf(await web.worktrees.ensure(7, "main", signal)).message).toContain("no link");
    expect(failureOf(await web.worktrees.remove(7, signal)).message).toContain("no link");

    await rm(join(fixture.directory, "worktrees"), { recursive: true });
    await symlink(outside, join(fixture.directory, "worktrees"));
    expect(failureOf(await web.worktrees.ensure(7, "main", signal)).message).toContain("no link");
    expect(readdirSync(outside)).toEqual(["acme-web"]);
    expect(readdirSync(join(outside, "acme-web"))).toEqual([]);
  });

  it("rejects with the signal's reason when stopped while it waits for its turn", async () => {
    const stop = new AbortController();
    const first = web.worktrees.ensure(1, "main", signal);
    const second = web.worktrees.ensure(2, "main", stop.signal);
    stop.abort(new Error("stopping"));

    await expect(second).rejects.toThrow("stopping");
    expect((await first).ok).toBe(true);
  });
});

/** Returns contents and modes of the whole checkout, index included; of `.git` only the operator's work counts. */
function fingerprintOf({ checkout }: RepositoryFixture): Record<string, string> {
  const files = [".git/index", ".git/HEAD", ".git/config"];
  const names = [...files, ...readdirSync(checkout).filter((name) => name !== ".git")];
  return Object.fromEntries(
    names.map((name) => {
      const found = lstatSync(join(checkout, name));
      return [
        name,
        `${found.mode} ${found.mtimeMs} ${createHash("sha256")
          .update(readFileSync(join(checkout, name)))
          .digest("hex")}`,
      ];
    }),
  );
}

/** The checkout's own filter makes git wait in the middle of writing files, after it has said so. */
async function slowCheckout(web: RepositoryFixture, directory: string): Promise<void> {
  const script = join(directory, "smudge.sh");
  await writeFile(
    script,
    `#!/bin/sh\necho $PPID > ${directory}/smudging.tmp\nmv ${directory}/smudging.tmp ${directory}/smudging\nexec sleep 600\n`,
  );
  await chmod(script, 0o755);
  sh(web.checkout, "config", "filter.slow.smudge", script);
  await commitToRemote(web, directory, "main", { ".gitattributes": "README.md filter=slow\n" });
  sh(web.checkout, "fetch", "-q", web.bare, "+refs/heads/main:refs/remotes/origin/main");
}

/** Leaves what a worker leaves that is killed together with its processes. */
async function killDuringAdd(web: RepositoryFixture, directory: string, issue: number): Promise<void> {
  const path = join(web.root, `issue-${issue}`);
  const watcher = watch(directory);
  const git = spawn("git", ["worktree", "add", "-q", "-b", `agent/issue-${issue}`, path, "refs/remotes/origin/main"], {
    cwd: web.checkout,
    detached: true,
    stdio: "ignore",
  });
  while (!existsSync(join(directory, "smudging")))
    await once(watcher, "change", { signal: AbortSignal.timeout(60_000) });
  watcher.close();
  process.kill(-(git.pid ?? 0), "SIGKILL");
  await once(git, "exit");
}
