import { chmod, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { hashToken } from "../../src/core/http/bearer-token.ts";
import type { StartWorker } from "../../src/core/messages/worker-message.ts";
import { add, ask, Rig, type RigDaemon, until } from "./daemon-rig.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function post(daemon: RigDaemon, path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const token = (await readFile(join(rig.home, "token"), "utf8")).trim();
  const response = await fetch(`http://127.0.0.1:${daemon.httpPort}${path}`, {
    method: "POST",
    headers: { authorization: `Bearer ${token}` },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Whole or not at all, as an operator's editor saves it. */
async function configure(settings: string): Promise<void> {
  await mkdir(rig.home, { recursive: true, mode: 0o700 });
  await writeFile(join(rig.home, "config.json.new"), settings);
  await rename(join(rig.home, "config.json.new"), join(rig.home, "config.json"));
}

describe("a rolling restart", () => {
  it("waits for what is in flight, then gives the next generation", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "finishing");
    const { pid } = await daemon.entry("acme-finishing");

    const { status, body } = await post(daemon, "/api/repos/acme-finishing/restart?rolling=true");

    expect({ status, state: body["state"], generation: body["generation"] }).toEqual({
      status: 200,
      state: "running",
      generation: 2,
    });
    expect(await readFile(join(rig.home, "acme-finishing", "finished.txt"), "utf8")).toBe(`${pid}\n`);
  });

  it("does not wait beyond its bound: what is left is resumed by the next generation", async () => {
    const daemon = await rig.daemon({}, { timings: { drainMs: 200 } });
    await add(daemon, "busy");

    const { body } = await post(daemon, "/api/repos/acme-busy/restart?rolling=true");

    expect(body).toMatchObject({ state: "running", generation: 2 });
  });

  it("leaves alone what does not run, and lets a stop that comes meanwhile win", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "web");
    await daemon.ask({ action: "stop_repo", slug: "acme-web" });
    await add(daemon, "busy");

    const idle = await post(daemon, "/api/repos/acme-web/restart?rolling=true");
    const rolling = post(daemon, "/api/repos/acme-busy/restart?rolling=true");
    await daemon.entryWhen("acme-busy", "draining", ({ draining }) => draining);
    await daemon.ask({ action: "stop_repo", slug: "acme-busy" });

    expect(idle.body).toMatchObject({ state: "stopped", generation: 1, desired: "stopped" });
    expect((await rolling).body).toMatchObject({ state: "stopped", generation: 1, desired: "stopped" });
  });

  it("is not what a refused removal leaves behind: the worker is told to go on", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "busy");

    const refused = await daemon.ask({ action: "remove_repo", slug: "acme-busy" });

    expect(refused).toMatchObject({ code: "busy", error: expect.stringContaining("#7 (implement)") as string });
    const told = join(rig.home, "acme-busy", "told.txt");
    await until("word to go on", async () => (await readFile(told, "utf8")) === "drain\nresume\n");
  });
});

describe("a reload", () => {
  it("swaps the settings, tells what waits for a restart, and replaces the workers that it concerns", async () => {
    await configure(JSON.stringify({ maxWorkers: 2 }));
    const daemon = await rig.daemon();
    await add(daemon, "web");
    await configure(JSON.stringify({ maxWorkers: 4, startConcurrency: 3, respawnDelayMs: 7 }));

    const { status, body } = await post(daemon, "/api/reload");
    const entry = await daemon.entryWhen(
      "acme-web",
      "the next generation",
      (now) => now.running && now.generation === 2,
    );

    expect(status).toBe(200);
    expect(body).toEqual({
      changed: expect.arrayContaining(["maxWorkers", "startConcurrency", "respawnDelayMs"]) as string[],
      needs_restart: ["startConcurrency"],
      restarting: ["acme-web"],
    });
    const given = await rig.given<{ start: StartWorker }>("acme-web", "given.json");
    expect(given.start.config.file?.values).toMatchObject({ maxWorkers: 4 });
    expect(entry.desired).toBe("running");
  });

  it("reaches a worker too that is just starting, with the settings of before", async () => {
    await configure(JSON.stringify({ maxWorkers: 2 }));
    const daemon = await rig.daemon();
    const adding = add(daemon, "late");
    await until("the start message", () => rig.given("acme-late", "given.json").catch(() => undefined));
    await configure(JSON.stringify({ maxWorkers: 4 }));

    const { body } = await post(daemon, "/api/reload");
    await writeFile(join(rig.home, "acme-late", "go"), "");
    await adding;
    await daemon.entryWhen("acme-late", "the next generation", (now) => now.running && now.generation === 2);

    expect(body["restarting"]).toEqual(["acme-late"]);
    const given = await rig.given<{ start: StartWorker }>("acme-late", "given.json");
    expect(given.start.config.file?.values).toMatchObject({ maxWorkers: 4 });
  });

  it("touches no worker when nothing that concerns them has changed", async () => {
    await configure(JSON.stringify({ respawnDelayMs: 1_000 }));
    const daemon = await rig.daemon();
    await add(daemon, "web");
    await configure(JSON.stringify({ respawnDelayMs: 5, logsBytesMax: 100_000_000 }));

    const first = await post(daemon, "/api/reload");
    const second = await post(daemon, "/api/reload");

    expect(first.body).toEqual({
      changed: expect.arrayContaining(["respawnDelayMs", "logsBytesMax"]) as string[],
      needs_restart: [],
      restarting: [],
    });
    expect(second.body).toEqual({ changed: [], needs_restart: [], restarting: [] });
    expect((await daemon.entry("acme-web")).generation).toBe(1);
  });

  it("of a bad file names every problem and leaves the old settings in use", async () => {
    await configure(JSON.stringify({ maxWorkers: 2 }));
    const daemon = await rig.daemon();
    await configure(JSON.stringify({ maxWorkers: "many", agentDriver: "nobody", colour: 1 }));

    const { status, body } = await post(daemon, "/api/reload");
    await add(daemon, "web");

    expect(status).toBe(422);
    expect(body["code"]).toBe("bad_config");
    for (const name of ["maxWorkers", "agentDriver", "colour"]) expect(body["detail"]).toContain(name);
    const given = await rig.given<{ start: StartWorker }>("acme-web", "given.json");
    expect(given.start.config.file?.values).toEqual({ maxWorkers: 2 });
    expect(daemon.events("daemon.reload-refused")).toHaveLength(1);
  });

  it("that cannot read the GitHub token is refused, and does not end the daemon", async () => {
    const daemon = await rig.daemonProcess();
    await mkdir(join(rig.home, "github-token"));

    process.kill(daemon.pid, "SIGHUP");

    await until("the refusal", () => daemon.output().includes("github-token cannot be read"));
    expect(await ask(daemon.port, { action: "ping" })).toMatchObject({ status: "ok" });
    expect(daemon.output()).not.toContain("daemon.crashed");
  });

  it("comes with SIGHUP too", async () => {
    await configure(JSON.stringify({ maxWorkers: 2 }));
    const daemon = await rig.daemonProcess();
    await configure("{ this is no JSON");
    process.kill(daemon.pid, "SIGHUP");
    await until("the refusal", () => daemon.output().includes("daemon.reload-refused"));
    await configure(JSON.stringify({ maxWorkers: 3 }));

    process.kill(daemon.pid, "SIGHUP");

    await until("the reload", () => daemon.output().includes('"daemon.reloaded"'));
    expect(daemon.child.exitCode).toBeNull();
  });
});

describe("a token that is replaced", () => {
  const NEW = "another-token-that-is-long-enough";
  const asks = async (daemon: RigDaemon, token: string, path = "/api/repos"): Promise<number> => {
    const headers = { authorization: `Bearer ${token}` };
    return (await fetch(`http://127.0.0.1:${daemon.httpPort}${path}`, { headers })).status;
  };
  const textOf = async (name: string): Promise<string> => (await readFile(join(rig.home, name), "utf8")).trim();

  it("opens both doors from the next reload on, the old one nothing, and workers learn it one by one", async () => {
    const daemon = await rig.daemon({ tcpAuth: "token" });
    const old = await textOf("token");
    const path = await rig.checkout("web", "https://github.com/acme/web.git");
    await ask(daemon.port, { action: "add_repo", path, token: old });
    await writeFile(join(rig.home, "token"), `${NEW}\n`);
    const before = [await asks(daemon, old), await asks(daemon, NEW)];

    await daemon.reload();
    const after = [await asks(daemon, old), await asks(daemon, NEW)];
    const overTcp = await ask(daemon.port, { action: "list_repos", token: NEW });
    const refused = await ask(daemon.port, { action: "list_repos", token: old });
    await until("the next generation", async () => {
      const { hashes } = await rig.given<{ hashes: string[] }>("acme-web", "given.json");
      return hashes.includes(hashToken(NEW)) && !hashes.includes(hashToken(old));
    });

    expect([before, after]).toEqual([
      [200, 401],
      [401, 200],
    ]);
    expect([overTcp.status, refused.code]).toEqual(["ok", "unauthorized"]);
    expect(daemon.events("daemon.reloaded")).toMatchObject([{ changed: ["admin token"], restarting: ["acme-web"] }]);
  });

  it("for figures alone concerns no worker", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "web");
    const old = await textOf("metrics-token");
    await writeFile(join(rig.home, "metrics-token"), `${NEW}\n`);

    const { body } = await post(daemon, "/api/reload");

    expect(body).toEqual({ changed: ["metrics token"], needs_restart: [], restarting: [] });
    expect([await asks(daemon, old, "/metrics"), await asks(daemon, NEW, "/metrics")]).toEqual([401, 200]);
    expect(await asks(daemon, NEW)).toBe(401);
  });

  it.each(["token", "metrics-token"])("in a file %s that others can read is refused, with all else", async (name) => {
    await configure(JSON.stringify({ maxWorkers: 2 }));
    const daemon = await rig.daemon();
    const old = await textOf("token");
    await configure(JSON.stringify({ maxWorkers: 4 }));
    await writeFile(join(rig.home, name), `${NEW}\n`);
    await chmod(join(rig.home, name), 0o644);

    await daemon.reload();
    await rm(join(rig.home, name));
    await daemon.reload();

    const told = daemon.events("daemon.reload-refused").map(({ problem }) => problem);
    expect(told).toEqual([
      expect.stringContaining(`chmod 600 ${join(rig.home, name)}`),
      expect.stringContaining(`${join(rig.home, name)} is missing`),
    ]);
    expect(await asks(daemon, old)).toBe(200);
  });
});
