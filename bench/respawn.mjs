// A worker is killed with SIGKILL, and timed until its replacement exists, and until that is ready; beside it a minimal
// supervisor in Node with the same bundle. Backoff is 0 here: the figures are about the machinery, not the wait.

import { mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { childrenOf, Daemon, DIST, Program, WORKER_FLAGS } from "./program.mjs";
import { alternate, ratioRow } from "./report.mjs";

const COUNT = 10;
const SETTLE_MS = 2_000;
const MORE = 4;
/** A preforked process that has just come up is not at rest yet. */
const PREFORK_SETTLE_MS = 300;

export async function measureRespawn({ workspace, pairs }) {
  const { home } = workspace.home(COUNT);
  const daemon = new Daemon(home, workspace.environment);
  await daemon.until("repo.ready", COUNT);
  const limit = minimalSupervisor(workspace);
  try {
    await limit.until("repo.ready", COUNT);
    await delay(SETTLE_MS);
    const ready = { limit: [], candidate: [] };
    const exists = await alternate(
      pairs * MORE,
      () => killOne(limit, ready.limit),
      () => killOne(daemon, ready.candidate),
    );
    const times = ready.limit.map((value, index) => ({ limit: value, candidate: ready.candidate[index] })).slice(1);
    const against = "minimal Node supervisor";
    return [
      ratioRow({ figure: "kill −9 of a worker: replacement exists", against, unit: "ms", atMost: 1.2 }, exists),
      ratioRow({ figure: "kill −9 of a worker: replacement ready", against, unit: "ms", atMost: 1.1 }, times),
      await withPrefork(workspace, limit, pairs * MORE),
    ];
  } finally {
    await daemon.stop();
    await limit.stop();
  }
}

/** The minimal supervisor has no prefork: what is compared is a warm start with a cold one. */
async function withPrefork(workspace, limit, pairs) {
  const { home } = workspace.home(COUNT);
  const daemon = new Daemon(home, { ...workspace.environment, HYDRAFLOW_WARM_SPARE: "true" });
  let waitingPid;
  daemon.onLine((line) => {
    if (line.msg === "spare.ready") waitingPid = line.pid;
  });
  try {
    let preforked = daemon.until("spare.ready");
    await daemon.until("repo.ready", COUNT);
    const ready = await alternate(
      pairs,
      () => readyAfterKill(limit),
      async () => {
        await preforked;
        await delay(PREFORK_SETTLE_MS);
        const victims = childrenOf(daemon.pid).filter((pid) => pid !== waitingPid);
        preforked = daemon.until("spare.ready");
        // The last one need not come any more.
        preforked.catch(() => undefined);
        return readyAfterKill(daemon, victims);
      },
    );
    const figure = "kill −9 of a worker: replacement ready, with a preforked worker";
    return ratioRow({ figure, against: "minimal Node supervisor, cold", unit: "ms", atMost: 0.35 }, ready);
  } finally {
    await daemon.stop();
  }
}

function minimalSupervisor(workspace) {
  const directory = mkdtempSync(join(workspace.directory, "minimal-"));
  const workers = Array.from({ length: COUNT }, () => workspace.worker(workspace.checkout(), directory));
  const file = join(directory, "workers.json");
  const worker = { runtime: process.execPath, flags: WORKER_FLAGS, entry: join(DIST, "worker.js"), workers };
  writeFileSync(file, JSON.stringify(worker));
  return new Program([join(import.meta.dirname, "limits", "supervisor.mjs")], {
    env: { ...workspace.environment, BENCH_WORKERS: file },
  });
}

/** Pushes the time until ready; resolves with the time until the new process exists. */
async function killOne(program, times) {
  const before = new Set(childrenOf(program.pid));
  const victim = [...before][0];
  const ready = program.until("repo.ready");
  const killedMs = performance.now();
  process.kill(victim, "SIGKILL");
  // The loop watches without pause: a timer would add a millisecond to a figure of few.
  while (!childrenOf(program.pid).some((pid) => !before.has(pid))) await new Promise(setImmediate);
  const existsMs = performance.now() - killedMs;
  times.push((await ready) - killedMs);
  await delay(200);
  return existsMs;
}

async function readyAfterKill(program, victims = childrenOf(program.pid)) {
  const ready = program.until("repo.ready");
  const killedMs = performance.now();
  process.kill(victims[0], "SIGKILL");
  const readyMs = (await ready) - killedMs;
  await delay(200);
  return readyMs;
}
