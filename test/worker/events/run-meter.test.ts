import { describe, expect, it } from "vitest";

import type { WorkerEvent } from "../../../src/worker/events/event.ts";
import { RunMeter } from "../../../src/worker/events/run-meter.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const started = (run: string): WorkerEvent => ({
  type: "run.started",
  issue: 1,
  stage: "plan",
  run,
  attempt: 1,
  resumed: false,
});
const ended = (run: string): WorkerEvent => ({
  type: "run.ended",
  issue: 1,
  stage: "plan",
  run,
  outcome: "advance",
  durationMs: 0,
});
const failed = (run: string): WorkerEvent => ({
  type: "run.failed",
  issue: 1,
  stage: "plan",
  run,
  reason: "",
  retryInMs: 0,
});

describe("the meter of runs", () => {
  it("counts runs by outcome and puts their durations into rising buckets", async () => {
    const clock = new ManualClock();
    const meter = new RunMeter(clock);

    meter.note(started("a"));
    meter.note(started("b"));
    await clock.advance(10_000);
    meter.note(ended("a"));
    await clock.advance(90_000);
    meter.note(failed("b"));

    const { runs, run_seconds: durations } = meter.figures();
    expect(runs.filter(({ count }) => count > 0)).toEqual([
      { stage: "plan", outcome: "advance", count: 1 },
      { stage: "plan", outcome: "failed", count: 1 },
    ]);
    expect(durations.find(({ stage }) => stage === "plan")).toEqual({
      stage: "plan",
      buckets: [1, 1, 1, 2, 2, 2, 2, 2, 2],
      sum: 110,
      count: 2,
    });
    expect(durations.filter(({ count }) => count > 0)).toHaveLength(1);
  });

  it("counts the end of a run that began before a restart without a duration", () => {
    const meter = new RunMeter(new ManualClock());

    meter.note(ended("from before"));

    const { runs, run_seconds: durations } = meter.figures();
    expect(runs.filter(({ count }) => count > 0)).toEqual([{ stage: "plan", outcome: "advance", count: 1 }]);
    expect(durations.every(({ count }) => count === 0)).toBe(true);
  });

  it("shows every stage and outcome from the start", () => {
    const { runs } = new RunMeter(new ManualClock()).figures();

    expect(runs).toContainEqual({ stage: "review", outcome: "hand-off", count: 0 });
    expect(runs).toHaveLength(25);
  });

  it("adds up what agents used, also where one does not say its price", () => {
    const meter = new RunMeter(new ManualClock());
    const turn = { type: "agent.ended", issue: 1, run: "a", inputTokens: 10, outputTokens: 3 } as const;

    meter.note({ ...turn, outcome: "completed", costUsd: 0.5 });
    meter.note({ ...turn, outcome: "completed", costUsd: null });
    meter.note({ ...turn, outcome: "crashed", inputTokens: 0, outputTokens: 0, costUsd: null });

    expect(meter.figures()).toMatchObject({
      agent_turns: [
        { outcome: "completed", count: 2 },
        { outcome: "crashed", count: 1 },
      ],
      agent_tokens: { input: 20, output: 6 },
      agent_cost_usd: 0.5,
    });
  });
});
