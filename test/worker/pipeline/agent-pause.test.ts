import { describe, expect, it } from "vitest";

import { AgentPause } from "../../../src/worker/pipeline/agent-pause.ts";
import { ManualClock } from "../../support/manual-clock.ts";

describe("A pause that nobody knows the end of", () => {
  it("is as long for five runs that are refused together as for one", () => {
    const clock = new ManualClock();
    const pause = new AgentPause(clock);

    const ends = Array.from({ length: 5 }, () => pause.pause("no login", null).getTime() - clock.now().getTime());

    expect(ends).toEqual([60_000, 60_000, 60_000, 60_000, 60_000]);
  });

  it("grows with each try in vain", async () => {
    const clock = new ManualClock();
    const pause = new AgentPause(clock);
    pause.pause("no login", null);
    await clock.advance(60_000);

    const until = pause.pause("no login", null);

    expect(until.getTime() - clock.now().getTime()).toBe(120_000);
  });
});
