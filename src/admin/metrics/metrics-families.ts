// The part of `/metrics` about the repositories and their workers. A worker that did not answer leaves its own series
// out and has `hydraflow_worker_up 0`; what the supervisor knows of it stays. Labels come from closed sets and the
// registry alone.

import { REPO_STATES, type RepoEntry } from "../../core/messages/supervisor-control.ts";
import { RUN_SECONDS_BOUNDS, type WorkerMetrics } from "../../core/domain/worker-metrics.ts";
import type { MetricFamily, MetricType, Sample } from "./metrics-text.ts";

/** The figures are null where the worker did not answer. */
export interface RepositoryFigures {
  readonly entry: RepoEntry;
  readonly worker: WorkerMetrics | null;
}

type FromEntry = (entry: RepoEntry) => number;
type FromWorker = (worker: WorkerMetrics) => readonly Sample[];

export function repositoryFamilies(repositories: readonly RepositoryFigures[]): MetricFamily[] {
  return [
    {
      name: "hydraflow_workers",
      type: "gauge",
      help: "Repositories by the state of their worker.",
      samples: REPO_STATES.map((state) => ({
        labels: { state },
        value: repositories.filter(({ entry }) => entry.state === state).length,
      })),
    },
    {
      name: "hydraflow_worker_up",
      type: "gauge",
      help: "1 when the worker answered this scrape in time.",
      samples: repositories.map(({ entry, worker }) => ({
        labels: { repo: entry.slug },
        value: worker === null ? 0 : 1,
      })),
    },
    ...SUPERVISED.map(([name, type, help, value]) => ({
      name,
      type,
      help,
      samples: repositories.map(({ entry }) => ({ labels: { repo: entry.slug }, value: value(entry) })),
    })),
    ...FROM_WORKERS.map(([name, type, help, samples]) => ({
      name,
      type,
      help,
      samples: repositories.flatMap(({ entry, worker }) =>
        worker === null ? [] : samples(worker).map((sample) => tagged(sample, entry.slug)),
      ),
    })),
  ];
}

function tagged(sample: Sample, repo: string): Sample {
  return { ...sample, labels: { repo, ...sample.labels } };
}

const SUPERVISED: readonly (readonly [name: string, type: MetricType, help: string, value: FromEntry])[] = [
  [
    "hydraflow_worker_wanted",
    "gauge",
    "0 when an operator has stopped it.",
    ({ desired }) => flag(desired === "running"),
  ],
  [
    "hydraflow_worker_quarantined",
    "gauge",
    "1 when it crashed too often and is left alone.",
    ({ state }) => flag(state === "quarantined"),
  ],
  [
    "hydraflow_worker_hindered",
    "gauge",
    "1 when it says that something keeps it from working, for instance no credential.",
    ({ running, notice }) => flag(running && notice !== null),
  ],
  [
    "hydraflow_worker_draining",
    "gauge",
    "1 while it takes no new issue, because it was asked to.",
    ({ draining }) => flag(draining),
  ],
  [
    "hydraflow_worker_restarts_total",
    "counter",
    "Workers spawned since the daemon started, less one.",
    ({ restarts }) => restarts,
  ],
  [
    "hydraflow_quarantines_total",
    "counter",
    "How often it was quarantined since the daemon started.",
    ({ quarantines }) => quarantines,
  ],
];

const FROM_WORKERS: readonly (readonly [name: string, type: MetricType, help: string, samples: FromWorker])[] = [
  [
    "hydraflow_queue_issues",
    "gauge",
    "Issues by stage: queued (could be taken now), active, waiting (for a person or a retry).",
    queueSamples,
  ],
  [
    "hydraflow_queue_oldest_age_seconds",
    "gauge",
    "Since the oldest queued issue last changed; 0 when none is queued.",
    (worker) => worker.stages.map(({ stage, oldest_seconds: value }) => ({ labels: { stage }, value })),
  ],
  [
    "hydraflow_waiting_issues",
    "gauge",
    "Issues that wait without an attempt, by what they wait for.",
    (worker) => worker.waits.map(({ cause, count: value }) => ({ labels: { cause }, value })),
  ],
  [
    "hydraflow_waiting_oldest_seconds",
    "gauge",
    "How long the longest of those waits has been waited for so far; 0 when there is none.",
    (worker) => worker.waits.map(({ cause, oldest_seconds: value }) => ({ labels: { cause }, value })),
  ],
  [
    "hydraflow_stalled_issues",
    "gauge",
    "Issues that could move, with a free slot, and have not for stallMs.",
    ({ stalled }) => one(stalled),
  ],
  [
    "hydraflow_sync_stale",
    "gauge",
    "1 when GitHub has not shown the issues for more than three polls.",
    (worker) => one(flag(worker.is_sync_stale)),
  ],
  [
    "hydraflow_runs_total",
    "counter",
    "Runs that ended, since the worker started.",
    (worker) => worker.runs.map(({ stage, outcome, count: value }) => ({ labels: { stage, outcome }, value })),
  ],
  [
    "hydraflow_run_duration_seconds",
    "histogram",
    "From the start of a run in this worker to its end, waiting included.",
    (worker) => worker.run_seconds.flatMap(durationSamples),
  ],
  [
    "hydraflow_agent_turns_total",
    "counter",
    "Turns of agents by how they ended.",
    (worker) => worker.agent_turns.map(({ outcome, count: value }) => ({ labels: { outcome }, value })),
  ],
  [
    "hydraflow_agent_tokens_total",
    "counter",
    "Tokens of completed turns, as the agents count them.",
    ({ agent_tokens: tokens }) => [
      { labels: { direction: "input" }, value: tokens.input },
      { labels: { direction: "output" }, value: tokens.output },
    ],
  ],
  [
    "hydraflow_agent_cost_dollars_total",
    "counter",
    "Cost of completed turns, where the agent says one.",
    (worker) => one(worker.agent_cost_usd),
  ],
  [
    "hydraflow_github_budget_limit",
    "gauge",
    "Requests per hour that GitHub grants the credential.",
    ({ rate_limit: limit }) => one(limit?.limit),
  ],
  [
    "hydraflow_github_budget_remaining",
    "gauge",
    "Requests left until the reset.",
    ({ rate_limit: limit }) => one(limit?.remaining),
  ],
  [
    "hydraflow_github_budget_reset_timestamp_seconds",
    "gauge",
    "When the budget is full again.",
    ({ rate_limit: limit }) => one(limit === null ? undefined : Date.parse(limit.resetAt) / 1_000),
  ],
  ["hydraflow_event_readers", "gauge", "Live readers of the worker's events.", ({ events }) => one(events.readers)],
  [
    "hydraflow_event_unread",
    "gauge",
    "Events that the slowest reader has not read yet.",
    ({ events }) => one(events.unread),
  ],
  [
    "hydraflow_events_dropped_total",
    "counter",
    "Events that never reached the event log.",
    ({ events }) => one(events.dropped),
  ],
  [
    "hydraflow_log_dropped_bytes_total",
    "counter",
    "Bytes of log records that the disk did not take.",
    (worker) => one(worker.log_dropped_bytes),
  ],
  ["hydraflow_worker_bugs_total", "counter", "Bugs that the worker caught and went on from.", ({ bugs }) => one(bugs)],
  [
    "hydraflow_sync_age_seconds",
    "gauge",
    "Since GitHub's last good answer to a listing of issues.",
    (worker) => one(worker.sync_age_seconds ?? undefined),
  ],
];

function queueSamples({ stages }: WorkerMetrics): Sample[] {
  return stages.flatMap(({ stage, queued, active, waiting }) =>
    Object.entries({ queued, active, waiting }).map(([status, value]) => ({ labels: { stage, status }, value })),
  );
}

function durationSamples({ stage, buckets, sum, count }: WorkerMetrics["run_seconds"][number]): Sample[] {
  const bounded = RUN_SECONDS_BOUNDS.map((bound, index) => bucket(stage, String(bound), buckets[index] ?? 0));
  return [
    ...bounded,
    bucket(stage, "+Inf", count),
    { suffix: "_sum", labels: { stage }, value: sum },
    { suffix: "_count", labels: { stage }, value: count },
  ];
}

function bucket(stage: string, le: string, value: number): Sample {
  return { suffix: "_bucket", labels: { stage, le }, value };
}

/** Gives no sample where the worker does not know. */
function one(value: number | undefined): Sample[] {
  return value === undefined ? [] : [{ labels: {}, value }];
}

function flag(isSet: boolean): number {
  return isSet ? 1 : 0;
}
