import { describe, expect, it } from "vitest";

import { Metrics, SNAPSHOT_INTERVAL_MS } from "../../../src/worker/events/metrics.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

describe("metrics", () => {
  it("takes a snapshot every two hours and one at the stop, and reads them back newest first", async () => {
    await using directory = await makeTemporaryDirectory();
    const file = directory.file("metrics", "snapshots.jsonl");
    const clock = new ManualClock();
    let merged = 0;
    const collect = () => ({ counters: { pulls_merged: merged }, queue_depth: { plan: 1 } });
    const metrics = await Metrics.open(file, { repo: "acme-web", clock, collect });
    const controller = new AbortController();
    const running = metrics.run(controller.signal);

    for (merged = 1; merged <= 3; merged += 1) {
      await clock.advance(SNAPSHOT_INTERVAL_MS);
      while (metrics.history(9).length < merged || clock.sleeping === 0)
        await new Promise((resolve) => setImmediate(resolve));
    }
    controller.abort();
    await running;
    await metrics[Symbol.asyncDispose]();

    await using again = await Metrics.open(file, { repo: "acme-web", clock, collect });
    expect(again.history(3).map(({ counters }) => counters["pulls_merged"])).toEqual([4, 3, 2]);
    expect(again.history(100)).toHaveLength(4);
    expect(again.history(1)).toEqual([
      {
        timestamp: "2026-03-01T18:00:00.000Z",
        repo: "acme-web",
        counters: { pulls_merged: 4 },
        queue_depth: { plan: 1 },
      },
    ]);
    expect(clock.sleeping).toBe(0);
  });

  it("misses a snapshot that cannot be taken and takes the next one", async () => {
    await using directory = await makeTemporaryDirectory();
    const clock = new ManualClock();
    let broken = true;
    const collect = () => {
      if (broken) throw new Error("not now");
      return { counters: {}, queue_depth: {} };
    };
    await using metrics = await Metrics.open(directory.file("snapshots.jsonl"), { repo: "acme-web", clock, collect });
    const controller = new AbortController();
    const running = metrics.run(controller.signal);

    await clock.advance(SNAPSHOT_INTERVAL_MS);
    broken = false;
    await clock.advance(SNAPSHOT_INTERVAL_MS);
    controller.abort();
    await running;

    expect(metrics.history(10)).toHaveLength(1);
  });
});
