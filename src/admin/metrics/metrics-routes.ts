// `GET /metrics` for Prometheus. It asks the workers as the aggregated views do, all at once under one deadline, so a
// worker that hangs costs its own series and never the scrape.

import { z } from "../../core/base/schema.ts";
import type { Readiness, SupervisorControl } from "../../core/messages/supervisor-control.ts";
import { type WorkerMetrics, workerMetricsSchema } from "../../core/domain/worker-metrics.ts";
import { rowsOfWorker } from "../repositories/aggregate-routes.ts";
import { repositoryFamilies } from "./metrics-families.ts";
import { encodeMetrics, METRICS_TYPE } from "./metrics-text.ts";
import { processFamilies, type ProcessUsage } from "./process-families.ts";
import { defineRoute, type Route } from "../routes/route.ts";

export const METRICS_PATH = "/metrics";

export interface MetricsRouteOptions {
  readonly control: SupervisorControl;
  readonly readiness: () => Readiness;
  readonly readUsage: () => ProcessUsage;
  readonly logDroppedBytes: () => number;
}

export function metricsRoute(options: MetricsRouteOptions, closing: AbortSignal): Route {
  const { control, readiness, readUsage, logDroppedBytes } = options;
  return defineRoute({
    methods: ["GET"],
    path: METRICS_PATH,
    access: "token",
    summary: "Figures of the daemon and of every repository, for Prometheus; `repo` is the slug",
    replies: [{ status: 200, description: "Prometheus text format 0.0.4", type: METRICS_TYPE }],
    handle: async ({ context }) => {
      const signal = AbortSignal.any([context.req.raw.signal, closing]);
      const entries = control.list();
      const repositories = await Promise.all(
        entries.map(async (entry) => ({ entry, worker: await figuresOf(control, entry.slug, signal) })),
      );
      const daemon = {
        ping: control.ping(),
        readiness: readiness(),
        usage: readUsage(),
        logDroppedBytes: logDroppedBytes(),
      };
      const body = encodeMetrics([...processFamilies(daemon), ...repositoryFamilies(repositories)]);
      return new Response(body, { headers: { "content-type": METRICS_TYPE } });
    },
  });
}

async function figuresOf(control: SupervisorControl, slug: string, signal: AbortSignal): Promise<WorkerMetrics | null> {
  const rows = await rowsOfWorker(control, slug, "/api/metrics", signal);
  if (!rows.ok) return null;
  const parsed = z.safeParse(workerMetricsSchema, rows.value[0]);
  return parsed.success ? parsed.data : null;
}
