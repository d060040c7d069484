import { expect, it } from "vitest";

import {
  evolve,
  type Exited,
  initialLife,
  type LifeEffect,
  type LifeEvent,
  type RepoLife,
} from "../../../src/daemon/repos/repo-life.ts";
import type { RespawnPolicy } from "../../../src/daemon/repos/repo-process.ts";
import { NO_WORKER } from "../../../src/daemon/workers/worker-view.ts";

const POLICY: RespawnPolicy = { delayMs: 1_000, delayMsMax: 60_000, crashesMax: 2, windowMs: 300_000 };
const AT = new Date("2026-01-02T03:04:05Z");

function play(life: RepoLife, ...events: readonly LifeEvent[]): { life: RepoLife; effects: LifeEffect[] } {
  const effects: LifeEffect[] = [];
  let now = life;
  for (const event of events) {
    const step = evolve(now, event, POLICY);
    now = step.life;
    effects.push(...step.effects);
  }
  return { life: now, effects };
}

function asked(command: "start" | "stop" | "restart", isUrgent = false): LifeEvent {
  return { type: "asked", command, isUrgent };
}

function seen(generation: number, inFlight: number): LifeEvent {
  return { type: "seen", generation, change: { pid: 77, port: 4_001, inFlight } };
}

function exit(generation: number, change: Partial<Exited> & { permanent?: boolean } = {}): Exited {
  const { permanent = false, ...rest } = change;
  return {
    type: "exited",
    generation,
    nowMs: 1_000_000,
    at: AT,
    random: 0.5,
    wasSpawned: true,
    exit: {
      code: 1,
      signal: null,
      reason: "exited with code 1",
      permanent,
      isShortage: false,
      silence: null,
      lastLines: ["printed"],
      loggedLines: ["logged"],
    },
    ...rest,
  };
}

const STOPPED = initialLife(null, null);
const RUNNING = play(STOPPED, asked("start"), seen(1, 0), { type: "ready", generation: 1, nowMs: 1 }).life;

it("gives the hurry of a command to one spawn alone", () => {
  const { effects } = play(STOPPED, asked("start", true), exit(1), { type: "due", generation: 1 });

  expect(effects.filter(({ type }) => type === "spawn")).toEqual([
    { type: "spawn", generation: 1, isUrgent: true },
    { type: "spawn", generation: 2, isUrgent: false },
  ]);
});

it("keeps the hurry of a restart until the worker before is gone, and moves nothing for a start of one that runs", () => {
  const told = play(RUNNING, asked("restart", true)).life;

  expect(play(RUNNING, asked("start", true)).life.process).toBe(RUNNING.process);
  expect(play(told, exit(1)).effects).toEqual([{ type: "spawn", generation: 2, isUrgent: true }]);
});

it("heeds what a worker says only while its generation is alive", () => {
  const late = play(RUNNING, asked("restart"), exit(1), seen(1, 9)).life;
  const dead = play(RUNNING, asked("stop"), exit(1), seen(1, 9)).life;

  expect(play(RUNNING, seen(1, 3)).life.worker).toMatchObject({ pid: 77, inFlight: 3 });
  expect(late.worker).toEqual(NO_WORKER);
  expect(dead.worker).toEqual(NO_WORKER);
});

it("lets the order to take nothing end with the worker, and keeps one that is given where there is none", () => {
  expect(play(RUNNING, { type: "held" }, exit(1)).life.isHeld).toBe(false);
  expect(play(STOPPED, { type: "held" }, asked("start")).life.isHeld).toBe(true);
  expect(play(STOPPED, { type: "held" }, { type: "reopened" }).life.isHeld).toBe(false);
});

it("shows of a crash its reason and lines, of an asked end neither, and of a spawn that was called off nothing", () => {
  const crashed = play(RUNNING, exit(1)).life;
  const stopped = play(RUNNING, asked("stop"), exit(1)).life;
  const calledOff = play(crashed, asked("start"), asked("stop"), exit(2, { wasSpawned: false })).life;

  expect(crashed.lastExit).toEqual({
    code: 1,
    signal: null,
    at: AT.toISOString(),
    reason: "exited with code 1",
    last_lines: ["printed", "logged"],
  });
  expect(stopped.lastExit).toMatchObject({ reason: "stopped as asked", last_lines: [] });
  expect(calledOff.lastExit).toBe(crashed.lastExit);
});

it("saves with a quarantine the exit that led to it, counts it, and says when the next try is", () => {
  const { life, effects } = play(RUNNING, exit(1, { permanent: true }));
  const wait = effects.find((effect) => effect.type === "schedule");

  expect(effects).toContainEqual({
    type: "save-quarantine",
    quarantine: { reason: "exited with code 1", wasTried: false, exit: life.lastExit },
  });
  expect(life).toMatchObject({ quarantines: 1, process: { id: "quarantined" } });
  expect(life.nextTry?.getTime()).toBe(AT.getTime() + (wait?.delayMs ?? Number.NaN));
});

it("begins in the quarantine of an earlier daemon with its exit and its next try, and counts it no second time", () => {
  const last = { code: 2, signal: null, at: AT.toISOString(), reason: "bad", last_lines: [] };

  expect(initialLife({ reason: "bad", wasTried: true, exit: last }, AT)).toMatchObject({
    process: { id: "quarantined", reason: "bad", wasTried: true },
    lastExit: last,
    nextTry: AT,
    quarantines: 0,
  });
});
