// What an earlier daemon of this state directory left running. Workers stop by themselves when their daemon is gone;
// whatever has not done so in time is killed. Only then may a worker start: never two on one repository.

import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import { findMarked, sweepMarked } from "../core/process-tree.ts";
import { TREE_VARIABLE } from "../core/worker-message.ts";

const GRACE_MS = 3_000;
const POLL_MS = 50;

export async function clearLeftovers(tree: string, clock: Clock, log: Log, signal: AbortSignal): Promise<void> {
  const deadlineMs = clock.monotonicMs() + GRACE_MS;
  let left = await findMarked(TREE_VARIABLE, tree);
  if (left.length === 0) return;
  log.write("warn", "leftovers.found", { pids: left });
  while (left.length > 0 && clock.monotonicMs() < deadlineMs) {
    await clock.sleep(POLL_MS, signal);
    left = await findMarked(TREE_VARIABLE, tree);
  }
  const killed = left.length === 0 ? [] : await sweepMarked(TREE_VARIABLE, tree);
  log.write("info", "leftovers.gone", { killed });
}
