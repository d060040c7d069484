// Ends the orphans that an earlier daemon of this state directory left running. Workers stop by themselves when their
// daemon is gone; the sweep kills those that have not done so in time. No worker starts before it is over, so that
// there are never two on one repository.

import { join } from "node:path";

import type { Clock } from "../../core/base/clock.ts";
import type { Log } from "../../core/logs/log.ts";
import { workerPaths } from "../../core/files/paths.ts";
import { findMarked, sweepMarked } from "../../core/processes/process-tree.ts";
import { endRecordedGroups } from "../../core/processes/recorded-group.ts";
import { treeMarkOf } from "../../core/processes/tree-mark.ts";
import { TREE_VARIABLE } from "../../core/messages/worker-message.ts";

const GRACE_MS = 3_000;
const POLL_MS = 50;

export interface OrphanSweepOptions {
  /** The state directory. */
  readonly home: string;
  readonly repos: readonly { readonly slug: string }[];
  readonly clock: Clock;
  readonly log: Log;
}

export async function sweepOrphans(options: OrphanSweepOptions, signal: AbortSignal): Promise<void> {
  const tree = treeMarkOf(options.home);
  await sweepMarkedOrphans(tree, options, signal);
  // The workers that led these groups are gone by now, or are ending where the system shows no marks.
  for (const { slug } of options.repos) {
    const { groups } = workerPaths(join(options.home, slug));
    await endRecordedGroups(groups, { name: TREE_VARIABLE, value: tree });
  }
}

async function sweepMarkedOrphans(
  tree: string,
  { clock, log }: OrphanSweepOptions,
  signal: AbortSignal,
): Promise<void> {
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
