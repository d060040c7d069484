// Boot restore: from the start of the supervisor until every worker of a fleet is ready, beside a shell that starts the
// same bundle as often, and beside PM2 and supervisord restoring it.

import { setTimeout as delay } from "node:timers/promises";
import { Supervisord } from "./peers/supervisord.mjs";
import { Pm2 } from "./peers/pm2.mjs";
import { Daemon } from "./program.mjs";
import { Raw } from "./raw.mjs";
import { alternate, ratioRow } from "./report.mjs";

/** For the ends of some hundred processes to be worked off by the kernel. */
const SETTLE_MS = 500;

export async function measureBoot({ workspace, quick, pairs }) {
  const rows = [];
  for (const count of quick ? [20] : [100, 200]) {
    const { home, checkouts } = workspace.home(count);
    const raw = new Raw(workspace, checkouts);
    const first = [];
    const boots = await alternate(
      pairs,
      async () => (await raw.start()).allMs,
      async () => {
        const boot = await bootDaemon(home, workspace, count);
        first.push(boot.firstMs);
        return boot.allMs;
      },
    );
    const against = "a shell starting the same bundle";
    rows.push(ratioRow({ figure: `boot restore of ${count}, all ready`, against, unit: "ms", atMost: 1.1 }, boots));
    if (rows.length === 1) rows.push(await firstReady(workspace, first.slice(1), count));
  }
  return rows;
}

/** `first`: times measured during the boots above; its limit runs here, one worker alone. */
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
