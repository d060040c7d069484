import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { systemClock } from "../../../../src/core/base/clock.ts";
import { Redactor } from "../../../../src/core/logs/redact.ts";
import { cloneRepository } from "../../../../src/worker/git/remote/clone.ts";
import { createGit, type Git } from "../../../../src/worker/git/command/git.ts";
import { Remote } from "../../../../src/worker/git/remote/remote.ts";
import type { RemoteAccess } from "../../../../src/worker/git/remote/remote-access.ts";
import { WorkBranch } from "../../../../src/worker/git/commits/work-branch.ts";
import { type Worktree, WorktreeManager } from "../../../../src/worker/git/worktrees/worktree-manager.ts";
import {
  commitToRemote,
  failureOf,
  GitFixture,
  IDENTITY,
  type RepositoryFixture,
  sh,
  valueOf,
} from "../git-fixture.ts";
import { GitServer } from "../git-server.ts";

const signal = new AbortController().signal;
const TOKEN = "a-credential-nobody-may-see";
const BASIC = Buffer.from(`x-access-token:${TOKEN}`).toString("base64");
const NETWORK = new Set(["fetch", "push", "ls-remote", "clone"]);

interface RecordedCall {
  readonly command: string;
  readonly argv: string;
  readonly environment: string;
}

describe("Remote", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;
  let server: GitServer;
  let access: RemoteAccess;
  let git: Git;
  let remote: Remote;
  let worktrees: WorktreeManager;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
    server = await GitServer.start(join(fixture.directory, "remotes"), TOKEN);
    access = { baseUrl: server.url, token: TOKEN };
    git = createGit({
      path: await recordingPath(fixture.directory),
      home: join(fixture.directory, "home"),
      identity: IDENTITY,
      clock: systemClock,
      redact: new Redactor([TOKEN]).redact,
    });
    remote = await Remote.open({
      git,
      access,
      repository: web.repository,
      commonDirectory: web.commonDirectory,
      transportDirectory: join(fixture.directory, "transport.git"),
    });
    worktrees = new WorktreeManager({
      ...web,
      git,
      remote,
      root: join(fixture.directory, "worktrees", "over-http"),
      isOriginOverridden: false,
    });
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await fixture[Symbol.asyncDispose]();
  });

  function open(more: Partial<RemoteAccess>, name: string): Promise<Remote> {
    const transportDirectory = join(fixture.directory, "other-transport.git");
    return Remote.open({
      git,
      access: { ...access, ...more },
      repository: { ...web.repository, name },
      commonDirectory: web.commonDirectory,
      transportDirectory,
    });
  }

  async function workInWorktree(): Promise<{ worktree: Worktree; branch: WorkBranch; sha: string | null }> {
    const worktree = valueOf(await worktrees.ensure(7, "main", signal));
    const branch = new WorkBranch({ git, remote, commonDirectory: web.commonDirectory, worktree });
    await writeFile(join(worktree.path, "work.txt"), "work\n");
    return { worktree, branch, sha: valueOf(await branch.commitAll("Work", signal)) };
  }

  it("fetches and pushes with the token in the environment of network commands alone", async () => {
    await commitToRemote(web, fixture.directory, "main", { "new.txt": "new\n" });
    const { branch, sha } = await workInWorktree();

    const pushed = valueOf(await branch.pushBranch(null, signal));

    expect(pushed).toBe(sha);
    expect(sh(web.bare, "rev-parse", "agent/issue-7")).toBe(sha);
    const calls = await recordedCalls(fixture.directory);
    const holders = calls.filter(({ environment }) => environment.includes(BASIC) || environment.includes(TOKEN));
    expect(new Set(holders.map(({ command }) => command))).toEqual(new Set(["ls-remote", "fetch", "push"]));
    expect(calls.some(({ command }) => !NETWORK.has(command))).toBe(true);
    expect(calls.filter(({ argv }) => argv.includes(BASIC) || argv.includes(TOKEN))).toEqual([]);
  });

  it("writes the token into no file", async () => {
    const { branch } = await workInWorktree();
    valueOf(await branch.pushBranch(null, signal));
    const directory = join(fixture.directory, "cloned");
    valueOf(await cloneRepository({ git, access, repository: web.repository, directory }, signal));

    const found = filesWith(fixture.directory, [TOKEN, BASIC]);

    expect(found).toEqual([join(fixture.directory, "calls.log")]);
    expect(await readFile(join(directory, ".git", "config"), "utf8")).toContain(`url = ${server.url}/acme/web.git`);
  });

  it("gives git nothing of the worker's own environment", async () => {
    process.env["HYDRAFLOW_TEST_SECRET"] = "leaked";
    try {
      valueOf(await remote.head("main", signal));
    } finally {
      delete process.env["HYDRAFLOW_TEST_SECRET"];
    }

    const calls = await recordedCalls(fixture.directory);

    expect(calls.length).toBeGreaterThan(0);
    expect(calls.filter(({ environment }) => environment.includes("leaked"))).toEqual([]);
  });

  it("ignores a planted push URL, a rewritten URL and a proxy, and their servers see no request", async () => {
    await using thief = await GitServer.start(join(fixture.directory, "remotes"), TOKEN);
    const { branch } = await workInWorktree();
    sh(web.checkout, "config", "remote.origin.pushurl", `${thief.url}/acme/web.git`);
    sh(web.checkout, "config", `url.${thief.url}/.insteadOf`, `${server.url}/`);
    sh(web.checkout, "config", `url.${thief.url}/.pushInsteadOf`, `${server.url}/`);
    sh(web.checkout, "config", `http.${server.url}/acme/web.git.proxy`, thief.url);
    sh(web.checkout, "config", "credential.helper", `!echo x > ${fixture.directory}/helper-ran`);

    valueOf(await branch.pushBranch(null, signal));
    valueOf(await remote.fetch(["main"], signal));

    expect(thief.requests).toEqual([]);
    expect(existsSync(join(fixture.directory, "helper-ran"))).toBe(false);
    expect(sh(web.bare, "branch", "--list", "agent/issue-7")).toContain("agent/issue-7");
  });

  it("sends the token to no other server than its own when redirected", async () => {
    await using thief = await GitServer.start(join(fixture.directory, "remotes"), TOKEN);
    server.redirectTo = thief.url;

    const asked = await remote.head("main", signal);

    expect(asked.ok).toBe(false);
    expect(thief.requests.map(({ authorization }) => authorization).filter((value) => value !== undefined)).toEqual([]);
  });

  it("does not load history again that the checkout has", async () => {
    await commitToRemote(web, fixture.directory, "main", { "large.txt": randomBytes(500_000).toString("hex") });
    sh(web.checkout, "fetch", "-q", web.bare, "+refs/heads/main:refs/remotes/origin/main");
    const tip = await commitToRemote(web, fixture.directory, "main", { "new.txt": "new\n" });

    const fetched = valueOf(await remote.fetch(["main", "not-there"], signal));

    expect([...fetched]).toEqual([["main", tip]]);
    expect(sh(web.checkout, "cat-file", "-t", tip)).toBe("commit");
    expect(server.bytesSent).toBeLessThan(100_000);
  });

  it("fetches again after the checkout's housekeeping deleted what was fetched before", async () => {
    await commitToRemote(web, fixture.directory, "topic", { "topic.txt": "topic\n" });
    valueOf(await remote.fetch(["topic"], signal));
    sh(web.checkout, "update-ref", "-d", "refs/remotes/origin/topic");
    sh(web.checkout, "reflog", "expire", "--expire=now", "--all");
    sh(web.checkout, "gc", "-q", "--prune=now");
    const tip = await commitToRemote(web, fixture.directory, "main", { "new.txt": "new\n" });

    expect(valueOf(await remote.fetch(["main", "topic"], signal)).get("main")).toBe(tip);
    expect(sh(web.checkout, "fsck", "--connectivity-only")).not.toContain("missing");
  });

  it("loads nothing when the checkout has what the remote has", async () => {
    valueOf(await remote.fetch(["main"], signal));

    expect((await recordedCalls(fixture.directory)).map(({ command }) => command)).not.toContain("fetch");
    expect(sh(web.checkout, "rev-parse", "refs/remotes/origin/main")).toBe(sh(web.bare, "rev-parse", "main"));
  });

  it("rejects a push when the remote branch is not where it was expected, and changes nothing", async () => {
    const { branch } = await workInWorktree();
    const theirs = await commitToRemote(web, fixture.directory, "agent/issue-7", { "theirs.txt": "theirs\n" });

    const blind = failureOf(await branch.pushBranch(null, signal));
    const main = valueOf(await remote.head("main", signal));
    const wrong = failureOf(await branch.pushBranch(main, signal));

    expect([blind.kind, wrong.kind]).toEqual(["rejected", "rejected"]);
    expect(valueOf(await branch.remoteHead(signal))).toBe(theirs);
    expect(valueOf(await branch.pushBranch(theirs, signal))).toBe(sh(web.bare, "rev-parse", "agent/issue-7"));
  });

  it("names a wrong token, a missing repository and a dead server, without the token", async () => {
    const wrongToken = await open({ token: "wrong-token-wrong" }, "web");
    const missing = await open({}, "missing");
    const dead = await open({ baseUrl: "http://127.0.0.1:9" }, "web");

    const failures = [
      failureOf(await wrongToken.head("main", signal)),
      failureOf(await missing.head("main", signal)),
      failureOf(await dead.head("main", signal)),
    ];

    expect(failures.map(({ kind, retryable }) => [kind, retryable])).toEqual([
      ["auth", false],
      ["not-found", false],
      ["network", true],
    ]);
    expect(JSON.stringify(failures)).not.toContain(TOKEN);
  });

  it("refuses every transport but its own", async () => {
    const plain = await open({ baseUrl: "http://github.invalid" }, "web");

    expect(failureOf(await plain.head("main", signal)).message).toContain("transport 'http' not allowed");
  });

  it("leaves nothing of a clone that failed or was killed", async () => {
    const directory = join(fixture.directory, "clones", "acme-web");
    await mkdir(join(fixture.directory, "clones", ".acme-web.clone-killed"), { recursive: true });
    const refused = await cloneRepository(
      { git, access: { ...access, token: "wrong-token-wrong" }, repository: web.repository, directory },
      signal,
    );

    expect(failureOf(refused).kind).toBe("auth");
    expect(execFileSync("ls", ["-A", join(fixture.directory, "clones")], { encoding: "utf8" })).toBe("");

    valueOf(await cloneRepository({ git, access, repository: web.repository, directory }, signal));
    expect(sh(directory, "status", "--porcelain")).toBe("");
    expect(failureOf(await cloneRepository({ git, access, repository: web.repository, directory }, signal)).kind).toBe(
      "conflict",
    );
  });
});

/** Makes a PATH whose `git` writes down arguments and environment, then is git. */
async function recordingPath(directory: string): Promise<string> {
  const real = execFileSync("sh", ["-c", "command -v git"], { encoding: "utf8" }).trim();
  const bin = join(directory, "bin");
  await mkdir(bin);
  const log = join(directory, "calls.log");
  await writeFile(
    join(bin, "git"),
    `#!/bin/sh\n{ echo "ARGV $*"; env | sed 's/^/ENV /'; echo END; } >> ${log}\nexec ${real} "$@"\n`,
  );
  await chmod(join(bin, "git"), 0o755);
  return [bin, process.env["PATH"] ?? ""].join(delimiter);
}

async function recordedCalls(directory: string): Promise<RecordedCall[]> {
  const log = await readFile(join(directory, "calls.log"), "utf8");
  return log
    .split("END\n")
    .slice(0, -1)
    .map((call) => {
      const argv = /^ARGV (.*)$/m.exec(call)?.[1] ?? "";
      return { argv, command: argv.split(" ")[0] ?? "", environment: call.replace(/^ARGV.*$/m, "") };
    });
}

function filesWith(directory: string, texts: readonly string[]): string[] {
  try {
    return execFileSync("grep", ["-rlaF", ...texts.flatMap((text) => ["-e", text]), directory], { encoding: "utf8" })
      .trim()
      .split("\n");
  } catch {
    return [];
  }
}
