// Tests the watch over the throughput, by a clock of the test's own.

import { beforeEach, describe, expect, it } from "vitest";

import type { WorkerEvent } from "../../../src/worker/events/event.ts";
import { type Standing, StallWatch } from "../../../src/worker/waits/stall-watch.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const MINUTE_MS = 60_000;
const STALL_MS = 15 * MINUTE_MS;
const MOVE: WorkerEvent = { type: "issue.moved", issue: 1, from: "find", to: "plan" };

describe("The throughput watchdog", () => {
  let clock: ManualClock;
  let emitted: WorkerEvent[];
  let standings: Map<number, Standing>;
  let syncedMs: number | null;
  let watch: StallWatch;

  beforeEach(() => {
    clock = new ManualClock();
    emitted = [];
    standings = new Map();
    syncedMs = null;
    watch = new StallWatch({
      clock,
      emit: (event) => emitted.push(event),
      stallMs: STALL_MS,
      busyMs: 60 * MINUTE_MS,
      pollIntervalMs: 30_000,
      issues: { standings: () => standings, reasonOf: (issue) => `the reason of ${issue}` },
      listing: {
        get lastGoodMs() {
          return syncedMs;
        },
        lastSync: { problem: "502 Bad Gateway" },
      },
    });
  });

  /** Looks every minute, while GitHub shows the issues. */
  async function pass(minutes: number): Promise<void> {
    for (let minute = 0; minute < minutes; minute += 1) {
      await clock.advance(MINUTE_MS);
      syncedMs = clock.monotonicMs();
      watch.look();
    }
  }

  it("alarms with the reason of each issue that could move and has not, and ends the alarm when it moves", async () => {
    standings.set(1, "movable");
    await pass(15);
    expect(watch.stalled).toEqual([]);
    await pass(1);

    expect(watch.stalled).toEqual([1]);
    expect(watch.alarms).toEqual(["stalled: 1 issue has not moved for 900 s or longer: #1: the reason of 1"]);
    expect(watch.stalledSince(1)).toEqual(new Date("2026-03-01T12:01:00.000Z"));
    watch.saw(MOVE);
    await pass(1);

    expect([watch.stalled, watch.alarms, watch.stalledSince(1)]).toEqual([[], [], null]);
    expect(emitted).toMatchObject([
      { type: "worker.alarm", alarm: "stalled", isOn: true },
      { type: "worker.alarm", alarm: "stalled", isOn: false },
    ]);
  });

  it("is silent while everything moves", async () => {
    standings.set(1, "movable");
    for (let round = 0; round < 10; round += 1) {
      await pass(10);
      watch.saw(MOVE);
    }

    expect(emitted).toEqual([]);
  });

  it("takes being claimed and the same checks again for no move", async () => {
    standings.set(1, "movable");
    for (let round = 0; round < 20; round += 1) {
      await pass(1);
      watch.saw({ type: "issue.claimed", issue: 1, stage: "plan", owner: "us" });
      watch.saw({ type: "pull.checks", issue: 1, pull: 2, state: "pending" });
    }

    expect(watch.stalled).toEqual([1]);
  });

  it("counts no time in which the issue waited for a person or for the provider", async () => {
    standings.set(1, "movable");
    await pass(10);
    standings.set(1, "waiting");
    await pass(300);
    standings.set(1, "movable");
    await pass(10);

    expect(watch.stalled).toEqual([]);
  });

  it("leaves an agent its time, and no more", async () => {
    standings.set(1, "busy");
    await pass(75);
    expect(watch.stalled).toEqual([]);
    await pass(1);

    expect(watch.stalled).toEqual([1]);
  });

  it("keeps its alarm while a stalled issue is tried once more", async () => {
    standings.set(1, "movable");
    await pass(16);
    standings.set(1, "busy");
    await pass(1);

    expect(watch.stalled).toEqual([1]);
    expect(emitted).toHaveLength(1);
  });

  it("names three reasons and the number of the rest", async () => {
    for (const issue of [1, 2, 3, 4, 5]) standings.set(issue, "movable");
    await pass(16);

    expect(watch.alarms[0]).toBe(
      "stalled: 5 issues have not moved for 900 s or longer: #1: the reason of 1; #2: the reason of 2; #3: the reason of 3; and 2 more",
    );
  });

  it("alarms when GitHub has not shown the issues for more than three polls, until it does", async () => {
    syncedMs = 0;
    await clock.advance(90_000);
    watch.look();
    expect(watch.isSyncStale).toBe(false);
    await clock.advance(1);
    watch.look();

    expect(watch.isSyncStale).toBe(true);
    expect(watch.alarms).toEqual(["GitHub has not shown the issues since 2026-03-01T12:00:00.000Z: 502 Bad Gateway"]);
    syncedMs = clock.monotonicMs();
    watch.look();

    expect(watch.alarms).toEqual([]);
    expect(emitted.map((event) => event.type === "worker.alarm" && [event.alarm, event.isOn])).toEqual([
      ["sync", true],
      ["sync", false],
    ]);
  });
});
