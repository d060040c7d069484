// Makes the row of `/api/metrics`: the state's counters, and the figures that the supervisor turns into series for
// Prometheus.

import { type Stage, STAGES } from "../../core/domain/stage.ts";
import type { WorkerMetrics } from "../../core/domain/worker-metrics.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";

type StageFigures = WorkerMetrics["stages"][number];

export function metricsRow(runtime: RepoRuntime) {
  const { state, orchestrator, inFlight, clock, bus, meter, log } = runtime;
  const now = clock.now();
  const stages = STAGES.map((stage) => stageFigures(runtime, stage, now));
  const limit = orchestrator?.rateLimit() ?? null;
  const figures: WorkerMetrics = {
    stages,
    ...meter.figures(),
    events: { ...bus.backlog, dropped: bus.dropped },
    waits: orchestrator?.waits.figures() ?? [],
    stalled: orchestrator?.watch.stalled.length ?? 0,
    is_sync_stale: orchestrator?.watch.isSyncStale ?? false,
    log_dropped_bytes: log.droppedBytes,
    sync_age_seconds: syncAgeSeconds(runtime),
    rate_limit: limit === null ? null : { ...limit, resetAt: limit.resetAt.toISOString() },
  };
  return {
    timestamp: now.toISOString(),
    counters: state.counters(),
    queue_depth: Object.fromEntries(stages.map(({ stage, queued, waiting }) => [stage, queued + waiting])),
    in_flight: inFlight,
    ...figures,
  };
}

/** An issue is queued when a loop could take it now, not when it waits for a person, its retry or another worker. */
function stageFigures(runtime: RepoRuntime, stage: Stage, now: Date): StageFigures {
  const { orchestrator } = runtime;
  const { queued = [], active = [] } = orchestrator?.store.queues()[stage] ?? {};
  const due = queued.filter(({ number }) => orchestrator?.isWaiting(number, stage) === false);
  const sinceMs = due.map(({ updatedAt }) => Date.parse(updatedAt)).filter((ms) => !Number.isNaN(ms));
  const oldestMs = sinceMs.reduce((oldest, ms) => Math.min(oldest, ms), now.getTime());
  return {
    stage,
    queued: due.length,
    active: active.length,
    waiting: queued.length - due.length,
    oldest_seconds: (now.getTime() - oldestMs) / 1_000,
  };
}

/** Counts from GitHub's last good answer to a listing; null before the first, and while the pipeline is not up. */
function syncAgeSeconds({ orchestrator, clock }: RepoRuntime): number | null {
  const syncedMs = orchestrator?.store.lastGoodMs ?? null;
  return syncedMs === null ? null : (clock.monotonicMs() - syncedMs) / 1_000;
}
