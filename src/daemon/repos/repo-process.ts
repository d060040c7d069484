// The life of one supervised repository's worker, as a pure function. Every event carries the generation (spawn of
// a worker) it belongs to; one that comes late falls through. Time and chance come in with the events.
//
//                 ┌────────────── restart, start ───────────────┐
//                 ▼                                             │
//   stopped ─▶ starting ── ready ─▶ running ── stop ─▶ stopping ┤─ exited ─▶ stopped
//      ▲        ▲  │                  │                   ▲     │
//      │        │  ├──── exited ──────┤                   │     └─ exited, was hung ─┐
//      │        │  ├──── hung ────────┼───────────────────┘                          │
//      │       due │                  │                                              │
//      │        │  ▼                  ▼                                              │
//      ├─ stop ─ backing-off ◀──── crashed ◀────────────────────────────────────────-┘
//      │                              │ too often, or a restart cannot help
//      └─ stop ─ quarantined ◀────────┘      (start lifts it; `due` does: a trial, whose crash puts it back)

import { assertNever } from "../../core/base/errors.ts";

/** A worker that ran this long is healthy: its earlier crashes are forgotten. */
export const HEALTHY_MS = 600_000;
/** A quarantined repository is tried again after the first of these, and then once in each of the second, for ever. */
const QUARANTINE_MS = 1_800_000;
const QUARANTINE_AGAIN_MS = 86_400_000;
/** This share of the wait comes on top of it: many repositories quarantined at once must not come back at once. */
const QUARANTINE_SPREAD = 1 / 24;
const JITTER = 0.25;
/** More doublings would be beyond any limit, and with a delay of 0 no number at all. */
const DOUBLINGS_MAX = 30;

export interface RespawnPolicy {
  readonly delayMs: number;
  readonly delayMsMax: number;
  /** So many crashes within the window quarantine the repository. */
  readonly crashesMax: number;
  readonly windowMs: number;
}

export interface Crashes {
  /** Counts crashes since the worker was last healthy; it is the exponent of the backoff. */
  readonly streak: number;
  /** Monotonic times of the crashes within the window. */
  readonly atMs: readonly number[];
  /** True when it came out of quarantine by itself: the next crash puts it back. */
  readonly isTrial: boolean;
}

export type RepoProcess =
  | { readonly id: "stopped"; readonly generation: number }
  | { readonly id: "starting"; readonly generation: number; readonly crashes: Crashes }
  | { readonly id: "running"; readonly generation: number; readonly crashes: Crashes; readonly sinceMs: number }
  | { readonly id: "stopping"; readonly generation: number; readonly crashes: Crashes; readonly next: AfterStop }
  | { readonly id: "backing-off"; readonly generation: number; readonly crashes: Crashes; readonly delayMs: number }
  | { readonly id: "quarantined"; readonly generation: number; readonly reason: string; readonly wasTried: boolean };

/** Says what follows once the worker is gone; `respawn` counts as a crash. */
export type AfterStop = "stop" | "start" | "respawn";

export type RepoEvent = { readonly generation: number } & (
  | { readonly type: "start" | "stop" | "restart" | "due" | "hung" }
  | { readonly type: "ready"; readonly nowMs: number }
  | {
      readonly type: "exited";
      readonly nowMs: number;
      /** 0 ≤ random < 1, for the jitter. */
      readonly random: number;
      /** True when the worker said, or its exit code says, that a restart does not help. */
      readonly permanent: boolean;
      /** True when the machine had no process, memory, disk or descriptor for it, which is tried again
       * but is no crash. */
      readonly isShortage: boolean;
      readonly reason: string;
    }
);

export type RepoEffect =
  | { readonly type: "spawn"; readonly generation: number }
  /** `gently` gives the worker its grace; a hung one gets none. */
  | { readonly type: "kill"; readonly generation: number; readonly gently: boolean }
  | { readonly type: "schedule"; readonly generation: number; readonly delayMs: number }
  | { readonly type: "save-quarantine"; readonly reason: string; readonly wasTried: boolean }
  | { readonly type: "lift-quarantine" };

export interface Transition {
  readonly state: RepoProcess;
  readonly effects: readonly RepoEffect[];
}

const NO_CRASHES: Crashes = { streak: 0, atMs: [], isTrial: false };

/** Begins in the quarantine that an earlier daemon left, or stopped when `left` is null. */
export function initialProcess(left: { readonly reason: string; readonly wasTried: boolean } | null): RepoProcess {
  if (left === null) return { id: "stopped", generation: 0 };
  return { id: "quarantined", generation: 0, reason: left.reason, wasTried: left.wasTried };
}

/** True when its last worker crashed, and nobody has started or stopped it since. */
export function hasFailed(state: RepoProcess): boolean {
  if (state.id === "starting") return state.crashes.streak > 0;
  return state.id === "backing-off" || state.id === "quarantined";
}

export interface QuarantineSoFar {
  /** ISO. */
  readonly at: string;
  readonly wasTried: boolean;
}

/** Says how much is left of an earlier daemon's quarantine. A clock that was set back must not make it longer. */
export function quarantineLeftMs({ at, wasTried }: QuarantineSoFar, now: Date, random: number): number {
  const wholeMs = wasTried ? QUARANTINE_AGAIN_MS : QUARANTINE_MS;
  const left = Date.parse(at) + wholeMs - now.getTime();
  return spread(Math.min(Math.max(Number.isNaN(left) ? wholeMs : left, 0), wholeMs), random);
}

export function transition(state: RepoProcess, event: RepoEvent, policy: RespawnPolicy): Transition {
  if (event.generation !== state.generation) return unchanged(state);
  switch (state.id) {
    case "stopped":
      return isStart(event) ? spawn(state, NO_CRASHES) : unchanged(state);
    case "starting":
    case "running":
      return whileAlive(state, event, policy);
    case "stopping":
      return whileStopping(state, event, policy);
    case "backing-off":
      if (event.type === "due") return spawn(state, state.crashes);
      return whileDown(state, event);
    case "quarantined":
      if (event.type === "due") return lifted(spawn(state, { ...NO_CRASHES, isTrial: true }));
      return isStart(event) ? lifted(spawn(state, NO_CRASHES)) : whileDown(state, event);
    default:
      return assertNever(state);
  }
}

type Alive = Extract<RepoProcess, { id: "starting" | "running" }>;
type Stopping = Extract<RepoProcess, { id: "stopping" }>;
type Exited = Extract<RepoEvent, { type: "exited" }>;

function whileAlive(state: Alive, event: RepoEvent, policy: RespawnPolicy): Transition {
  switch (event.type) {
    case "ready":
      if (state.id === "running") return unchanged(state);
      return { state: { ...state, id: "running", sinceMs: event.nowMs }, effects: [] };
    case "stop":
      return kill(state, "stop", true);
    case "restart":
      return kill(state, "start", true);
    case "hung":
      return kill(state, "respawn", false);
    case "exited":
      return crash(state.generation, crashesBefore(state, event.nowMs), event, policy);
    case "start":
    case "due":
      return unchanged(state);
    default:
      return assertNever(event);
  }
}

function whileStopping(state: Stopping, event: RepoEvent, policy: RespawnPolicy): Transition {
  switch (event.type) {
    case "exited":
      if (state.next === "stop") return { state: { id: "stopped", generation: state.generation }, effects: [] };
      if (state.next === "start") return spawn(state, NO_CRASHES);
      return crash(state.generation, state.crashes, event, policy);
    case "stop":
      return { state: { ...state, next: "stop" }, effects: [] };
    case "start":
    case "restart":
      return { state: { ...state, next: "start" }, effects: [] };
    case "ready":
    case "hung":
    case "due":
      return unchanged(state);
    default:
      return assertNever(event);
  }
}

/** No process is there: it may be started at once, or be stopped for good. */
function whileDown(state: RepoProcess, event: RepoEvent): Transition {
  if (isStart(event)) return spawn(state, NO_CRASHES);
  if (event.type === "stop") return { state: { id: "stopped", generation: state.generation }, effects: [] };
  return unchanged(state);
}

function spawn(from: RepoProcess, crashes: Crashes): Transition {
  const generation = from.generation + 1;
  return { state: { id: "starting", generation, crashes }, effects: [{ type: "spawn", generation }] };
}

/** Lifts the quarantine on disk, also behind an operator's start that was saved: a quarantine of the same moment may
 * have been saved behind that start. */
function lifted(next: Transition): Transition {
  return { ...next, effects: [{ type: "lift-quarantine" }, ...next.effects] };
}

function kill(state: Alive, next: AfterStop, gently: boolean): Transition {
  const { generation, crashes } = state;
  return { state: { id: "stopping", generation, crashes, next }, effects: [{ type: "kill", generation, gently }] };
}

function crashesBefore(state: Alive, nowMs: number): Crashes {
  return state.id === "running" && nowMs - state.sinceMs >= HEALTHY_MS ? NO_CRASHES : state.crashes;
}

function crash(generation: number, before: Crashes, event: Exited, policy: RespawnPolicy): Transition {
  if (event.permanent && !event.isShortage) return quarantine(generation, event.reason, before.isTrial, event.random);
  const recent = before.atMs.filter((at) => event.nowMs - at < policy.windowMs);
  const atMs = event.isShortage ? recent : [...recent, event.nowMs];
  if (before.isTrial && !event.isShortage)
    return quarantine(generation, `it crashed again after its quarantine: ${event.reason}`, true, event.random);
  if (atMs.length >= policy.crashesMax) {
    const reason = `${atMs.length} crashes within ${policy.windowMs / 1_000} s; the last: ${event.reason}`;
    return quarantine(generation, reason, false, event.random);
  }
  const crashes = { streak: before.streak + 1, atMs, isTrial: before.isTrial };
  const delayMs = backoffMs(crashes.streak, event.random, policy);
  return {
    state: { id: "backing-off", generation, crashes, delayMs },
    effects: [{ type: "schedule", generation, delayMs }],
  };
}

function quarantine(generation: number, reason: string, wasTried: boolean, random: number): Transition {
  const delayMs = spread(wasTried ? QUARANTINE_AGAIN_MS : QUARANTINE_MS, random);
  return {
    state: { id: "quarantined", generation, reason, wasTried },
    effects: [
      { type: "save-quarantine", reason, wasTried },
      { type: "schedule", generation, delayMs },
    ],
  };
}

function spread(waitMs: number, random: number): number {
  return Math.round(waitMs * (1 + QUARANTINE_SPREAD * random));
}

/** Doubles from `delayMs` up to `delayMsMax`, then ±25 %, so that many repositories do not come back in step. */
function backoffMs(streak: number, random: number, policy: RespawnPolicy): number {
  const plain = Math.min(policy.delayMsMax, policy.delayMs * 2 ** Math.min(streak - 1, DOUBLINGS_MAX));
  return Math.round(plain * (1 - JITTER + 2 * JITTER * random));
}

function isStart(event: RepoEvent): boolean {
  return event.type === "start" || event.type === "restart";
}

function unchanged(state: RepoProcess): Transition {
  return { state, effects: [] };
}
