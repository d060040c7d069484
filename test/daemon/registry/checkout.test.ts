import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { resolveRepository } from "../../../src/daemon/registry/resolve-repository.ts";
import { expandHome, inspectCheckout } from "../../../src/daemon/registry/checkout.ts";
import { NEVER, Rig } from "../daemon-rig.ts";

const HOST = { environment: process.env };
const GITHUB = { ...HOST, gitUrl: "https://github.com" };
let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

function git(cwd: string, ...args: string[]): void {
  const author = {
    GIT_AUTHOR_NAME: "T",
    GIT_AUTHOR_EMAIL: "t@example.com",
    GIT_COMMITTER_NAME: "T",
    GIT_COMMITTER_EMAIL: "t@example.com",
  };
  execFileSync("git", args, { cwd, stdio: "pipe", env: { ...process.env, ...author } });
}

describe("looking at a directory", () => {
  it("reads the origin of a checkout", async () => {
    const path = await rig.checkout("web", "git@github.com:acme/web.git");

    expect(await inspectCheckout(path, HOST, NEVER)).toEqual({
      ok: true,
      value: { path, originUrl: "git@github.com:acme/web.git" },
    });
  });

  it("follows symbolic links to the real path", async () => {
    const path = await rig.checkout("web", null);
    symlinkSync(path, join(rig.directory, "link"));

    expect(await inspectCheckout(join(rig.directory, "link"), HOST, NEVER)).toEqual({
      ok: true,
      value: { path, originUrl: null },
    });
  });

  it("does not wait for a pipe that lies in the place of the configuration", async () => {
    const path = await rig.checkout("web", null);
    rmSync(join(path, ".git", "config"));
    execFileSync("mkfifo", [join(path, ".git", "config")]);

    expect(await inspectCheckout(path, HOST, NEVER)).toMatchObject({ ok: false, failure: { code: "not_a_checkout" } });
  });

  it("reads the shared configuration from a linked worktree", async () => {
    const path = await rig.checkout("web", "https://github.com/acme/web");
    git(path, "commit", "-q", "--allow-empty", "-m", "first");
    git(path, "worktree", "add", "-q", join(rig.directory, "tree"));

    expect(await inspectCheckout(join(rig.directory, "tree"), HOST, NEVER)).toMatchObject({
      ok: true,
      value: { originUrl: "https://github.com/acme/web" },
    });
  });

  it("says which path does not exist", async () => {
    expect(await inspectCheckout("/no/such/place", HOST, NEVER)).toEqual({
      ok: false,
      failure: { code: "path_not_found", message: "Repo path not found: /no/such/place" },
    });
  });

  it.each([
    ["an empty directory", () => mkdirSync(join(rig.directory, "x"))],
    ["a bare repository", () => git(rig.directory, "init", "-q", "--bare", "x")],
    ["a file", () => writeFileSync(join(rig.directory, "x"), "")],
    [
      "a .git that points nowhere",
      () => (mkdirSync(join(rig.directory, "x")), writeFileSync(join(rig.directory, "x/.git"), "gitdir: /nowhere\n")),
    ],
    ["an empty .git", () => mkdirSync(join(rig.directory, "x/.git"), { recursive: true })],
    ["a directory inside a checkout", () => (git(rig.directory, "init", "-q"), mkdirSync(join(rig.directory, "x")))],
  ])("refuses %s", async (_, prepare) => {
    prepare();

    expect(await inspectCheckout(join(rig.directory, "x"), HOST, NEVER)).toMatchObject({
      ok: false,
      failure: { code: "not_a_checkout" },
    });
  });

  it("refuses a relative path and a path with a zero byte", async () => {
    expect(await inspectCheckout("web", HOST, NEVER)).toMatchObject({ ok: false, failure: { code: "bad_request" } });
    expect(await inspectCheckout("/web\0", HOST, NEVER)).toMatchObject({ ok: false, failure: { code: "bad_request" } });
  });

  it("knows ~ as the home directory", () => {
    expect(expandHome("~/web")).toBe(join(homedir(), "web"));
    expect(expandHome("~")).toBe(homedir());
    expect(expandHome("~other/web")).toBe("~other/web");
  });
});

describe("what an add means", () => {
  async function targetOf(origin: string | null, repoSlug?: string) {
    const path = await rig.checkout("web", origin);
    return resolveRepository({ path, repo_slug: repoSlug }, GITHUB, NEVER);
  }

  it("is the origin's repository", async () => {
    expect(await targetOf("https://github.com/Acme/Web.git")).toMatchObject({
      ok: true,
      value: { named: false, name: { fullName: "Acme/Web" } },
    });
  });

  it("is local/<directory> for a checkout without a remote", async () => {
    expect(await targetOf(null)).toMatchObject({ ok: true, value: { named: false, name: { fullName: "local/web" } } });
  });

  it("is refused with the hint when the origin names no repository", async () => {
    const target = await targetOf("/srv/git/web.git");

    expect(target).toMatchObject({ ok: false, failure: { code: "no_repository_name" } });
    expect(!target.ok && target.failure.message).toContain('give repo_slug: "owner/name"');
  });

  it("is what the operator says, whatever the origin is", async () => {
    expect(await targetOf("/srv/git/web.git", "acme/shop")).toMatchObject({
      ok: true,
      value: { named: true, name: { fullName: "acme/shop" } },
    });
  });

  it.each(["../etc", "a/../b", "a/..", "a/b/c", "-a/b", "a/b c", "", "a/b\n", "a", "über/web"])(
    "refuses the name %j",
    async (name) => {
      expect(await targetOf(null, name)).toMatchObject({ ok: false, failure: { code: "invalid_slug" } });
    },
  );

  it.each([
    ["acme/web", "acme/web"],
    ["https://github.com/acme/web", "acme/web"],
    ["https://github.com/acme/web.git", "acme/web"],
  ])("takes %s to be cloned", async (repo, fullName) => {
    expect(await resolveRepository({ repo }, GITHUB, NEVER)).toMatchObject({
      ok: true,
      value: { path: undefined, name: { fullName } },
    });
  });

  it.each([
    "https://evil.example/acme/web",
    "https://github.com.evil.example/acme/web",
    "http://github.com/acme/web",
    "https://user:secret@github.com/acme/web",
    "ssh://git@github.com/acme/web",
    "ext::sh -c id",
    "file:///srv/git/web",
    "https://github.com/acme/web?x=1",
    "https://github.com/a/b/c",
    "-oProxyCommand=x/y",
  ])("does not clone %s", async (repo) => {
    expect((await resolveRepository({ repo }, GITHUB, NEVER)).ok).toBe(false);
  });

  it("clones over plain http from this machine alone", async () => {
    expect(
      (
        await resolveRepository(
          { repo: "http://127.0.0.1:3000/acme/web" },
          { ...HOST, gitUrl: "http://127.0.0.1:3000" },
          NEVER,
        )
      ).ok,
    ).toBe(true);
    expect(
      (
        await resolveRepository(
          { repo: "http://10.0.0.1:3000/acme/web" },
          { ...HOST, gitUrl: "http://10.0.0.1:3000" },
          NEVER,
        )
      ).ok,
    ).toBe(false);
  });

  it("must be said once", async () => {
    expect(await resolveRepository({}, GITHUB, NEVER)).toMatchObject({
      ok: false,
      failure: { code: "bad_request", message: "Missing path" },
    });
    expect((await resolveRepository({ path: "/x", repo: "acme/web" }, GITHUB, NEVER)).ok).toBe(false);
  });
});
