import { appendFile, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { add, ended, type Given, isAlive, QUICK, Rig, slugs, TIMINGS, until } from "./daemon-rig.ts";

/** Enough that a start which does not wait is mostly caught. */
const CRASHES = 5;

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function spawns(slug: string): Promise<number[]> {
  return (await readFile(join(rig.home, slug, "spawns.txt"), "utf8")).trim().split("\n").map(Number);
}

describe("what a worker is given", () => {
  it("is no token that stands in a file, which the worker reads itself, and proxies with a password over IPC", async () => {
    await mkdir(rig.home, { recursive: true });
    await writeFile(join(rig.home, "github-token"), "ghp_secretsecretsecret", { mode: 0o600 });
    const proxies = { HTTPS_PROXY: "http://user:password@proxy.test:1", HTTP_PROXY: "http://proxy.test:1" };
    const daemon = await rig.daemon({}, { environment: { PATH: process.env["PATH"], ...proxies } });

    await add(daemon, "web");
    const given = await rig.given<Given>("acme-web", "given.json");

    expect(given.secrets.githubToken).toBe(false);
    expect(given.environment["HTTP_PROXY"]).toBe(proxies.HTTP_PROXY);
    expect(given.environment).not.toHaveProperty("HTTPS_PROXY");
    expect(given.start.secretProxies).toEqual({ HTTPS_PROXY: proxies.HTTPS_PROXY });
  });

  it("is an allow-list, marks, settings over IPC, and no secret in environment or arguments", async () => {
    await mkdir(rig.home, { recursive: true });
    await writeFile(
      join(rig.home, "config.json"),
      JSON.stringify({ agentEnvironment: ["MODEL_KEY"], pollIntervalMs: 5_000 }),
    );
    const environment = {
      PATH: process.env["PATH"],
      ...{ HOME: "/home/x", GITHUB_TOKEN: "ghp_secretsecretsecret", MODEL_KEY: "k", HYDRAFLOW_MAX_WORKERS: "3" },
      ...{ HYDRAFLOW_HOME: "/wrong", NODE_OPTIONS: "--max-old-space-size=300", GIT_DIR: "/wrong", AWS_SECRET: "x" },
    };
    const daemon = await rig.daemon({}, { environment });

    await add(daemon, "web");
    const given = await rig.given<Given>("acme-web", "given.json");

    expect(Object.keys(given.environment).toSorted()).toEqual([
      "HOME",
      "HYDRAFLOW_BIRTH",
      "HYDRAFLOW_HOME",
      "HYDRAFLOW_TREE",
      "MODEL_KEY",
      "PATH",
    ]);
    expect(given.environment["HYDRAFLOW_HOME"]).toBe(join(rig.home, "acme-web"));
    expect(given.arguments).toEqual([]);
    expect(given.secrets).toEqual({ githubToken: true, hashes: 2, nonce: 43 });
    expect(given.start.config).toEqual({
      file: {
        source: join(rig.home, "config.json"),
        values: { agentEnvironment: ["MODEL_KEY"], pollIntervalMs: 5_000 },
      },
      environment: { HYDRAFLOW_MAX_WORKERS: "3" },
      commandLine: { tcpPort: 0, httpPort: 0, tcpAuth: "none" },
    });
  });

  it("has a bounded file for what it prints", async () => {
    const file = await rig.file("home/acme-web/logs/worker.stderr.log", "");
    await appendFile(file, "x".repeat(2_000_000));
    const daemon = await rig.daemon();

    await add(daemon, "web");

    expect((await stat(file)).size).toBeLessThan(1_000_000);
  });
});

describe("a worker that ends by itself", () => {
  it("is replaced after kill -9, with a new generation", async () => {
    const daemon = await rig.daemon(QUICK);
    await add(daemon, "web");
    const before = await daemon.entry("acme-web");

    process.kill(Number(before.pid), "SIGKILL");
    const after = await daemon.entryWhen(
      "acme-web",
      "a second worker",
      (entry) => entry.state === "running" && entry.generation === 2,
    );

    expect(after).toMatchObject({
      restarts: 1,
      last_exit: { code: null, signal: "SIGKILL", reason: "killed by SIGKILL" },
    });
    expect(after.pid).not.toBe(before.pid);
    expect(daemon.events("repo.exited")[0]).toMatchObject({ repo: "acme-web", generation: 1, signal: "SIGKILL" });
  });

  it("without a word is known by the last lines of its log", async () => {
    const daemon = await rig.daemon(QUICK);
    await add(daemon, "web");
    const lines = Array.from({ length: 25 }, (_, index) => JSON.stringify({ ts: new Date().toISOString(), index }));
    const log = join(rig.home, "acme-web", "logs", "worker.log");
    await writeFile(log, ['{"ts":"2020-01-01T00:00:00.000Z","msg":"of an earlier worker"}', ...lines, ""].join("\n"));

    process.kill(Number((await daemon.entry("acme-web")).pid), "SIGKILL");
    const after = await daemon.entryWhen("acme-web", "its exit", (entry) => entry.last_exit !== null);

    expect(after.last_exit?.last_lines).toEqual(lines.slice(-20));
  });

  it.runIf(process.platform === "linux")("is told to start only when nothing is left of the one before", async () => {
    const daemon = await rig.daemon({ ...QUICK, respawnCountMax: 100 });
    await add(daemon, "litters");

    for (let generation = 1; generation <= CRASHES; generation += 1) {
      const { pid } = await daemon.entryWhen(
        "acme-litters",
        `worker ${generation}`,
        (entry) => entry.running && entry.generation === generation,
      );
      process.kill(Number(pid), "SIGKILL");
    }
    await daemon.entryWhen("acme-litters", "the last worker", (entry) => entry.running && entry.generation > CRASHES);

    const met = await readFile(join(rig.home, "acme-litters", "met.txt"), "utf8");
    expect(met).toBe("[]\n".repeat(CRASHES + 1));
  });

  it("does not touch the others", async () => {
    const daemon = await rig.daemon(QUICK);
    await add(daemon, "web");
    await add(daemon, "shop");
    const other = await daemon.entryWhen("acme-shop", "a heartbeat", ({ notice }) => notice !== null);

    process.kill(Number((await daemon.entry("acme-web")).pid), "SIGKILL");
    await daemon.entryWhen(
      "acme-web",
      "a second worker",
      (entry) => entry.state === "running" && entry.generation === 2,
    );

    expect(await daemon.entry("acme-shop")).toEqual(other);
  });

  it("again and again is quarantined with the reason, over a restart of the daemon too, until it is started", async () => {
    const settings = { ...QUICK, respawnCountMax: 3 };
    const daemon = await rig.daemon(settings);
    await add(daemon, "crashes-later");
    const quarantined = await daemon.entryWhen(
      "acme-crashes-later",
      "quarantine",
      (entry) => entry.state === "quarantined",
    );
    await until("the quarantine on disk", async () => JSON.stringify(await rig.state()).includes("3 crashes within"));
    await daemon[Symbol.asyncDispose]();

    const next = await rig.daemon(settings);
    const kept = await next.entry("acme-crashes-later");
    await next.ask({ action: "start_repo", slug: "acme-crashes-later" });
    const lifted = await next.entry("acme-crashes-later");

    expect(quarantined).toMatchObject({
      running: false,
      pid: null,
      port: 0,
      generation: 3,
      quarantines: 1,
      desired: "running",
    });
    expect(quarantined.last_exit?.reason).toContain("the fixture fails later");
    expect(kept).toMatchObject({
      state: "quarantined",
      last_exit: {
        code: quarantined.last_exit?.code,
        reason: expect.stringContaining("the fixture fails later") as string,
        last_lines: expect.arrayContaining([expect.stringContaining("the fixture fails later")]) as string[],
      },
    });
    expect(lifted.generation).toBeGreaterThan(0);
    expect(daemon.events("repo.backing-off").map(({ crashes }) => crashes)).toEqual([1, 2]);
  });

  it.each([
    ["silent", "silent for 0.4 s", 400],
    ["floods", "messages a second", TIMINGS.heartbeatTimeoutMs],
    ["greedy", "it uses 1908 MiB of memory, more than the 1024 MiB it may", TIMINGS.heartbeatTimeoutMs],
  ])("is replaced when it is of the kind %s", async (name, reason, heartbeatTimeoutMs) => {
    const daemon = await rig.daemon(QUICK, { timings: { ...TIMINGS, heartbeatTimeoutMs } });
    await add(daemon, name);
    const { pid } = await until(
      "the first exit",
      () => daemon.events("repo.exited")[0] && daemon.events("repo.ready")[0],
    );

    await ended(Number(pid));
    expect(daemon.events("repo.exited")[0]).toMatchObject({ reason: expect.stringContaining(reason) as string });
    await until("a second worker", () => daemon.events("repo.ready").length > 1);
  });
});

describe("stopping", () => {
  it("kills a worker that ignores it, with its group and what left the group", async () => {
    const daemon = await rig.daemon({}, { timings: TIMINGS });
    await add(daemon, "stubborn");
    const pids = await rig.given<number[]>("acme-stubborn", "pids.json");

    const reply = await daemon.ask({ action: "stop_repo", slug: "acme-stubborn" });

    expect(reply).toMatchObject({ status: "ok", state: "stopped", running: false, pid: null, desired: "stopped" });
    for (const pid of pids) await ended(pid);
  });

  it("holds over a restart of the daemon, until it is started again", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "web");
    await add(daemon, "shop");
    await daemon.ask({ action: "stop_repo", slug: "acme-web" });
    await daemon[Symbol.asyncDispose]();

    const next = await rig.daemon();
    await next.entryWhen("acme-shop", "running", (entry) => entry.running);
    const stopped = await next.entry("acme-web");
    const started = await next.ask({ action: "start_repo", slug: "acme-web" });

    expect(stopped).toMatchObject({ state: "stopped", desired: "stopped", generation: 0 });
    expect(started).toMatchObject({ status: "ok", state: "running", desired: "running" });
    expect(await spawns("acme-web")).toHaveLength(2);
  });

  it("comes through while the worker is still starting", async () => {
    const daemon = await rig.daemon({}, { timings: { ...TIMINGS, startupMs: 60_000 } });
    const adding = add(daemon, "never-ready");
    await daemon.entryWhen("acme-never-ready", "a process", (entry) => typeof entry.pid === "number");

    const stopped = await daemon.ask({ action: "stop_repo", slug: "acme-never-ready" });

    expect(stopped).toMatchObject({ state: "stopped", desired: "stopped" });
    expect(await adding).toMatchObject({ status: "error", code: "worker_failed" });
  });

  it("and restarting give a new generation, one worker at a time", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "web");
    const first = await daemon.entry("acme-web");

    const restarted = await daemon.ask({ action: "restart_repo", slug: "acme-web" });

    expect(restarted).toMatchObject({ status: "ok", state: "running", generation: 2 });
    expect(await isAlive(Number(first.pid))).toBe(false);
    expect(await spawns("acme-web")).toHaveLength(2);
  });
});

describe("removing", () => {
  it("stops the worker, forgets the entry and keeps the data", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "web");
    const { pid } = await daemon.entry("acme-web");

    expect(await daemon.ask({ action: "remove_repo", path: join(rig.directory, "web") })).toEqual({
      status: "ok",
      slug: "acme-web",
    });

    expect(await isAlive(Number(pid))).toBe(false);
    expect(await slugs(daemon)).toEqual([]);
    expect(await spawns("acme-web")).toHaveLength(1);
    expect(await add(daemon, "web")).toMatchObject({ status: "ok", slug: "acme-web", started: true });
  });

  it("is refused while issues are in work, unless it is forced", async () => {
    const daemon = await rig.daemon();
    await add(daemon, "busy");

    await daemon.entryWhen("acme-busy", "a heartbeat", ({ notice }) => notice !== null);
    const refused = await daemon.ask({ action: "remove_repo", slug: "acme-busy" });
    const entry = await daemon.entry("acme-busy");
    const forced = await daemon.ask({ action: "remove_repo", slug: "acme-busy", force: true });

    expect([refused.code, entry.running, forced.status]).toEqual(["busy", true, "ok"]);
    expect(refused.error).toContain("#7 (implement)");
  });

  it("never takes another repository for the one that was meant", async () => {
    const daemon = await rig.daemon();
    await daemon.ask({ action: "register_repo", path: await rig.checkout("one/web", "https://github.com/acme/web") });
    await daemon.ask({ action: "register_repo", path: await rig.checkout("two/web", "https://github.com/other/web") });

    const mismatch = await daemon.ask({
      action: "remove_repo",
      slug: "acme-web",
      path: join(rig.directory, "two/web"),
    });
    const byDirectory = await daemon.ask({ action: "remove_repo", slug: "web" });

    expect([mismatch.code, byDirectory.code]).toEqual(["not_found", "not_found"]);
    expect(await slugs(daemon)).toEqual(["acme-web", "other-web"]);
  });
});
