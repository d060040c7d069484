// A boot restore is timed from the start of the supervisor until every worker of a fleet is ready, beside a shell that
// starts the same bundle as often, and beside PM2 and supervisord restoring it.

import { setTimeout as delay } from "node:timers/promises";
import { Supervisord } from "./peers/supervisord.mjs";
import { Pm2 } from "./peers/pm2.mjs";
import { Daemon } from "./program.mjs";
import { Raw } from "./raw.mjs";
import { alternate, ratioRow } from "./report.mjs";

/** The kernel works off the ends of some hundred processes in this time. */
const SETTLE_MS = 500;

export async function measureBoot(options) {
  const count = options.quick ? 20 : 100;
  const { boots, first } = await restore(options, count);
  return [rowOf(boots, count), await firstReady(options.workspace, first, count)];
}

export async function measureLargeBoot(options) {
  const count = options.quick ? 40 : 200;
  return [rowOf((await restore(options, count)).boots, count)];
}

async function restore({ workspace, pairs }, count) {
  const { home, checkouts } = workspace.home(count);
  const raw = new Raw(workspace, checkouts);
  const first = [];
  const boots = await alternate(
    pairs,
    async () => (await raw.start()).allMs,
    async () => {
      const { allMs, firstMs } = await bootDaemon(home, workspace, count);
      first.push(firstMs);
      return allMs;
    },
  );
  return { boots, first: first.slice(1) };
}

function rowOf(boots, count) {
  const against = "a shell starting the same bundle";
  return ratioRow({ figure: `boot restore of ${count}, all ready`, against, unit: "ms", atMost: 1.1 }, boots);
}

/** `first` holds the times measured during the boots above; its limit runs here, one worker alone. */
async function firstReady(workspace, first, count) {
  const raw = new Raw(workspace, [workspace.checkout()]);
  const pairs = [];
  await raw.start();
  for (const candidate of first) pairs.push({ limit: (await raw.start()).allMs, candidate });
  const against = "one worker's own ready time";
  return ratioRow({ figure: `first worker ready, ${count} to start`, against, unit: "ms", atMost: 5 }, pairs);
}

export async function measurePeers({ workspace, quick, pairs, note }) {
  const rows = [];
  const count = quick ? 20 : 100;
  for (const Peer of [Pm2, Supervisord]) {
    const { home, checkouts } = workspace.home(count);
    const peer = await Peer.fetch(workspace, checkouts);
    if (typeof peer === "string") {
      note(`skipped: ${peer}`);
      continue;
    }
    const boots = await alternate(
      pairs,
      () => peer.restore(),
      async () => (await bootDaemon(home, workspace, count)).allMs,
    );
    const figure = `boot restore of ${count}, all ready`;
    rows.push(ratioRow({ figure, against: peer.name, unit: "ms", ...peer.goal }, boots));
  }
  return rows;
}

async function bootDaemon(home, workspace, count) {
  const daemon = new Daemon(home, workspace.environment);
  const first = daemon.until("repo.ready", 1);
  const all = daemon.until("repo.ready", count);
  try {
    const firstMs = (await first) - daemon.startedMs;
    const allMs = (await all) - daemon.startedMs;
    return { firstMs, allMs };
  } finally {
    await daemon.stop();
    await delay(SETTLE_MS);
  }
}
