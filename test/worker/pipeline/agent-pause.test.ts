import { describe, expect, it } from "vitest";

import { NoticeEmitter, noticeOf, saidOf } from "../../../src/worker/runtime/notice.ts";
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

  it("is told of in the same words while the next try is made, and emitted once", async () => {
    const clock = new ManualClock();
    const pause = new AgentPause(clock);
    const emitted: unknown[] = [];
    const facts = { isStopped: false, isOpen: true, problem: null, preconditions: null, orchestrator: null, notes: [] };
    const notice = () => noticeOf(saidOf({ ...facts, pause: pause.said }));
    const emitter = new NoticeEmitter({ emit: (event) => emitted.push(event) }, clock, notice);

    pause.pause("no login", null);
    emitter.emit();
    await clock.advance(60_000);
    emitter.emit();
    const tried = [pause.current, pause.said?.reason];
    pause.pause("no login", null);
    emitter.emit();
    const again = notice();
    pause.clear();
    emitter.emit();

    expect(tried).toEqual([null, "no login"]);
    expect(again).toMatch(/^no login; tried until it works, next at \d/);
    expect(emitted).toHaveLength(2);
  });

  it("is told of no more when no work has tried the agent for a while", async () => {
    const clock = new ManualClock();
    const pause = new AgentPause(clock);
    pause.pause("no login", null);
    await clock.advance(10 * 60_000);

    expect(pause.said).toBeNull();
  });
});

describe("A pause that the provider knows the end of", () => {
  it("is told of until then", async () => {
    const clock = new ManualClock();
    const pause = new AgentPause(clock);
    pause.pause("limit hit", new Date(clock.now().getTime() + 60_000));
    const before = pause.said?.reason;
    await clock.advance(60_000);

    expect([before, pause.said]).toEqual(["limit hit", null]);
  });
});
