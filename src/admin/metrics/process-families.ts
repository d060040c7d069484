// The part of `/metrics` about the daemon itself: its build, its readiness, its log, and the process under the names
// that Prometheus' own clients use.

import { performance } from "node:perf_hooks";

import type { Ping, Readiness } from "../../core/messages/supervisor-control.ts";
import type { MetricFamily, MetricType } from "./metrics-text.ts";

/** The figures are handed in, since only main.ts may ask the process. */
export interface ProcessUsage {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
  /** The sum of user and system time. */
  readonly cpuSeconds: number;
}

export interface DaemonFigures {
  readonly ping: Ping;
  readonly readiness: Readiness;
  readonly usage: ProcessUsage;
  readonly logDroppedBytes: number;
}

export function processFamilies({ ping, readiness, usage, logDroppedBytes }: DaemonFigures): MetricFamily[] {
  const { active } = performance.eventLoopUtilization();
  const figures: readonly (readonly [name: string, type: MetricType, help: string, value: number])[] = [
    ["hydraflow_ready", "gauge", "1 when the daemon has started and is not stopping.", readiness.ready ? 1 : 0],
    [
      "hydraflow_draining",
      "gauge",
      "1 while no repository takes new issues, as an operator wanted it.",
      readiness.draining ? 1 : 0,
    ],
    ["hydraflow_problems", "gauge", "Problems of the daemon that GET /api/ping lists.", readiness.problems.length],
    [
      "hydraflow_supervisor_log_dropped_bytes_total",
      "counter",
      "Bytes of the supervisor's log records that the disk did not take.",
      logDroppedBytes,
    ],
    [
      "hydraflow_event_loop_active_seconds_total",
      "counter",
      "Time in which the daemon's event loop was busy.",
      active / 1_000,
    ],
    ["process_cpu_seconds_total", "counter", "User and system CPU time of the daemon.", usage.cpuSeconds],
    ["process_resident_memory_bytes", "gauge", "Resident memory of the daemon.", usage.rssBytes],
    [
      "process_start_time_seconds",
      "gauge",
      "When the daemon's process started, since the epoch.",
      performance.timeOrigin / 1_000,
    ],
    ["nodejs_heap_size_used_bytes", "gauge", "JavaScript heap in use.", usage.heapUsedBytes],
  ];
  return [
    {
      name: "hydraflow_build_info",
      type: "gauge",
      help: "1, with the version of the daemon.",
      samples: [{ labels: { version: ping.version }, value: 1 }],
    },
    ...figures.map(([name, type, help, value]) => ({ name, type, help, samples: [{ labels: {}, value }] })),
  ];
}
