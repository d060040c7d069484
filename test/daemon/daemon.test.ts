import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { workerPaths } from "../../src/core/files/paths.ts";
import { childIdentity } from "../../src/core/processes/process-tree.ts";
import { recordGroup } from "../../src/core/processes/recorded-group.ts";
import type { RepoEntry } from "../../src/core/messages/supervisor-control.ts";
import { treeMarkOf } from "../../src/core/processes/tree-mark.ts";
import { TREE_VARIABLE } from "../../src/core/messages/worker-message.ts";
import { ask, ended, exchange, isAlive, Rig, until } from "./daemon-rig.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function add(port: number, name: string): Promise<void> {
  const path = await rig.checkout(name, `https://github.com/acme/${name}`);
  expect(await ask(port, { action: "add_repo", path })).toMatchObject({ status: "ok" });
}

async function list(port: number): Promise<RepoEntry[]> {
  return (await ask(port, { action: "list_repos" }))["repos"] as RepoEntry[];
}

function allRunning(port: number, count: number): Promise<RepoEntry[]> {
  return until(`${count} running repositories`, async () => {
    const repos = await list(port);
    return repos.length === count && repos.every(({ running }) => running) ? repos : undefined;
  });
}

describe("a daemon that is killed", () => {
  it("leaves no worker behind, and the next one brings every repository back, one worker each", async () => {
    const first = await rig.daemonProcess();
    for (const name of ["web", "shop", "stubborn"]) await add(first.port, name);
    const stubborn = await rig.given<number[]>("acme-stubborn", "pids.json");
    const before = (await list(first.port)).map(({ pid }) => Number(pid));

    first.child.kill("SIGKILL");
    await first.exited;
    const second = await rig.daemonProcess();
    const after = await allRunning(second.port, 3);

    for (const pid of [...before, ...stubborn]) expect(await isAlive(pid)).toBe(false);
    expect(after.map(({ slug, generation }) => [slug, generation])).toEqual([
      ["acme-web", 1],
      ["acme-shop", 1],
      ["acme-stubborn", 1],
    ]);
    expect(second.output()).toContain("leftovers.found");
  });

  it("leaves nothing that its workers have on record, before the next one starts a worker", async () => {
    const first = await rig.daemonProcess();
    await add(first.port, "web");
    first.child.kill("SIGKILL");
    await first.exited;
    const child = spawn("/bin/sleep", ["1000"], { detached: true, env: {}, stdio: "ignore" });
    const killed = once(child, "exit");
    const identity = await childIdentity(child);
    if (identity === null) throw new Error("the child lives");
    recordGroup(workerPaths(join(rig.home, "acme-web")).groups, identity, { [TREE_VARIABLE]: treeMarkOf(rig.home) });

    const second = await rig.daemonProcess();

    expect(await killed).toEqual([null, expect.stringMatching(/^SIG(?:TERM|KILL)$/)]);
    await allRunning(second.port, 1);
  });

  it("loses nothing that was acknowledged", async () => {
    const daemon = await rig.daemonProcess();
    const paths = await Promise.all(
      Array.from({ length: 20 }, (_, index) => rig.checkout(`r${index}`, `https://github.com/acme/r${index}`)),
    );
    const acknowledged: unknown[] = [];
    const asking = paths.map(async (path) => {
      const reply = await ask(daemon.port, { action: "register_repo", path });
      if (reply.status === "ok") acknowledged.push(reply["slug"]);
    });
    await until("some acknowledgements", () => acknowledged.length >= 5);
    daemon.child.kill("SIGKILL");
    await Promise.allSettled([...asking, daemon.exited]);
    const promised = [...acknowledged];

    const next = await rig.daemonProcess();
    const known = (await list(next.port)).map(({ slug }) => slug);

    expect(promised.filter((slug) => !known.includes(String(slug)))).toEqual([]);
  });
});

describe("stopping", () => {
  it("by SIGTERM ends the workers, says 0, and leaves neither port file nor process", async () => {
    const daemon = await rig.daemonProcess();
    await add(daemon.port, "web");
    const [entry] = await list(daemon.port);

    daemon.child.kill("SIGTERM");

    expect(await daemon.exited).toBe(0);
    await ended(Number(entry?.pid));
    expect(await readdir(rig.home)).not.toContain("supervisor-port");
    expect(await rig.state()).toMatchObject({
      port: 0,
      httpPort: 0,
      pid: 0,
      repos: [{ slug: "acme-web", desired: "running" }],
    });
  });

  it("by a second signal forces it", async () => {
    const daemon = await rig.daemonProcess();
    await add(daemon.port, "stubborn");
    daemon.child.kill("SIGTERM");
    await until("the stop", () => daemon.output().includes("repo.stopping"));

    daemon.child.kill("SIGTERM");

    expect(await daemon.exited).toBe(0);
    expect(daemon.output()).toContain('"forced":true');
  });

  it("by force does not wait for the grace", async () => {
    const force = new AbortController();
    const daemon = await rig.daemon({}, { timings: { stopGraceMs: 3_600_000 } }, force.signal);
    await add(daemon.port, "stubborn");
    const pids = await rig.given<number[]>("acme-stubborn", "pids.json");
    const stopped = daemon[Symbol.asyncDispose]();
    await until("the stop", () => daemon.events("repo.stopping").length > 0);

    force.abort();

    await stopped;
    for (const pid of pids) expect(await isAlive(pid)).toBe(false);
  });

  it("at any moment of the start leaves nothing behind", async () => {
    const daemon = await rig.daemonProcess();
    for (const name of ["web", "shop"]) await add(daemon.port, name);
    daemon.child.kill("SIGTERM");
    await daemon.exited;

    for (const afterMs of [120, 200, 280, 360]) {
      const starting = rig.spawnDaemon();
      await delay(afterMs);
      starting.child.kill("SIGTERM");
      // Before Node has run our first line there is no handler yet.
      expect([0, null]).toContain(await starting.exited);
      expect(await readdir(rig.home)).not.toContain("supervisor-port");
    }
    const last = await rig.daemonProcess();

    expect((await allRunning(last.port, 2)).map(({ generation }) => generation)).toEqual([1, 1]);
    expect(last.output()).not.toContain("leftovers.found");
  });
});

describe("a running daemon", () => {
  it("serves both doors with what they need to know in its state file", async () => {
    const daemon = await rig.daemon({ tcpAuth: "token" });
    const token = (await readFile(join(rig.home, "token"), "utf8")).trim();

    const state = await rig.state();
    const overTcp = await daemon.ask({ action: "list_repos", token });
    const overHttp = await fetch(`http://127.0.0.1:${daemon.httpPort}/api/repos`, {
      headers: { authorization: `Bearer ${token}` },
    });

    expect(state).toMatchObject({
      schema: 2,
      port: daemon.port,
      httpPort: daemon.httpPort,
      pid: process.pid,
      repos: [],
    });
    expect(overTcp).toEqual({ status: "ok", repos: [] });
    expect(overHttp.status).toBe(200);
    expect(await (await fetch(`http://127.0.0.1:${daemon.httpPort}/readyz`)).text()).toBe("ready\n");
    expect(await daemon.ask({ action: "list_repos" })).toMatchObject({ code: "unauthorized" });
  });

  it("answers netcat and a POST of a web page as it should", async () => {
    const daemon = await rig.daemon();

    const script = `printf '{"action":"ping"}\\n' | nc -N 127.0.0.1 ${daemon.port}`;
    const { stdout } = await promisify(execFile)("sh", ["-c", script]);
    const page = await exchange(daemon.port, 'POST / HTTP/1.1\r\nHost: x\r\n\r\n{"action":"add_repo","path":"/"}\n');

    expect(JSON.parse(stdout)).toMatchObject({ status: "ok" });
    expect(page.trimEnd().split("\n")).toHaveLength(1);
  });

  it("answers at both doors while it still waits for what the last one left", async () => {
    const first = await rig.daemonProcess();
    await add(first.port, "stubborn");
    const [worker = 0] = await rig.given<number[]>("acme-stubborn", "pids.json");
    first.child.kill("SIGKILL");
    await first.exited;

    const second = rig.spawnDaemon();
    const port = await until("a port file", () =>
      readFile(join(rig.home, "supervisor-port"), "utf8").then(
        (text) => Number(text) !== first.port && Number(text),
        () => undefined,
      ),
    );
    const [entry] = await list(port);
    const isOldAlive = await isAlive(worker);

    expect([entry?.state, entry?.pid, isOldAlive]).toEqual(["starting", null, true]);
    await allRunning(port, 1);
    expect(await isAlive(worker)).toBe(false);
    second.child.kill("SIGTERM");
  });

  it("tells of a damaged state file and works with the copy before it", async () => {
    const first = await rig.daemon();
    await first.ask({ action: "register_repo", path: await rig.checkout("web", "https://github.com/acme/web") });
    await first[Symbol.asyncDispose]();
    await writeFile(join(rig.home, "supervisor-state.json"), "{");

    const daemon = await rig.daemon();

    expect(daemon.events("registry.degraded")).toHaveLength(1);
    expect((await list(daemon.port)).map(({ slug }) => slug)).toEqual(["acme-web"]);
  });

  it("takes over the first implementation's repositories", async () => {
    const web = await rig.checkout("web", "https://github.com/acme/web");
    const entry = { path: web, slug: "web", port: 4_000, dashboard_url: "http://localhost:4000", log_file: "" };
    await rig.file("home/supervisor-state.json", JSON.stringify({ repos: [entry] }));

    const daemon = await rig.daemon();

    expect(await daemon.entryWhen("acme-web", "running", ({ running }) => running)).toMatchObject({
      path: web,
      repo: "acme/web",
    });
    expect((await readdir(rig.home)).filter((name) => name.includes("before-upgrade"))).toHaveLength(1);
  });

  it("keeps no token in its log", async () => {
    const environment = { PATH: process.env["PATH"], GITHUB_TOKEN: "a-very-secret-value" };
    const daemon = await rig.daemon({}, { environment });
    await add(daemon.port, "web");
    await daemon[Symbol.asyncDispose]();

    const log = await readFile(join(rig.home, "logs/supervisor.log"), "utf8");
    const token = (await readFile(join(rig.home, "token"), "utf8")).trim();
    expect(log).toContain("repo.ready");
    expect(log).not.toContain("a-very-secret-value");
    expect(log).not.toContain(token);
  });
});
