import { describe, expect, it } from "vitest";

import { Deadline } from "../../../src/core/base/deadline.ts";
import { ManualClock } from "../../support/manual-clock.ts";

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;

describe("A deadline", () => {
  it("passes at its time", async () => {
    const clock = new ManualClock();
    const deadline = new Deadline(new Date(clock.now().getTime() + HOUR_MS), clock);

    await clock.advance(HOUR_MS - 1);
    const before = deadline.hasPassed();
    await clock.advance(1);

    expect([before, deadline.hasPassed()]).toEqual([false, true]);
  });

  it("passes no later where the clock was set back by a year", async () => {
    const clock = new ManualClock();
    const deadline = new Deadline(new Date(clock.now().getTime() + HOUR_MS), clock);

    clock.jumpWall(-YEAR_MS);
    await clock.advance(HOUR_MS);

    expect(deadline.hasPassed()).toBe(true);
  });

  it("has passed when the machine slept through it, though the monotonic clock stood still", () => {
    const clock = new ManualClock();
    const deadline = new Deadline(new Date(clock.now().getTime() + HOUR_MS), clock);

    clock.jumpWall(HOUR_MS);

    expect(deadline.hasPassed()).toBe(true);
  });
});
