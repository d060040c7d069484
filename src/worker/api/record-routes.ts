// Serves `/api/sessions`, `/api/metrics` and `/api/workers`: what this worker did and does, in rows.

import { Hono } from "hono";

import { STAGES } from "../../core/domain/stage.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";
import { metricsRow } from "./metrics-view.ts";

const SNAPSHOTS_SHOWN_MAX = 84;

export function recordRoutes(runtime: RepoRuntime): Hono {
  const routes = new Hono();
  routes.get("/sessions", (context) => context.json({ items: runtime.sessions.list() }));
  routes.get("/metrics", (context) =>
    context.json({ items: [metricsRow(runtime)], history: runtime.metrics.history(SNAPSHOTS_SHOWN_MAX) }),
  );
  routes.get("/workers", (context) => context.json({ items: workerRows(runtime) }));
  return routes;
}

/** Shows the five loops, also while none of them runs. */
function workerRows({ orchestrator, isRunning }: RepoRuntime) {
  const loops = new Map(orchestrator?.loops.map((loop) => [loop.stage, loop]));
  return STAGES.map((stage) => {
    const loop = loops.get(stage);
    const active = loop?.active ?? [];
    const state = !isRunning ? "stopped" : loop === undefined ? "starting" : active.length > 0 ? "working" : "idle";
    return {
      worker: stage,
      stage,
      state,
      slots: loop?.slots ?? 0,
      active,
      runs: loop?.runs ?? 0,
      problem: loop?.problem ?? null,
    };
  });
}
