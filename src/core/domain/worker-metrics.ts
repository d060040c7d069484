// The figures that a worker gives about itself and the supervisor hands on to Prometheus. Counters begin anew with each
// start of the worker, as counters of a process do; whoever reads them knows about resets.

import { z } from "../base/schema.ts";
import { STAGES } from "./stage.ts";

/** Upper bounds of the histogram of run durations, in seconds; the last bucket, without a bound, is the count. */
export const RUN_SECONDS_BOUNDS = [10, 30, 60, 120, 300, 600, 1_800, 3_600, 7_200] as const;

/** What an issue waits for without any attempt of its own; docs/operations.md says who ends each. */
export const WAIT_CAUSES = [
  "git-locked",
  "git-network",
  "git-credential",
  "git-base",
  "git-large-files",
  "github",
  "github-credential",
  "github-refused",
  "claim",
  "agent",
  "machine",
  "merge",
  "bug",
] as const;
export type WaitCause = (typeof WAIT_CAUSES)[number];

const count = z.number().check(z.minimum(0));
const stage = z.enum(STAGES);

export const workerMetricsSchema = z.object({
  stages: z.array(z.object({ stage, queued: count, active: count, waiting: count, oldest_seconds: count })),
  waits: z.array(z.object({ cause: z.enum(WAIT_CAUSES), count, oldest_seconds: count })),
  /** Counts the issues that could move and have not for too long. */
  stalled: count,
  /** True when GitHub has not shown the issues for more than three polls. */
  is_sync_stale: z.boolean(),
  runs: z.array(z.object({ stage, outcome: z.string(), count })),
  /** `buckets` are Prometheus's: each counts what is at most its bound, so they rise. */
  run_seconds: z.array(z.object({ stage, buckets: z.array(count), sum: count, count })),
  agent_turns: z.array(z.object({ outcome: z.string(), count })),
  agent_tokens: z.object({ input: count, output: count }),
  agent_cost_usd: count,
  events: z.object({ readers: count, unread: count, dropped: count }),
  log_dropped_bytes: count,
  /** Counts the bugs that were caught since the worker started. */
  bugs: count,
  /** The age of GitHub's last good answer to a listing; null while there has been none. */
  sync_age_seconds: z.nullable(count),
  /** The limit as GitHub last said it, null before that; `resetAt` is an ISO time. */
  rate_limit: z.nullable(z.object({ limit: count, remaining: count, resetAt: z.string() })),
});

export type WorkerMetrics = z.infer<typeof workerMetricsSchema>;
