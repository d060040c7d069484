// A daemon runs for months, so these figures say what it uses while 100 workers idle, and whether it grows while
// workers die and are replaced. For the second the real daemon supervises workers that are ready and die at once.

import { cpSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { cpuMsOf, Daemon, DIST, rssOf } from "./program.mjs";
import { valueRow } from "./report.mjs";

const SETTLE_MS = 10_000;
/** The workers of so many repositories die all the time. */
const MORTALS = 4;
/** Each look takes twenty seconds. */
const LOOKS = 3;
const RESPAWNS_WAIT_MS = 1_800_000;
const MORTAL = `let n;process.on("message",(m)=>{if(m.type==="start"){n=m.nonce;process.send({type:"ready",nonce:n,port:1},()=>process.exit(1));}});
process.send({type:"hello",pid:process.pid});`;

export async function measureIdle(options) {
  return [await idleCpu(options), await growth(options)];
}

async function idleCpu({ workspace, quick }) {
  const count = quick ? 20 : 100;
  const { home } = workspace.home(count);
  const daemon = new Daemon(home, workspace.environment);
  await daemon.until("repo.ready", count);
  try {
    await delay(SETTLE_MS);
    const shares = [];
    for (let index = 0; index < (quick ? 1 : LOOKS); index += 1) {
      const before = cpuMsOf(daemon.pid);
      const seconds = quick ? 10 : 20;
      await delay(seconds * 1_000);
      shares.push((cpuMsOf(daemon.pid) - before) / (seconds * 10));
    }
    return valueRow({ figure: `idle daemon, ${count} workers`, unit: "% of a core", atMost: 0.2 }, shares);
  } finally {
    await daemon.stop();
  }
}

/** Gives RSS after all respawns ÷ RSS after the first tenth of them. */
async function growth({ workspace, quick }) {
  const respawns = quick ? 500 : 10_000;
  const dist = join(workspace.directory, "dist-mortal");
  cpSync(DIST, dist, { recursive: true });
  writeFileSync(join(dist, "worker.js"), MORTAL);
  writeFileSync(join(dist, "package.json"), '{"type":"module"}');
  const { home } = workspace.home(MORTALS);
  const daemon = new Daemon(home, workspace.environment, { dist });
  try {
    const wait = { waitMs: RESPAWNS_WAIT_MS };
    await daemon.until("repo.exited", respawns / 10, wait);
    const before = rssOf(daemon.pid);
    await daemon.until("repo.exited", respawns - respawns / 10, wait);
    const after = rssOf(daemon.pid);
    const figure = `daemon RSS after ${respawns} respawns of a stand-in ÷ after ${respawns / 10}`;
    return valueRow({ figure, unit: "×", atMost: 1.05 }, [after / before]);
  } finally {
    await daemon.stop();
  }
}
