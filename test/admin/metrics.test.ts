import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { encodeMetrics } from "../../src/admin/metrics/metrics-text.ts";
import type { WorkerMetrics } from "../../src/core/domain/worker-metrics.ts";
import { ask, type Door, METRICS_TOKEN, openDoor, type StandIn, standInWorker } from "./door.ts";
import { routeCalls } from "./route-calls.ts";

const FIGURES: WorkerMetrics = {
  stages: [{ stage: "plan", queued: 3, active: 1, waiting: 2, oldest_seconds: 42.5 }],
  waits: [{ cause: "git-locked", count: 1, oldest_seconds: 61 }],
  stalled: 1,
  is_sync_stale: false,
  runs: [{ stage: "plan", outcome: "advance", count: 7 }],
  run_seconds: [{ stage: "plan", buckets: [0, 1, 2, 2, 2, 3, 3, 3, 3], sum: 181.5, count: 4 }],
  agent_turns: [{ outcome: "completed", count: 9 }],
  agent_tokens: { input: 1_000, output: 200 },
  agent_cost_usd: 0.25,
  events: { readers: 2, unread: 17, dropped: 1 },
  log_dropped_bytes: 300,
  bugs: 2,
  sync_age_seconds: 12.5,
  rate_limit: { limit: 5_000, remaining: 4_321, resetAt: "2026-03-01T12:00:00.000Z" },
};

describe("the text format", () => {
  it("escapes help and label values as the format says", () => {
    const labels = { a: 'say "hi"\\', b: "two\nlines" };

    const text = encodeMetrics([
      { name: "x", type: "gauge", help: 'a "b" \\ c\nd', samples: [{ labels, value: 1.5 }] },
    ]);

    expect(text).toBe('# HELP x a "b" \\\\ c\\nd\n# TYPE x gauge\nx{a="say \\"hi\\"\\\\",b="two\\nlines"} 1.5\n');
  });

  it("writes the values that JSON cannot as Prometheus reads them", () => {
    const values = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN, 1e21, 0];

    const text = encodeMetrics([
      { name: "x", type: "gauge", help: "h", samples: values.map((value) => ({ labels: {}, value })) },
    ]);

    expect(text.split("\n").slice(2, -1)).toEqual(["x +Inf", "x -Inf", "x NaN", "x 1e+21", "x 0"]);
  });
});

describe("GET /metrics", () => {
  let door: Door;
  let web: StandIn;

  beforeEach(async () => {
    door = await openDoor({ logDroppedBytes: () => 12 });
    web = await standInWorker((_, outgoing) =>
      outgoing.end(JSON.stringify({ items: [{ ...FIGURES, timestamp: "t" }] })),
    );
    door.control.put("acme-web", "running", { port: web.port, token: "token-of-web" });
  });

  afterEach(async () => {
    await web[Symbol.asyncDispose]();
    await door[Symbol.asyncDispose]();
  });

  async function scrape(): Promise<string[]> {
    const answer = await ask(door.port, "/metrics");
    expect(answer.status).toBe(200);
    expect(answer.headers["content-type"]).toBe("text/plain; version=0.0.4; charset=utf-8");
    return answer.text.split("\n");
  }

  it("opens to a token of its own, which opens no other route that needs one", async () => {
    const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
    const calls = routeCalls().filter(({ access }) => access === "token");

    const opened: string[] = [];
    for (const { method, path } of calls) {
      const { status } = await ask(door.port, path.replace("{slug}", "acme-web").replace("{rest}", "metrics"), {
        method,
        headers,
      });
      if (status !== 401) opened.push(`${method} ${path} ${status}`);
    }

    expect(calls.length).toBeGreaterThan(10);
    expect(opened).toEqual(["GET /metrics 200"]);
  });

  it("gives every figure of a worker the label of its repository", async () => {
    const lines = await scrape();

    expect(lines).toEqual(
      expect.arrayContaining([
        'hydraflow_build_info{version="1.2.3"} 1',
        'hydraflow_workers{state="running"} 1',
        'hydraflow_workers{state="quarantined"} 0',
        'hydraflow_worker_up{repo="acme-web"} 1',
        'hydraflow_worker_restarts_total{repo="acme-web"} 0',
        'hydraflow_quarantines_total{repo="acme-web"} 0',
        'hydraflow_queue_issues{repo="acme-web",stage="plan",status="queued"} 3',
        'hydraflow_queue_issues{repo="acme-web",stage="plan",status="waiting"} 2',
        'hydraflow_queue_oldest_age_seconds{repo="acme-web",stage="plan"} 42.5',
        'hydraflow_runs_total{repo="acme-web",stage="plan",outcome="advance"} 7',
        'hydraflow_run_duration_seconds_bucket{repo="acme-web",stage="plan",le="30"} 1',
        'hydraflow_run_duration_seconds_bucket{repo="acme-web",stage="plan",le="+Inf"} 4',
        'hydraflow_run_duration_seconds_sum{repo="acme-web",stage="plan"} 181.5',
        'hydraflow_agent_tokens_total{repo="acme-web",direction="output"} 200',
        'hydraflow_agent_cost_dollars_total{repo="acme-web"} 0.25',
        'hydraflow_waiting_issues{repo="acme-web",cause="git-locked"} 1',
        'hydraflow_waiting_oldest_seconds{repo="acme-web",cause="git-locked"} 61',
        'hydraflow_stalled_issues{repo="acme-web"} 1',
        'hydraflow_sync_stale{repo="acme-web"} 0',
        'hydraflow_github_budget_remaining{repo="acme-web"} 4321',
        'hydraflow_github_budget_reset_timestamp_seconds{repo="acme-web"} 1772366400',
        'hydraflow_event_unread{repo="acme-web"} 17',
        'hydraflow_log_dropped_bytes_total{repo="acme-web"} 300',
        "hydraflow_supervisor_log_dropped_bytes_total 12",
        "process_resident_memory_bytes 50000000",
      ]),
    );
  });

  it("leaves out what GitHub has not said yet", async () => {
    await using early = await standInWorker((_, outgoing) =>
      outgoing.end(JSON.stringify({ items: [{ ...FIGURES, rate_limit: null }] })),
    );
    door.control.put("acme-web", "running", { port: early.port, token: "t" });

    const lines = await scrape();

    expect(lines).toContain('hydraflow_worker_up{repo="acme-web"} 1');
    expect(lines.filter((line) => line.startsWith("hydraflow_github_budget"))).toEqual([]);
  });

  it.each([
    ["is stopped", undefined],
    ["answers with other figures", '{"items":[{"counters":{}}]}'],
    ["never answers", ""],
  ])("leaves the series of a worker out that %s, and only those", async (_, answer) => {
    await using odd = await standInWorker((__, outgoing) => void (answer !== "" && outgoing.end(answer)));
    if (answer === undefined) door.control.put("acme-api", "quarantined");
    else door.control.put("acme-api", "running", { port: odd.port, token: "t" });

    const lines = await scrape();

    const ofApi = lines.filter((line) => line.includes('"acme-api"')).map((line) => line.split("{")[0]);
    expect(ofApi).toEqual([
      "hydraflow_worker_up",
      "hydraflow_worker_wanted",
      "hydraflow_worker_quarantined",
      "hydraflow_worker_hindered",
      "hydraflow_worker_draining",
      "hydraflow_worker_restarts_total",
      "hydraflow_quarantines_total",
    ]);
    expect(lines).toContain('hydraflow_worker_up{repo="acme-api"} 0');
    expect(lines).toContain('hydraflow_worker_up{repo="acme-web"} 1');
  });

  it("is refused without a token", async () => {
    const answer = await ask(door.port, "/metrics", { headers: {} });

    expect(answer.status).toBe(401);
    expect(web.seen).toEqual([]);
  });
});
