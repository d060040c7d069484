// These figures say what a promise of the registry costs: one change alone, and fifty at once.

import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../src/core/base/clock.ts";
import { supervisorPaths } from "../src/core/files/paths.ts";
import { ok } from "../src/core/base/result.ts";
import { RegistryFile } from "../src/daemon/registry/registry-file.ts";
import { Registry } from "../src/daemon/registry/registry.ts";
import { Daemon } from "./program.mjs";
import { alternate, ratioRow, spread, valueRow } from "./report.mjs";

const CHANGES = 50;
const PAUSE_MS = 15;

export async function measureDurable(options) {
  return [await singleChange(options), await burst(options)];
}

async function singleChange({ workspace, pairs }) {
  const paths = supervisorPaths(workspace.home(100).home);
  const file = new RegistryFile(paths, systemClock);
  const { document } = await file.load();
  const log = { write: () => undefined };
  await using registry = new Registry({ file, document, clock: systemClock, log });
  const text = readFileSync(paths.state);
  const measured = await alternate(
    pairs,
    () => medianTime(() => writeDurably(paths.home, text)),
    () => medianTime(() => changeOnce(registry)),
  );
  // The ratio is of throughput: how much of the limit's speed is left.
  const speeds = measured.map(({ limit, candidate }) => ({ limit: 1_000 / limit, candidate: 1_000 / candidate }));
  const figure = "durable single change, 100 repositories";
  const against = "temp, fsync, rename, fsync of the directory, by sync calls";
  return ratioRow({ figure, against, unit: "/s", atLeast: 0.7 }, speeds);
}

async function changeOnce(registry) {
  const changed = await registry.change((draft) =>
    ok({ document: { ...draft, pid: draft.pid + 1 }, value: undefined }),
  );
  if (!changed.ok) throw new Error(changed.failure.message);
}

async function medianTime(change) {
  const times = [];
  for (let index = 0; index < CHANGES; index += 1) {
    await delay(PAUSE_MS);
    const startedMs = performance.now();
    await change();
    times.push(performance.now() - startedMs);
  }
  return spread(times).median;
}

function writeDurably(directory, text) {
  const temporary = join(directory, "limit.tmp");
  const file = openSync(temporary, "w", 0o600);
  writeFileSync(file, text);
  fsyncSync(file);
  closeSync(file);
  renameSync(temporary, join(directory, "limit.json"));
  const handle = openSync(directory, "r");
  fsyncSync(handle);
  closeSync(handle);
}

/** Fifty clients register a repository each at the same moment; every answer means that it is on disk. */
async function burst({ workspace, pairs }) {
  const { home } = workspace.home(0);
  const daemon = await Daemon.start(home, workspace.environment);
  try {
    const cycles = [];
    for (let index = 0; index < pairs; index += 1) {
      const checkouts = Array.from({ length: CHANGES }, () => workspace.checkout());
      const before = daemon.state.revision;
      const replies = await Promise.all(checkouts.map(({ path }) => daemon.ask({ action: "register_repo", path })));
      if (replies.some(({ status }) => status !== "ok")) throw new Error(JSON.stringify(replies[0]));
      cycles.push(daemon.state.revision - before);
    }
    return valueRow({ figure: `${CHANGES} concurrent adds, all durable`, unit: "write cycles", atMost: 4 }, cycles);
  } finally {
    await daemon.stop();
  }
}
