import { describe, expect, it } from "vitest";

import { Deadline } from "../../../src/worker/state/deadline.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

describe("The end of a wait", () => {
  it("comes at its time", async () => {
    const clock = new ManualClock();
    const end = new Deadline(new Date(clock.now().getTime() + HOUR_MS), clock);

    await clock.advance(HOUR_MS - 1);
    const before = end.hasPassed();
    await clock.advance(1);

    expect([before, end.hasPassed()]).toEqual([false, true]);
  });

  it("comes no later where the clock was set back by a year", async () => {
    const clock = new ManualClock();
    const end = new Deadline(new Date(clock.now().getTime() + HOUR_MS), clock);

    clock.jumpWall(-YEAR_MS);
    await clock.advance(HOUR_MS);

    expect(end.hasPassed()).toBe(true);
  });

  it("has come when the machine slept through it, though the monotonic clock stood still", () => {
    const clock = new ManualClock();
    const end = new Deadline(new Date(clock.now().getTime() + HOUR_MS), clock);

    clock.jumpWall(HOUR_MS);

    expect(end.hasPassed()).toBe(true);
  });
});
