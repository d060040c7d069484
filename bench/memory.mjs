// These figures say what the daemon and an idle worker weigh, and how long a worker takes to be ready.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Daemon, DIST, privateOf, Program, rssOf, WORKER_FLAGS } from "./program.mjs";
import { alternate, ratioRow, valueRow } from "./report.mjs";

/** So long after ready, start-up garbage and the first try at GitHub are over. */
const SETTLE_MS = 3_000;

export async function measureMemory(options) {
  return [...(await daemonMemory(options)), ...(await idleWorker(options))];
}

async function daemonMemory({ workspace, quick, pairs }) {
  const { home } = workspace.home(0);
  const settled = async (program) => {
    try {
      await delay(SETTLE_MS);
      return rssOf(program.pid);
    } finally {
      await program.stop();
    }
  };
  const empty = await alternate(
    pairs,
    () => settled(new Program([join(import.meta.dirname, "limits", "http-server.mjs")], {})),
    () => settled(new Daemon(home, workspace.environment)),
  );
  // The figure lies between two fleets: the first worker makes the daemon touch code and buffers of Node's that all
  // later ones share.
  const [few, many] = quick ? [5, 20] : [20, 100];
  const fleets = [few, many].map((count) => ({ count, home: workspace.home(count).home }));
  const slopes = [];
  for (let pair = 0; pair < (quick ? 1 : pairs); pair += 1) {
    const sizes = [];
    for (const fleet of fleets) {
      const daemon = new Daemon(fleet.home, workspace.environment);
      await daemon.until("repo.ready", fleet.count);
      sizes.push(await settled(daemon));
    }
    slopes.push((sizes[1] - sizes[0]) / (many - few));
  }
  return [
    ratioRow({ figure: "daemon RSS, no repository", against: "bare `http` process", unit: "MiB", atMost: 1.5 }, empty),
    valueRow(
      { figure: `daemon RSS per repository, from ${few} to ${many} running`, unit: "MiB", atMost: 0.06 },
      slopes,
    ),
  ];
}

async function idleWorker({ workspace, pairs }) {
  const home = workspace.home(0).home;
  const worker = workspace.worker(workspace.checkout(), home);
  const ready = { limit: [], candidate: [] };
  const memory = await alternate(
    pairs,
    () => idleProcess([join(import.meta.dirname, "limits", "nothing.cjs")], undefined, ready.limit),
    () => idleProcess([...WORKER_FLAGS, join(DIST, "worker.js")], worker, ready.candidate),
  );
  const times = ready.limit.map((limit, index) => ({ limit, candidate: ready.candidate[index] })).slice(1);
  const against = "a Node process that loads nothing";
  return [
    ratioRow({ figure: "idle worker, private memory", against, unit: "MiB", atMost: 2.2 }, memory),
    ratioRow({ figure: "idle worker, ready time", against, unit: "ms", atMost: 2 }, times),
  ];
}

/** Pushes the ready time; resolves with the private memory of the settled process. */
async function idleProcess(args, worker, times) {
  const startedMs = performance.now();
  const options = worker === undefined ? {} : { cwd: worker.dataRoot, env: worker.environment };
  const child = spawn(process.execPath, args, { ...options, stdio: ["ignore", "ignore", "inherit", "ipc"] });
  await new Promise((resolve) => {
    child.on("message", (message) => {
      if (message.type === "hello") child.send(worker.start);
      if (message === "ready" || message.type === "ready") resolve();
    });
  });
  times.push(performance.now() - startedMs);
  await delay(SETTLE_MS);
  const memory = privateOf(child.pid);
  child.kill("SIGTERM");
  if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  return memory;
}
