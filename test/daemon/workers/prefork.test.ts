import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { findMarked } from "../../../src/core/processes/process-tree.ts";
import { treeMarkOf } from "../../../src/core/processes/tree-mark.ts";
import { TREE_VARIABLE } from "../../../src/core/messages/worker-message.ts";
import { add, ended, isAlive, QUICK, Rig, type RigDaemon, until } from "../daemon-rig.ts";

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

/** The pid of the nth process. */
async function preforked(daemon: RigDaemon, nth = 1): Promise<number> {
  const ready = await until(`preforked process ${nth}`, () => daemon.events("spare.ready")[nth - 1]);
  return Number(ready["pid"]);
}

async function configure(settings: object): Promise<void> {
  await mkdir(rig.home, { recursive: true, mode: 0o700 });
  await writeFile(join(rig.home, "config.json"), JSON.stringify(settings));
}

async function reload(daemon: RigDaemon): Promise<void> {
  const token = (await readFile(join(rig.home, "token"), "utf8")).trim();
  const headers = { authorization: `Bearer ${token}` };
  const { status } = await fetch(`http://127.0.0.1:${daemon.httpPort}/api/reload`, { method: "POST", headers });
  expect(status).toBe(200);
}

describe("a preforked worker", () => {
  it("becomes the worker that is needed next, and the next one is spawned behind it", async () => {
    const daemon = await rig.daemon({ ...QUICK, warmSpare: true });
    const first = await preforked(daemon);

    const { repos } = await daemon.ask({ action: "list_repos" });
    await add(daemon, "web");
    const added = await daemon.entry("acme-web");
    const second = await preforked(daemon, 2);
    process.kill(first, "SIGKILL");
    const after = await daemon.entryWhen(
      "acme-web",
      "a second worker",
      (entry) => entry.running && entry.generation === 2,
    );

    expect(repos).toEqual([]);
    expect([added.pid, after.pid]).toEqual([first, second]);
    expect(await readFile(join(rig.home, "acme-web", "spawns.txt"), "utf8")).toBe(`${first}\n${second}\n`);
    expect(await preforked(daemon, 3)).not.toBe(second);
  });

  it("prints into the repository's file once it serves it, and what was there before is kept", async () => {
    const daemon = await rig.daemon({ ...QUICK, warmSpare: true });
    await rig.file("home/acme-crashes-later/logs/worker.stderr.log", "of an earlier worker\n");
    await preforked(daemon);

    await add(daemon, "crashes-later");
    const exited = await until("the crash", () => daemon.events("repo.exited")[0]);
    const logs = join(rig.home, "acme-crashes-later", "logs");

    expect(exited["reason"]).toContain("the fixture fails later");
    expect(await readFile(join(logs, "worker.stderr.log"), "utf8")).toContain("the fixture fails later");
    expect(await readFile(join(logs, "worker.stderr.previous.log"), "utf8")).toBe("of an earlier worker\n");
  });

  it("that has died is logged, and a worker is spawned without it", async () => {
    const daemon = await rig.daemon({ warmSpare: true });
    const pid = await preforked(daemon);

    process.kill(pid, "SIGKILL");
    const lost = await until("the loss", () => daemon.events("spare.lost")[0]);
    const added = await add(daemon, "web");

    expect(lost["problem"]).toBe("killed by SIGKILL");
    expect(added).toMatchObject({ status: "ok", started: true });
    expect((await daemon.entry("acme-web")).pid).not.toBe(pid);
  });

  it("follows a reload: a new one with the new settings, or none", async () => {
    await configure({ warmSpare: true });
    const environment = { PATH: process.env["PATH"], MODEL_KEY: "k" };
    const daemon = await rig.daemon({}, { environment });
    const first = await preforked(daemon);

    await configure({ warmSpare: true, agentEnvironment: ["MODEL_KEY"] });
    await reload(daemon);
    const second = await preforked(daemon, 2);
    await add(daemon, "web");
    const given = await rig.given<{ environment: Record<string, string> }>("acme-web", "given.json");
    const third = await preforked(daemon, 3);
    await configure({ warmSpare: false, agentEnvironment: ["MODEL_KEY"] });
    await reload(daemon);

    await ended(first);
    expect((await daemon.entry("acme-web")).pid).toBe(second);
    expect(given.environment["MODEL_KEY"]).toBe("k");
    await ended(third);
  });

  it("is not there unless it was asked for", async () => {
    const daemon = await rig.daemon(QUICK);
    await add(daemon, "web");
    const { pid } = await daemon.entry("acme-web");

    process.kill(Number(pid), "SIGKILL");
    await daemon.entryWhen("acme-web", "a second worker", (entry) => entry.running && entry.generation === 2);

    expect(daemon.events("spare.ready")).toEqual([]);
  });

  it("ends with its daemon, also with one that is killed", async () => {
    const daemon = await rig.daemon({ warmSpare: true });
    const stopped = await preforked(daemon);
    await daemon[Symbol.asyncDispose]();
    const aliveAfterStop = await isAlive(stopped);
    const { child, exited, output } = await rig.daemonProcess({ warmSpare: true });
    await until("its preforked process", () => output().includes('"spare.ready"'));
    const marked = (): Promise<number[]> => findMarked(TREE_VARIABLE, treeMarkOf(rig.home));
    const before = await marked();

    child.kill("SIGKILL");
    await exited;

    expect(aliveAfterStop).toBe(false);
    expect(before).toHaveLength(1);
    await until("the end of its preforked process", async () => (await marked()).length === 0);
  });
});
