// Whatever comes in whatever order: a model of the world performs the reducer's effects, and a random history of
// events, late and false ones among them, is played against it.

import { type Arbitrary, array, assert, boolean, constantFrom, double, integer, property, record } from "fast-check";
import { expect, it } from "vitest";

import {
  initialProcess,
  type RepoEvent,
  type RepoProcess,
  type RespawnPolicy,
  transition,
} from "../../../src/daemon/repos/repo-process.ts";

const POLICY: RespawnPolicy = { delayMs: 1_000, delayMsMax: 60_000, crashesMax: 5, windowMs: 300_000 };
const RUNS = 2_000;

interface World {
  state: RepoProcess;
  /** Generations of processes that live; never more than one. */
  alive: number[];
  desired: "running" | "stopped";
  isQuarantineSaved: boolean;
  /** The generation that something is scheduled for. */
  dueOf: number;
}

const happening = record({
  type: constantFrom("start", "stop", "restart", "due", "hung", "ready", "exited"),
  lateBy: constantFrom(0, 0, 0, 0, 1, 2),
  waitMs: integer({ min: 0, max: 700_000 }),
  random: double({ min: 0, max: 0.999_999, noNaN: true }),
  permanent: boolean(),
  isShortage: boolean(),
});
type Happening = typeof happening extends Arbitrary<infer T> ? T : never;

function eventOf(happened: Happening, generation: number, nowMs: number): RepoEvent {
  const { random, permanent, isShortage } = happened;
  switch (happened.type) {
    case "ready":
      return { type: "ready", generation, nowMs };
    case "exited":
      return {
        type: "exited",
        generation,
        nowMs,
        random,
        permanent: permanent && random < 0.2,
        isShortage,
        reason: "x",
      };
    default:
      return { type: happened.type as "start", generation };
  }
}

/** Plays one event and performs its effects; what cannot happen in the world (an exit of nobody) is left out. */
function play(world: World, happened: Happening, nowMs: number): RepoEvent | undefined {
  const generation = world.state.generation - happened.lateBy;
  if (happened.type === "exited" && happened.lateBy === 0) {
    if (world.alive.length === 0) return undefined;
    world.alive = [];
  }
  const event = eventOf(happened, generation, nowMs);
  if (happened.lateBy === 0 && (event.type === "start" || event.type === "restart")) world.desired = "running";
  if (happened.lateBy === 0 && event.type === "stop") world.desired = "stopped";
  const next = transition(world.state, event, POLICY);
  world.state = next.state;
  for (const effect of next.effects) {
    if (effect.type === "spawn") world.alive.push(effect.generation);
    if (effect.type === "schedule") world.dueOf = effect.generation;
    if (effect.type === "save-quarantine") world.isQuarantineSaved = true;
    if (effect.type === "lift-quarantine") world.isQuarantineSaved = false;
  }
  return event;
}

function checkHistory(
  history: readonly Happening[],
  check: (world: World, before: RepoProcess, event: RepoEvent) => void,
): void {
  const world: World = {
    state: initialProcess(null),
    alive: [],
    desired: "stopped",
    isQuarantineSaved: false,
    dueOf: -1,
  };
  let nowMs = 0;
  for (const happened of history) {
    nowMs += happened.waitMs;
    const before = world.state;
    const event = play(world, happened, nowMs);
    if (event !== undefined) check(world, before, event);
  }
}

function holds(check: (world: World, before: RepoProcess, event: RepoEvent) => void): void {
  assert(
    property(array(happening, { maxLength: 60 }), (history) => checkHistory(history, check)),
    { numRuns: RUNS },
  );
}

it("has at most one worker, and one exactly where a state says so", () => {
  holds(({ state, alive }) => {
    const isUp = state.id === "starting" || state.id === "running" || state.id === "stopping";
    expect(alive).toEqual(isUp ? [state.generation] : []);
  });
});

it("never starts a worker against the operator's latch", () => {
  holds(({ state, desired }) => {
    if (desired === "stopped") expect(["stopped", "stopping"]).toContain(state.id);
    if (desired === "stopped" && state.id === "stopping") expect(state.next).toBe("stop");
  });
});

it("counts generations upwards, one at a time", () => {
  holds(({ state }, before) => {
    expect(state.generation - before.generation).toBe(state.id === "starting" && before !== state ? 1 : 0);
  });
});

it("lets whatever is late fall through", () => {
  holds(({ state }, before, event) => {
    if (event.generation !== before.generation) expect(state).toBe(before);
  });
});

it("has every quarantine on disk, and keeps every wait within its bounds", () => {
  holds(({ state, isQuarantineSaved }) => {
    if (state.id === "quarantined") expect(isQuarantineSaved).toBe(true);
    if (state.id !== "backing-off") return;
    const plain = Math.min(POLICY.delayMsMax, POLICY.delayMs * 2 ** (state.crashes.streak - 1));
    expect(state.delayMs).toBeGreaterThanOrEqual(Math.floor(plain * 0.75));
    expect(state.delayMs).toBeLessThanOrEqual(Math.ceil(plain * 1.25));
    expect(state.crashes.atMs.length).toBeLessThan(POLICY.crashesMax);
  });
});

it("waits for nothing for ever: whatever is down and not stopped is tried again by itself", () => {
  holds(({ state, dueOf }) => {
    if (state.id === "backing-off" || state.id === "quarantined") expect(dueOf).toBe(state.generation);
  });
});

it("counts no shortage as a crash, whatever else is said of it", () => {
  holds(({ state }, before, event) => {
    if (event.type !== "exited" || !event.isShortage || state === before) return;
    expect(["backing-off", "stopped", "starting"]).toContain(state.id);
  });
});

it("can be stopped and started from wherever a history has led", () => {
  assert(
    property(array(happening, { maxLength: 60 }), (history) => {
      const commands = (["stop", "exited", "start", "ready"] as const).map((type): Happening => {
        return { type, lateBy: 0, waitMs: 1, random: 0.5, permanent: false, isShortage: false };
      });
      let last: World | undefined;
      checkHistory([...history, ...commands], (world) => (last = world));
      expect(last?.state.id).toBe("running");
    }),
    { numRuns: RUNS },
  );
});
