// The operator's stop is kept by everything that could start a worker by itself.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { decodeDocument, encodeDocument } from "../../src/daemon/registry/registry-document.ts";
import { Rig, type RigDaemon, until } from "./daemon-rig.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function register(daemon: RigDaemon, name: string) {
  const path = await rig.checkout(name, `https://github.com/acme/${name}.git`);
  return daemon.ask({ action: "register_repo", path });
}

async function spawns(slug: string): Promise<number> {
  const text = await readFile(join(rig.home, slug, "spawns.txt"), "utf8").catch(() => "");
  return text.split("\n").length - 1;
}

/** As another program might have left it: nothing is written over it. */
function newerThan(text: string): string {
  const read = decodeDocument(text);
  if (!read.ok) throw new Error(read.failure.kind);
  return encodeDocument({ ...read.value, repos: [], revision: 1_000 });
}

/** Whatever was due at the daemon's start or soon after has happened when a worker that came later is up. */
async function startAnother(daemon: RigDaemon): Promise<void> {
  await register(daemon, "other");
  expect(await daemon.ask({ action: "start_repo", slug: "acme-other" })).toMatchObject({ state: "running" });
}

describe("a stopped repository", () => {
  it("stays stopped although its quarantine, saved at the same moment, is over", async () => {
    const first = await rig.daemon();
    await register(first, "web");
    await first[Symbol.asyncDispose]();
    const file = join(rig.home, "supervisor-state.json");
    const read = decodeDocument(await readFile(file, "utf8"));
    if (!read.ok) throw new Error(read.failure.kind);
    const [web] = read.value.repos;
    if (web === undefined) throw new Error("it is registered");
    const quarantine = { reason: "5 crashes", at: "2020-01-01T00:00:00.000Z", isFinal: false, exit: null };
    await writeFile(file, encodeDocument({ ...read.value, repos: [{ ...web, desired: "stopped", quarantine }] }));

    const second = await rig.daemon();
    await startAnother(second);

    expect(await second.entry("acme-web")).toMatchObject({ state: "stopped", desired: "stopped", generation: 0 });
    expect(await spawns("acme-web")).toBe(0);
  });

  it("stays stopped when it was stopped in the pause before its next start", async () => {
    const daemon = await rig.daemon({ respawnDelayMs: 3_000, respawnDelayMaxMs: 3_000 });
    await register(daemon, "exits-at-once");
    void daemon.ask({ action: "start_repo", slug: "acme-exits-at-once" });
    await daemon.entryWhen("acme-exits-at-once", "its pause", ({ state }) => state === "backing-off");

    const stopped = await daemon.ask({ action: "stop_repo", slug: "acme-exits-at-once" });
    const { generation } = await daemon.entry("acme-exits-at-once");
    await register(daemon, "crashes-later");
    await daemon.ask({ action: "start_repo", slug: "acme-crashes-later" });
    await daemon.entryWhen("acme-crashes-later", "a pause of its own, and what follows", (now) => now.generation > 1);

    expect(stopped).toMatchObject({ state: "stopped", desired: "stopped" });
    expect(await daemon.entry("acme-exits-at-once")).toMatchObject({ state: "stopped", generation });
  });

  it("stays stopped over a reload and a drain that is taken back", async () => {
    await mkdir(rig.home, { recursive: true, mode: 0o700 });
    const config = join(rig.home, "config.json");
    await writeFile(config, JSON.stringify({ maxWorkers: 2 }));
    const daemon = await rig.daemon();
    await register(daemon, "web");
    await daemon.ask({ action: "start_repo", slug: "acme-web" });
    await daemon.ask({ action: "stop_repo", slug: "acme-web" });
    await writeFile(config, JSON.stringify({ maxWorkers: 3 }));
    const token = (await readFile(join(rig.home, "token"), "utf8")).trim();

    const headers = { authorization: `Bearer ${token}` };
    const reloaded = await fetch(`http://127.0.0.1:${daemon.httpPort}/api/reload`, { method: "POST", headers });
    await daemon.ask({ action: "drain", timeout_s: 60 });
    await daemon.ask({ action: "undrain" });
    await startAnother(daemon);

    expect(await reloaded.json()).toMatchObject({ changed: ["maxWorkers"], restarting: [] });
    expect(await daemon.entry("acme-web")).toMatchObject({ state: "stopped", generation: 1 });
    expect(await spawns("acme-web")).toBe(1);
  });
});

describe("a quarantine", () => {
  it("that the disk did not take is saved as soon as it does, and holds over a restart of the daemon", async () => {
    const settings = { respawnCountMax: 1 };
    const first = await rig.daemon(settings);
    await register(first, "web");
    await first.ask({ action: "start_repo", slug: "acme-web" });
    const file = join(rig.home, "supervisor-state.json");
    const ours = await readFile(file, "utf8");
    await writeFile(file, newerThan(ours));
    process.kill(Number((await first.entry("acme-web")).pid), "SIGKILL");
    await first.entryWhen("acme-web", "quarantine", ({ state }) => state === "quarantined");
    await until("the failed write", () => first.events("registry.write-failed")[0]);
    await writeFile(file, ours);

    await until("the quarantine on disk", async () => (await readFile(file, "utf8")).includes("crashes within"));
    await first[Symbol.asyncDispose]();
    const second = await rig.daemon(settings);

    expect(await second.entry("acme-web")).toMatchObject({ state: "quarantined", generation: 0 });
  });
});

describe("removing", () => {
  it("is refused while the worker does not say what it has in flight", async () => {
    const daemon = await rig.daemon();
    await register(daemon, "silent");
    await daemon.ask({ action: "start_repo", slug: "acme-silent" });

    const refused = await daemon.ask({ action: "remove_repo", slug: "acme-silent" });
    const forced = await daemon.ask({ action: "remove_repo", slug: "acme-silent", force: true });

    expect(refused).toMatchObject({ code: "busy", error: expect.stringContaining("does not say") as string });
    expect(forced.status).toBe("ok");
  });

  it("that could not be written down does not keep the worker from new issues later", async () => {
    const daemon = await rig.daemon();
    await register(daemon, "web");
    const file = join(rig.home, "supervisor-state.json");
    const ours = await readFile(file, "utf8");
    await writeFile(file, newerThan(ours));

    const refused = await daemon.ask({ action: "remove_repo", slug: "acme-web" });
    await writeFile(file, ours);
    await daemon.ask({ action: "start_repo", slug: "acme-web" });
    await daemon.ask({ action: "drain", timeout_s: 60 });

    expect(refused).toMatchObject({ code: "storage_failed" });
    expect(await readFile(join(rig.home, "acme-web", "told.txt"), "utf8")).toBe("drain\n");
  });
});
