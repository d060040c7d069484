import { describe, expect, it } from "vitest";

import {
  hasFailed,
  HEALTHY_MS,
  initialProcess,
  quarantineLeftMs,
  type RepoEvent,
  type RepoProcess,
  type RespawnPolicy,
  transition,
} from "../../../src/daemon/repos/repo-process.ts";

const POLICY: RespawnPolicy = { delayMs: 1_000, delayMsMax: 60_000, crashesMax: 5, windowMs: 300_000 };
const NO_CRASHES = { streak: 0, atMs: [], isTrial: false };
const NOW_MS = 1_000_000;
const HALF_HOUR_MS = 1_800_000;
const DAY_MS = 86_400_000;

const STATES: Record<string, RepoProcess> = {
  stopped: { id: "stopped", generation: 3 },
  starting: { id: "starting", generation: 3, crashes: NO_CRASHES },
  running: { id: "running", generation: 3, crashes: NO_CRASHES, sinceMs: NOW_MS - 5_000 },
  "stopping to stop": { id: "stopping", generation: 3, crashes: NO_CRASHES, next: "stop" },
  "stopping to start": { id: "stopping", generation: 3, crashes: NO_CRASHES, next: "start" },
  "stopping a hung one": { id: "stopping", generation: 3, crashes: NO_CRASHES, next: "respawn" },
  "backing-off": {
    id: "backing-off",
    generation: 3,
    crashes: { streak: 2, atMs: [NOW_MS - 9_000, NOW_MS - 5_000], isTrial: false },
    delayMs: 2_000,
  },
  quarantined: { id: "quarantined", generation: 3, reason: "too many crashes", wasTried: false },
};

const EVENTS: Record<string, RepoEvent> = {
  start: { type: "start", generation: 3 },
  stop: { type: "stop", generation: 3 },
  restart: { type: "restart", generation: 3 },
  due: { type: "due", generation: 3 },
  hung: { type: "hung", generation: 3 },
  ready: { type: "ready", generation: 3, nowMs: NOW_MS },
  crash: {
    type: "exited",
    generation: 3,
    nowMs: NOW_MS,
    random: 0.5,
    permanent: false,
    isShortage: false,
    reason: "exited with code 1",
  },
  "exit for good": {
    type: "exited",
    generation: 3,
    nowMs: NOW_MS,
    random: 0.5,
    permanent: true,
    isShortage: false,
    reason: "bad config",
  },
};

const SPAWN = "starting 4: spawn 4";
const LIFTED = "starting 4: lift, spawn 4";
const STILL = "unchanged";

/** Rows: state; columns in the order of EVENTS. Each cell: `<next state> <generation>: <effects>`. */
const TABLE: Record<string, readonly string[]> = {
  //                      start   stop                    restart                  due    hung                        ready          crash                            exit for good
  stopped: [SPAWN, STILL, SPAWN, STILL, STILL, STILL, STILL, STILL],
  starting: [
    STILL,
    "stopping/stop 3: kill gently",
    "stopping/start 3: kill gently",
    STILL,
    "stopping/respawn 3: kill now",
    "running 3:",
    "backing-off 3: schedule 1000",
    "quarantined 3: save bad config, schedule 1837500",
  ],
  running: [
    STILL,
    "stopping/stop 3: kill gently",
    "stopping/start 3: kill gently",
    STILL,
    "stopping/respawn 3: kill now",
    STILL,
    "backing-off 3: schedule 1000",
    "quarantined 3: save bad config, schedule 1837500",
  ],
  "stopping to stop": [
    "stopping/start 3:",
    "stopping/stop 3:",
    "stopping/start 3:",
    STILL,
    STILL,
    STILL,
    "stopped 3:",
    "stopped 3:",
  ],
  "stopping to start": [
    "stopping/start 3:",
    "stopping/stop 3:",
    "stopping/start 3:",
    STILL,
    STILL,
    STILL,
    SPAWN,
    SPAWN,
  ],
  "stopping a hung one": [
    "stopping/start 3:",
    "stopping/stop 3:",
    "stopping/start 3:",
    STILL,
    STILL,
    STILL,
    "backing-off 3: schedule 1000",
    "quarantined 3: save bad config, schedule 1837500",
  ],
  "backing-off": [SPAWN, "stopped 3:", SPAWN, SPAWN, STILL, STILL, STILL, STILL],
  quarantined: [LIFTED, "stopped 3:", LIFTED, LIFTED, STILL, STILL, STILL, STILL],
}; // prettier-ignore

function describeTransition(state: RepoProcess, event: RepoEvent): string {
  const next = transition(state, event, POLICY);
  if (next.state === state) return next.effects.length === 0 ? STILL : "effects without a new state";
  const effects = next.effects.map((effect) => {
    switch (effect.type) {
      case "spawn":
        return `spawn ${effect.generation}`;
      case "kill":
        return effect.gently ? "kill gently" : "kill now";
      case "schedule":
        return `schedule ${effect.delayMs}`;
      case "lift-quarantine":
        return "lift";
      case "save-quarantine":
        return `save ${effect.reason}`;
      default:
        return "unknown";
    }
  });
  const name = next.state.id === "stopping" ? `stopping/${next.state.next}` : next.state.id;
  return `${name} ${next.state.generation}: ${effects.join(", ")}`.trim();
}

describe("every event in every state", () => {
  const cells = Object.entries(TABLE).flatMap(([state, row]) =>
    Object.keys(EVENTS).map((event, index) => ({ state, event, outcome: row[index] })),
  );

  it.each(cells)("$state + $event → $outcome", ({ state, event, outcome }) => {
    expect(describeTransition(pick(STATES, state), pick(EVENTS, event))).toBe(outcome);
  });

  it.each(Object.keys(STATES))("%s ignores whatever belongs to another generation", (name) => {
    const state = pick(STATES, name);
    const outcomes = Object.values(EVENTS).map((event) => describeTransition(state, { ...event, generation: 2 }));

    expect(new Set(outcomes)).toEqual(new Set([STILL]));
  });
});

describe("the backoff", () => {
  /** Crashes again and again, each time at once after its start; returns the delays until the state is no backoff. */
  function delays(policy: RespawnPolicy, random: number, runMs = 0): number[] {
    const seen: number[] = [];
    let nowMs = 0;
    let state = transition(initialProcess(null), { type: "start", generation: 0 }, policy).state;
    for (let round = 0; round < 12; round += 1) {
      const { generation } = state;
      if (runMs > 0) state = transition(state, { type: "ready", generation, nowMs }, policy).state;
      nowMs += runMs;
      state = transition(
        state,
        { type: "exited", generation, nowMs, random, permanent: false, isShortage: false, reason: "x" },
        policy,
      ).state;
      if (state.id !== "backing-off") break;
      seen.push(state.delayMs);
      nowMs += state.delayMs;
      state = transition(state, { type: "due", generation }, policy).state;
    }
    return seen;
  }

  it("doubles from one second to the limit", () => {
    expect(delays({ ...POLICY, crashesMax: 100 }, 0.5)).toEqual(
      [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60].map((s) => s * 1_000),
    );
  });

  it("is spread by a quarter to both sides", () => {
    expect(delays({ ...POLICY, crashesMax: 100 }, 0).slice(0, 3)).toEqual([750, 1_500, 3_000]);
    expect(delays({ ...POLICY, crashesMax: 100 }, 0.999_999).slice(0, 3)).toEqual([1_250, 2_500, 5_000]);
  });

  it("ends in quarantine at the fifth crash within the window", () => {
    expect(delays(POLICY, 0.5)).toHaveLength(4);
  });

  it("goes on as long as crashes are rarer than the window allows", () => {
    expect(delays({ ...POLICY, windowMs: 60_000 }, 0.5, 50_000)).toHaveLength(12);
  });

  it("begins anew after ten healthy minutes, and not a moment earlier", () => {
    const crashes = { streak: 4, atMs: [NOW_MS - 700_000], isTrial: false };
    const exit: RepoEvent = {
      type: "exited",
      generation: 1,
      nowMs: NOW_MS,
      random: 0.5,
      permanent: false,
      isShortage: false,
      reason: "x",
    };
    const after = (upMs: number) =>
      transition({ id: "running", generation: 1, crashes, sinceMs: NOW_MS - upMs }, exit, POLICY).state;

    expect(after(HEALTHY_MS)).toMatchObject({ id: "backing-off", delayMs: 1_000 });
    expect(after(HEALTHY_MS - 1)).toMatchObject({ id: "backing-off", delayMs: 16_000 });
  });

  it("is a number after however many crashes, also where there is to be no wait", () => {
    const crashes = { streak: 5_000, atMs: [], isTrial: false };
    const event = { ...pick(EVENTS, "crash"), nowMs: NOW_MS };
    const delayMs = (policy: RespawnPolicy): unknown => {
      const { state } = transition({ id: "starting", generation: 3, crashes }, event, policy);
      return state.id === "backing-off" ? state.delayMs : state.id;
    };

    expect(delayMs({ ...POLICY, delayMs: 0 })).toBe(0);
    expect(delayMs(POLICY)).toBe(60_000);
  });

  it("names the last crash in the reason of the quarantine", () => {
    const crashes = { streak: 4, atMs: [1, 2, 3, 4], isTrial: false };
    const { state } = transition(
      { id: "starting", generation: 5, crashes },
      {
        type: "exited",
        generation: 5,
        nowMs: 5,
        random: 0.5,
        permanent: false,
        isShortage: false,
        reason: "killed by SIGKILL",
      },
      POLICY,
    );

    expect(state).toEqual({
      id: "quarantined",
      generation: 5,
      reason: "5 crashes within 300 s; the last: killed by SIGKILL",
      wasTried: false,
    });
  });

  it("is forgotten when an operator starts the repository", () => {
    const { state } = transition(pick(STATES, "backing-off"), { type: "start", generation: 3 }, POLICY);

    expect(state).toEqual({ id: "starting", generation: 4, crashes: NO_CRASHES });
  });
});

describe("quarantine", () => {
  const exit = (generation: number, isShortage = false): RepoEvent => ({
    ...{ type: "exited", generation, nowMs: NOW_MS, random: 0.5, permanent: false, isShortage, reason: "x" },
  });

  it("is lifted by itself after half an hour, and then once a day, for ever", () => {
    let state = pick(STATES, "quarantined");
    for (let day = 0; day < 400; day += 1) {
      const trial = transition(state, { type: "due", generation: state.generation }, POLICY);
      const again = transition(trial.state, exit(trial.state.generation), POLICY);
      const delays = again.effects.map((effect) => (effect.type === "schedule" ? effect.delayMs : effect.type));
      state = again.state;

      expect(trial.effects.map(({ type }) => type)).toEqual(["lift-quarantine", "spawn"]);
      expect(state).toMatchObject({ id: "quarantined", wasTried: true });
      expect(delays).toEqual(["save-quarantine", DAY_MS + DAY_MS / 48]);
    }
  });

  it("of many repositories at once does not bring them back at once", () => {
    const quarantined = (random: number, isTrial: boolean): number => {
      const starting: RepoProcess = { id: "starting", generation: 1, crashes: { ...NO_CRASHES, isTrial } };
      const event = { ...pick(EVENTS, "exit for good"), generation: 1, random } as RepoEvent;
      const effect = transition(starting, event, POLICY).effects.at(-1);
      return effect?.type === "schedule" ? effect.delayMs : NaN;
    };

    expect([quarantined(0, false), quarantined(0.5, false)]).toEqual([HALF_HOUR_MS, HALF_HOUR_MS + 37_500]);
    expect([quarantined(0, true), quarantined(0.5, true)]).toEqual([DAY_MS, DAY_MS + HALF_HOUR_MS]);
  });

  it("that an earlier daemon left lasts as long as if it had never ended, however the clock was set", () => {
    const left = (at: string, wasTried: boolean, random = 0): number =>
      quarantineLeftMs({ at, wasTried }, new Date("2026-01-02T00:00:00Z"), random);

    expect(left("2026-01-01T23:50:00Z", false)).toBe(20 * 60_000);
    expect(left("2026-01-01T23:50:00Z", true)).toBe(DAY_MS - 10 * 60_000);
    expect(left("2020-01-01T00:00:00Z", true)).toBe(0);
    expect(left("2026-01-02T00:00:00Z", true, 0.5)).toBe(DAY_MS + HALF_HOUR_MS);
    expect(left("2030-01-01T00:00:00Z", true)).toBe(DAY_MS);
    expect(left("no time", false)).toBe(HALF_HOUR_MS);
  });

  it("does not follow from what the machine was short of", () => {
    let state: RepoProcess = pick(STATES, "starting");
    for (let round = 0; round < 20; round += 1) {
      state = transition(state, exit(state.generation, true), POLICY).state;
      expect(state.id).toBe("backing-off");
      state = transition(state, { type: "due", generation: state.generation }, POLICY).state;
    }
  });
});

describe("the first state", () => {
  it("is stopped, or the quarantine that an earlier daemon left", () => {
    expect(initialProcess(null)).toEqual({ id: "stopped", generation: 0 });
    expect(initialProcess({ reason: "why", wasTried: true })).toEqual({
      id: "quarantined",
      generation: 0,
      reason: "why",
      wasTried: true,
    });
  });
});

function pick<T>(table: Record<string, T>, name: string): T {
  const found = table[name];
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

describe("a start that failed", () => {
  it.each([
    ["starting", { ...NO_CRASHES, streak: 1 }, true],
    ["starting", NO_CRASHES, false],
    ["running", { ...NO_CRASHES, streak: 1 }, false],
  ] as const)("in %s with crashes %j is told: %j", (id, crashes, failed) => {
    const state: RepoProcess =
      id === "starting" ? { id, generation: 2, crashes } : { id, generation: 2, crashes, sinceMs: NOW_MS };

    expect(hasFailed(state)).toBe(failed);
  });
});
