// `ping` is measured while the daemon is busy: clients ask at a steady rate, first at rest, then while 20 repositories
// are added and their workers start, which takes every core. The clients run in this process, which has the same load
// beside it both times.

import { once } from "node:events";
import { createConnection } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Daemon } from "./program.mjs";
import { percentile, ratioRow } from "./report.mjs";

const ADDED = 20;
const CLIENTS = 5;
/** This stays below the door's limit of requests a second. */
const INTERVAL_MS = 11;
const REST_MS = 2_000;

export async function measurePing({ workspace, pairs }) {
  const { home } = workspace.home(0);
  const daemon = await Daemon.start(home, workspace.environment);
  try {
    const measured = [];
    for (let index = 0; index < pairs; index += 1) {
      const limit = percentile(await pingDuring(daemon, () => delay(REST_MS)), 0.99);
      const checkouts = Array.from({ length: ADDED }, () => workspace.checkout());
      const times = await pingDuring(daemon, async () => {
        const replies = await Promise.all(checkouts.map(({ path }) => daemon.ask({ action: "add_repo", path })));
        if (replies.some(({ status }) => status !== "ok")) throw new Error(JSON.stringify(replies));
      });
      measured.push({ limit, candidate: percentile(times, 0.99) });
      await Promise.all(checkouts.map(({ slug }) => daemon.ask({ action: "remove_repo", slug })));
      await delay(REST_MS);
    }
    const figure = `\`ping\` p99 while ${ADDED} repositories are being added`;
    return [ratioRow({ figure, against: "`ping` p99 at rest", unit: "ms", atMost: 3 }, measured)];
  } finally {
    await daemon.stop();
  }
}

async function pingDuring(daemon, work) {
  const times = [];
  const over = new AbortController();
  const clients = Array.from({ length: CLIENTS }, () => pingUntil(daemon.state.port, over.signal, times));
  await work();
  over.abort();
  await Promise.all(clients);
  return times;
}

async function pingUntil(port, signal, times) {
  const socket = createConnection({ port, host: "127.0.0.1", noDelay: true });
  while (!signal.aborted) {
    const sentMs = performance.now();
    socket.write('{"action":"ping"}\n');
    await once(socket, "data");
    times.push(performance.now() - sentMs);
    await delay(INTERVAL_MS);
  }
  socket.destroy();
}
