// Parts that run together end together, and a bug is heard although somebody stops everything in the same moment.

import { expect, it } from "vitest";

import { systemClock } from "../../../src/core/base/clock.ts";
import { allOrNone, isEndOf, type Running } from "../../../src/worker/runtime/all-or-none.ts";

const HOUR_MS = 3_600_000;
const sleeper: Running = { run: (signal) => systemClock.sleep(HOUR_MS, signal) };

/** Meets a bug while it is being stopped, after the others have ended. */
const clumsy: Running = {
  run: (signal) =>
    systemClock.sleep(HOUR_MS, signal).catch(async () => {
      await systemClock.sleep(0, new AbortController().signal);
      throw new TypeError("a bug");
    }),
};

it("throws what one part meets while all are stopped, not that they were stopped", async () => {
  const stop = new AbortController();
  const running = allOrNone([sleeper, clumsy], stop.signal);
  stop.abort();

  await expect(running).rejects.toThrow("a bug");
});

it("ends the others when one throws", async () => {
  const ended: string[] = [];
  const other: Running = {
    run: (signal) => systemClock.sleep(HOUR_MS, signal).catch(() => void ended.push("other")),
  };

  await expect(
    allOrNone([other, { run: () => Promise.reject(new Error("first")) }], new AbortController().signal),
  ).rejects.toThrow("first");
  expect(ended).toEqual(["other"]);
});

it("tells the end that a signal asked for from everything else", async () => {
  const stop = new AbortController();
  const asleep = systemClock.sleep(HOUR_MS, stop.signal).catch((thrown: unknown) => thrown);
  const early = isEndOf(stop.signal.reason, stop.signal);
  stop.abort();

  expect([early, isEndOf(stop.signal.reason, stop.signal), isEndOf(await asleep, stop.signal)]).toEqual([
    false,
    true,
    true,
  ]);
  expect(isEndOf(new TypeError("a bug"), stop.signal)).toBe(false);
});
