// Runs Git LFS itself, against a server that has large files for whoever brings our credential.

import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { findGitLfs } from "../../../../src/core/checkout/lfs.ts";
import { FreshCheckouts } from "../../../../src/worker/git/worktrees/fresh-checkout.ts";
import { Remote } from "../../../../src/worker/git/remote/remote.ts";
import { WorkBranch } from "../../../../src/worker/git/commits/work-branch.ts";
import { WorktreeManager } from "../../../../src/worker/git/worktrees/worktree-manager.ts";
import { failureOf, GitFixture, type RepositoryFixture, sh, valueOf } from "../git-fixture.ts";
import { GitServer } from "../git-server.ts";

const NEVER = new AbortController().signal;
const TOKEN = "a-token-for-large-files";
const ATTRIBUTES = "*.bin filter=lfs diff=lfs merge=lfs -text\n";
const LOGO = Buffer.alloc(100_000, "logo");
const OTHER = Buffer.alloc(200_000, 7);

const program = await findGitLfs(process.env["PATH"] ?? "");
let fixture: GitFixture;
let web: RepositoryFixture;
let server: GitServer;

beforeEach(async () => {
  fixture = await GitFixture.create();
  web = await fixture.repository();
  server = await GitServer.start(join(fixture.directory, "remotes"), TOKEN);
  sh(web.bare, "config", "http.receivepack", "true");
  const seed = join(fixture.directory, "seed");
  sh(fixture.directory, "clone", "-q", "--branch", "main", web.bare, seed);
  await writeFile(join(seed, ".gitattributes"), ATTRIBUTES);
  await writeFile(join(seed, "logo.bin"), pointerTo(LOGO));
  sh(seed, "add", "-A");
  sh(seed, "commit", "-q", "-m", "A large file");
  // A machine with git-lfs may have a hook in every repository that looks for the file.
  sh(seed, "push", "-q", "--no-verify", "origin", "main");
});
afterEach(async () => {
  await server[Symbol.asyncDispose]();
  await fixture[Symbol.asyncDispose]();
});

function pointerTo(content: Buffer): string {
  return `version https://git-lfs.github.com/spec/v1\noid sha256:${hashOf(content)}\nsize ${content.length}\n`;
}

function hashOf(content: Buffer): string {
  return createHash("sha256").update(content).digest("hex");
}

function stored(content: Buffer): string {
  const hash = hashOf(content);
  return join(web.commonDirectory, "lfs", "objects", hash.slice(0, 2), hash.slice(2, 4), hash);
}

/** Puts them together as the worker does. */
async function parts(find = () => Promise.resolve(program)) {
  const access = { baseUrl: server.url, token: TOKEN };
  const transportDirectory = join(fixture.directory, "transport");
  const remote = await Remote.open({ ...web, access, transportDirectory, findGitLfs: find });
  const shared = { ...web, git: remote.largeFiles.filtering(web.git), remote };
  const worktrees = new WorktreeManager({ ...shared, isOriginOverridden: false });
  const checkouts = new FreshCheckouts({ ...shared, views: remote.views, remoteUrl: remote.url });
  const { commonDirectory } = web;
  const open = async () => {
    const worktree = valueOf(await worktrees.ensure(1, "main", NEVER));
    return { worktree, work: new WorkBranch({ ...shared, commonDirectory, worktree }) };
  };
  return { remote, worktrees, checkouts, open };
}

// `.ci/run` installs git-lfs, which these tests need.
describe.skipIf(program === null)("a repository with large files", () => {
  it("has the files in the worktree and the gate, and pointers in commits", async () => {
    server.largeFiles = new Map([[hashOf(LOGO), LOGO]]);
    const { checkouts, open } = await parts();

    const { worktree, work } = await open();
    const seen = readFileSync(join(worktree.path, "logo.bin"));
    const unchanged = valueOf(await work.hasChanges(NEVER));
    await writeFile(join(worktree.path, "other.bin"), OTHER);
    const sha = valueOf(await work.commitAll("Add another", NEVER));
    valueOf(await work.pushBranch(null, NEVER));
    const base = { branch: "main", sha: worktree.baseSha };
    await using fresh = valueOf(await checkouts.make({ issue: 1, sha: sha ?? "", base }, NEVER));

    expect(seen.equals(LOGO)).toBe(true);
    expect(unchanged).toBe(false);
    expect(`${sh(web.bare, "show", `${worktree.branch}:other.bin`)}\n`).toBe(pointerTo(OTHER));
    expect(server.largeFiles.get(hashOf(OTHER))?.equals(OTHER)).toBe(true);
    expect(readFileSync(join(fresh.path, "other.bin")).equals(OTHER)).toBe(true);
    expect(readFileSync(join(fresh.path, "logo.bin")).equals(LOGO)).toBe(true);
  });

  it("runs nothing that the checkout's configuration names", async () => {
    server.largeFiles = new Map([[hashOf(LOGO), LOGO]]);
    const planted = join(fixture.directory, "planted");
    const command = `touch ${planted}; cat`;
    for (const key of [
      "filter.lfs.clean",
      "filter.lfs.smudge",
      "filter.lfs.process",
      "lfs.extension.x.clean",
      "lfs.extension.x.smudge",
      "lfs.customtransfer.x.path",
    ])
      sh(web.checkout, "config", key, command);
    sh(web.checkout, "config", "lfs.extension.x.priority", "0");
    sh(web.checkout, "config", "lfs.standalonetransferagent", "x");
    const { open } = await parts();

    const { worktree, work } = await open();
    await writeFile(join(worktree.path, "other.bin"), OTHER);
    valueOf(await work.commitAll("Add another", NEVER));
    valueOf(await work.pushBranch(null, NEVER));
    const ran = existsSync(planted);
    // As a control, git with the checkout's own configuration runs it.
    await writeFile(join(web.checkout, "x.bin"), OTHER);
    await writeFile(join(web.checkout, ".gitattributes"), ATTRIBUTES);
    sh(web.checkout, "-c", "filter.lfs.required=false", "add", "x.bin");

    expect(ran).toBe(false);
    expect(existsSync(planted)).toBe(true);
  });

  it("shows the gate no file that is not what its name says", async () => {
    server.largeFiles = new Map([[hashOf(LOGO), LOGO]]);
    const { checkouts, open } = await parts();
    const { worktree } = await open();
    await mkdir(join(web.commonDirectory, "lfs"), { recursive: true });
    await writeFile(stored(LOGO), Buffer.alloc(LOGO.length, "fake"));

    const base = { branch: "main", sha: worktree.baseSha };
    await using fresh = valueOf(await checkouts.make({ issue: 1, sha: worktree.baseSha, base }, NEVER));

    expect(readFileSync(join(fresh.path, "logo.bin"), "utf8")).toBe(pointerTo(LOGO));
  });

  it("goes on with the pointer of what the server does not have, and says so", async () => {
    const photo = Buffer.alloc(50_000, "photo");
    server.largeFiles = new Map([[hashOf(photo), photo]]);
    const seed = join(fixture.directory, "seed");
    await writeFile(join(seed, "photo.bin"), pointerTo(photo));
    sh(seed, "add", "-A");
    sh(seed, "commit", "-q", "-m", "Another large file");
    sh(seed, "push", "-q", "--no-verify", "origin", "main");
    const { remote, checkouts, open } = await parts();

    const { worktree, work } = await open();
    const seen = readFileSync(join(worktree.path, "logo.bin"), "utf8");
    const isPhotoThere = readFileSync(join(worktree.path, "photo.bin")).equals(photo);
    const lost = remote.largeFiles.lost;
    const batches = () => server.requests.filter(({ path }) => path.endsWith("/objects/batch")).length;
    const before = batches();
    valueOf(await remote.fetch(["main"], NEVER));
    const again = batches() - before;
    await writeFile(join(worktree.path, "other.bin"), OTHER);
    const sha = valueOf(await work.commitAll("Add another", NEVER)) ?? "";
    valueOf(await work.pushBranch(null, NEVER));
    const base = { branch: "main", sha: worktree.baseSha };
    await using fresh = valueOf(await checkouts.make({ issue: 1, sha, base }, NEVER));
    // Somebody has sent the file after all.
    server.largeFiles.set(hashOf(LOGO), LOGO);
    remote.largeFiles.askAgain();
    valueOf(await remote.fetch(["main", worktree.branch], NEVER));

    expect(seen).toBe(pointerTo(LOGO));
    expect(again).toBe(0);
    expect(isPhotoThere).toBe(true);
    expect(lost).toMatch(/^Git LFS: .*does not exist.*; worktrees and gates have its pointer instead$/s);
    expect(server.largeFiles.get(hashOf(OTHER))?.equals(OTHER)).toBe(true);
    expect(`${sh(web.bare, "show", `${worktree.branch}:logo.bin`)}\n`).toBe(pointerTo(LOGO));
    expect(readFileSync(join(fresh.path, "logo.bin"), "utf8")).toBe(pointerTo(LOGO));
    expect([remote.largeFiles.problem, remote.largeFiles.lost]).toEqual([null, null]);
  });

  it("goes on where the server has no large files at all, until one is to be sent", async () => {
    const { remote, open } = await parts();
    const { worktree, work } = await open();
    await writeFile(join(worktree.path, "note.txt"), "no large file\n");
    valueOf(await work.commitAll("Add a note", NEVER));
    valueOf(await work.pushBranch(null, NEVER));
    await writeFile(join(worktree.path, "other.bin"), OTHER);
    valueOf(await work.commitAll("Add another", NEVER));

    const refused = failureOf(await work.pushBranch(sh(worktree.path, "rev-parse", "HEAD~1"), NEVER));

    expect(remote.largeFiles.lost).toMatch(/^Git LFS: .*not found/is);
    expect(refused).toMatchObject({ kind: "refused", retryable: false, message: expect.stringMatching(/^Git LFS: /) });
  });

  it("needs git-lfs, and goes on when somebody has installed it", async () => {
    server.largeFiles = new Map([[hashOf(LOGO), LOGO]]);
    const found: (string | null)[] = [null, program];
    const { remote, open } = await parts(() => Promise.resolve(found.shift() ?? null));

    const failed = failureOf(await remote.fetch(["main"], NEVER));
    const { worktree } = await open();

    expect(failed).toMatchObject({
      kind: "large-files",
      message: "the repository keeps files with Git LFS, and git-lfs is not on the PATH of HydraFlow; install it",
    });
    expect(readFileSync(join(worktree.path, "logo.bin")).equals(LOGO)).toBe(true);
    expect(remote.largeFiles.problem).toBeNull();
  });

  it("downloads the files of a commit once, and again when one was taken from the store", async () => {
    server.largeFiles = new Map([[hashOf(LOGO), LOGO]]);
    const { remote } = await parts();
    const batches = () => server.requests.filter(({ path }) => path.endsWith("/objects/batch")).length;
    const heads = valueOf(await remote.fetch(["main"], NEVER));
    await rm(stored(LOGO));
    valueOf(await remote.fetch(["main"], NEVER));
    const once = batches();

    valueOf(await remote.largeFiles.dropForged(heads.get("main") ?? "", NEVER));
    valueOf(await remote.fetch(["main"], NEVER));

    expect([once, batches()]).toEqual([1, 2]);
    expect(readFileSync(stored(LOGO)).equals(LOGO)).toBe(true);
  });
});
