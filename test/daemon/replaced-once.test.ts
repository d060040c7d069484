// A worker that stands still, takes too much memory or is never ready is replaced by one other, with the reason.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { WorkerTimings } from "../../src/daemon/workers/worker-process.ts";
import { Rig, type RigDaemon } from "./daemon-rig.ts";

interface Trouble {
  readonly name: string;
  readonly reason: string;
  readonly timings: Partial<WorkerTimings>;
  readonly make: (daemon: RigDaemon) => Promise<unknown>;
}

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

async function standStill(daemon: RigDaemon): Promise<void> {
  const { pid } = await daemon.entryWhen("acme-web", "running", ({ running }) => running);
  process.kill(Number(pid), "SIGSTOP");
}

async function letTheNextOneBeReady(daemon: RigDaemon): Promise<void> {
  await daemon.entryWhen("acme-late", "its deadline", (entry) => entry.last_exit !== null);
  await writeFile(join(rig.home, "acme-late", "go"), "");
}

test.each<Trouble>([
  { name: "web", reason: "silent for 2 s", timings: { heartbeatTimeoutMs: 2_000 }, make: standStill },
  { name: "greedy", reason: "it uses 1908 MiB of memory", timings: {}, make: () => Promise.resolve() },
  { name: "late", reason: "not ready within 2 s", timings: { startupMs: 2_000 }, make: letTheNextOneBeReady },
])("the worker of $name is replaced by one other, with the reason $reason", async ({ name, reason, timings, make }) => {
  const daemon = await rig.daemon({ respawnDelayMs: 20, respawnDelayMaxMs: 40 }, { timings });
  const slug = `acme-${name}`;
  await daemon.ask({ action: "register_repo", path: await rig.checkout(name, `https://github.com/acme/${name}.git`) });
  void daemon.ask({ action: "start_repo", slug });
  await make(daemon);

  const next = await daemon.entryWhen(slug, "the next one", (entry) => entry.running && entry.generation > 1);

  const spawns = (await readFile(join(rig.home, slug, "spawns.txt"), "utf8")).trim().split("\n");
  expect(next).toMatchObject({ restarts: next.generation - 1, pid: Number(spawns.at(-1)) });
  expect(spawns).toHaveLength(next.generation);
  expect(next.last_exit?.reason).toContain(reason);
  expect(daemon.events("repo.hung")).toHaveLength(next.generation - 1);
});
