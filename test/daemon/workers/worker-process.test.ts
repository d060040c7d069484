import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { closeSync } from "node:fs";

import { afterEach, beforeEach, expect, it } from "vitest";

import { workerPaths } from "../../../src/core/files/paths.ts";
import { childIdentity } from "../../../src/core/processes/process-tree.ts";
import { recordGroup } from "../../../src/core/processes/recorded-group.ts";
import { SPAWN_VARIABLE } from "../../../src/core/messages/worker-message.ts";
import { spawnWorker } from "../../../src/daemon/workers/spawn-worker.ts";
import { WorkerOutput } from "../../../src/daemon/workers/worker-output.ts";
import { WorkerProcess } from "../../../src/daemon/workers/worker-process.ts";
import { fixtureWorker, NEVER, Rig } from "../daemon-rig.ts";

const TIMINGS = { startupMs: 120_000, heartbeatTimeoutMs: 120_000, stopGraceMs: 5_000, drainMs: 0 };

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
});
afterEach(() => rig[Symbol.asyncDispose]());

/** A worker whose predecessor is gone when `cleared` resolves. */
async function launch(
  name: string,
  cleared: Promise<void>,
  onReady: () => void,
  spawnId: string = randomUUID(),
): Promise<WorkerProcess> {
  const dataRoot = `${rig.directory}/${name}`;
  const { output, file } = await WorkerOutput.open(dataRoot);
  const command = { runtime: process.execPath, flags: [], entry: fixtureWorker("good") };
  const environment = { PATH: process.env["PATH"] ?? "", HYDRAFLOW_HOME: dataRoot, [SPAWN_VARIABLE]: spawnId };
  const spawned = spawnWorker(command, { spawnId, environment, directory: dataRoot, output: file });
  closeSync(file);
  return new WorkerProcess({
    spawned,
    output,
    cleared,
    timings: TIMINGS,
    rssBytesMax: () => Number.POSITIVE_INFINITY,
    listener: { onReady, onHeartbeat: () => undefined, onHung: () => undefined },
    start: {
      type: "start",
      nonce: name,
      generation: 1,
      repo: `acme/${name}`,
      slug: `acme-${name}`,
      checkout: rig.directory,
      dataRoot,
      acceptedTokenHashes: [],
      githubToken: null,
      config: { file: null, environment: {}, commandLine: {} },
    },
  });
}

it("is not told to start before its predecessor is gone", async () => {
  const order: string[] = [];
  const gone = Promise.withResolvers<void>();
  const waiting = Promise.withResolvers<void>();
  const other = Promise.withResolvers<void>();
  const worker = await launch("web", gone.promise, () => waiting.resolve(void order.push("web")));
  const later = await launch("shop", Promise.resolve(), () => other.resolve(void order.push("shop")));
  void worker.cleared.then(() => order.push("nothing is left"));

  await other.promise;
  order.push("gone");
  gone.resolve();
  await waiting.promise;
  await Promise.all([worker.stop(5_000, NEVER), later.stop(5_000, NEVER)]);
  await worker.cleared;

  expect(order).toEqual(["shop", "gone", "web", "nothing is left"]);
  expect((await worker.exited).permanent).toBe(false);
});

it("tells of its exit at once, and that nothing is left only when its predecessor is gone too", async () => {
  const gone = Promise.withResolvers<void>();
  const order: string[] = [];
  const worker = await launch("web", gone.promise, () => undefined);
  void worker.cleared.then(() => order.push("nothing is left"));

  process.kill(Number(worker.pid), "SIGKILL");
  const { signal } = await worker.exited;
  order.push("exited");
  const after = await launch("shop", Promise.resolve(), () => undefined);
  await after.stop(0, NEVER);
  await after.cleared;
  order.push("gone");
  gone.resolve();
  await worker.cleared;

  expect(signal).toBe("SIGKILL");
  expect(order).toEqual(["exited", "gone", "nothing is left"]);
});

it("takes along what it has on record as its own, also where nobody could find it otherwise", async () => {
  const child = spawn("/bin/sleep", ["1000"], { detached: true, env: {}, stdio: "ignore" });
  const killed = once(child, "exit");
  const identity = await childIdentity(child);
  if (identity === null) throw new Error("the child lives");
  const worker = await launch("web", Promise.resolve(), () => undefined, "this spawn");
  recordGroup(workerPaths(`${rig.directory}/web`).groups, identity, { [SPAWN_VARIABLE]: "this spawn" });

  process.kill(Number(worker.pid), "SIGKILL");
  await worker.cleared;

  expect(await killed).toEqual([null, expect.stringMatching(/^SIG(?:TERM|KILL)$/)]);
});
