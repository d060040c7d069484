import { describe, expect, it } from "vitest";

import type { Clock } from "../../../src/core/base/clock.ts";
import { StartGate } from "../../../src/daemon/workers/start-gate.ts";
import { NEVER } from "../daemon-rig.ts";

/** Sleeps end when `ring` is called. */
class HandClock implements Clock {
  readonly #sleepers: (() => void)[] = [];

  now = () => new Date(0);
  monotonicMs = () => 0;
  sleep = () => new Promise<void>((resolve) => this.#sleepers.push(resolve));

  async ring(): Promise<void> {
    for (const wake of this.#sleepers.splice(0)) wake();
    await settle();
  }
}

/** Lets every promise that can go on go on. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function makeGate(placesMax: number) {
  const clock = new HandClock();
  const gate = new StartGate(placesMax, clock);
  const entered: string[] = [];
  const places = new Map<string, Disposable>();
  const enter = (name: string, urgent = false, signal = NEVER): void => {
    gate.enter(urgent, signal).then(
      (place) => {
        entered.push(name);
        places.set(name, place);
      },
      () => entered.push(`${name} gave up`),
    );
  };
  const leave = async (name: string): Promise<void> => {
    places.get(name)?.[Symbol.dispose]();
    await settle();
  };
  return { gate, clock, entered, enter, leave };
}

describe("the start gate", () => {
  it("asks whoever starts to leave the machine to those that wait, in proportion and with a bound", async () => {
    const { gate, enter } = makeGate(2);
    const none = gate.pauseMs;
    for (let index = 0; index < 3; index += 1) enter(`few ${index}`);
    const few = gate.pauseMs;
    for (let index = 0; index < 500; index += 1) enter(`many ${index}`);

    expect([none, few, gate.pauseMs]).toEqual([0, 300, 10_000]);
  });

  it("lets nobody in before it is opened, and then only as many as there are places", async () => {
    const { gate, entered, enter, leave } = makeGate(2);
    for (const name of ["a", "b", "c"]) enter(name);
    await settle();
    const before = [...entered];

    gate.open();
    await settle();
    const opened = [...entered];
    await leave("a");

    expect(before).toEqual([]);
    expect(opened).toEqual(["a", "b"]);
    expect(entered).toEqual(["a", "b", "c"]);
  });

  it("lets an operator's start go first", async () => {
    const { gate, entered, enter, leave } = makeGate(1);
    gate.open();
    for (const name of ["a", "b"]) enter(name);
    enter("urgent", true);
    await leave("a");
    await settle();
    await leave("a");

    expect(entered).toEqual(["a", "urgent"]);
  });

  it("gives a place on when its holder takes long, once", async () => {
    const { gate, clock, entered, enter, leave } = makeGate(1);
    gate.open();
    for (const name of ["slow", "b", "c"]) enter(name);
    await settle();

    await clock.ring();
    const afterTheWait = [...entered];
    await leave("slow");

    expect(afterTheWait).toEqual(["slow", "b"]);
    expect(entered).toEqual(["slow", "b"]);
  });

  it("forgets who gives up waiting", async () => {
    const { gate, entered, enter } = makeGate(1);
    const patience = new AbortController();
    enter("a", false, patience.signal);
    enter("b");
    patience.abort(new Error("enough"));
    await settle();
    gate.open();
    await settle();

    expect(entered).toEqual(["a gave up", "b"]);
  });
});
