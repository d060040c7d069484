// Holds all that the supervisor knows of one repository as one value: where its worker's life stands (repo-process.ts),
// the worker's last words, how the last worker ended, what was asked for. Pure; the supervisor performs the effects.
//
// I1 What a worker says counts only while that worker's generation is alive.
// I2 Everything that belongs to one worker goes with it: its view, and the order to take no new issue.

import { assertNever } from "../../core/base/errors.ts";
import type { LastExit } from "../../core/messages/supervisor-control.ts";
import type { WorkerExit } from "../workers/worker-process.ts";
import { NO_WORKER, type WorkerView } from "../workers/worker-view.ts";
import type { Quarantine } from "./quarantine.ts";
import {
  initialProcess,
  type RepoEffect,
  type RepoEvent,
  type RepoProcess,
  type RespawnPolicy,
  transition,
} from "./repo-process.ts";

export interface RepoLife {
  readonly process: RepoProcess;
  readonly worker: WorkerView;
  /** True while the worker takes no issue because it is to be replaced or removed; false again with the next one. */
  readonly isHeld: boolean;
  /** An operator waits for what the last command does; the next spawn uses it up. */
  readonly isUrgent: boolean;
  readonly lastExit: LastExit | null;
  /** How the last worker ended; null before the first end. */
  readonly ended: WorkerExit | null;
  /** The end of the present wait; null before the first wait. */
  readonly nextTry: Date | null;
  readonly quarantines: number;
}

export interface Exited {
  readonly type: "exited";
  readonly generation: number;
  readonly nowMs: number;
  readonly at: Date;
  /** 0 ≤ random < 1, for the jitter. */
  readonly random: number;
  /** It has no secrets in it any more. */
  readonly exit: WorkerExit;
  /** False when the wait for a process was ended before there was one. */
  readonly wasSpawned: boolean;
}

export type LifeEvent =
  | { readonly type: "asked"; readonly command: "start" | "stop" | "restart"; readonly isUrgent: boolean }
  | { readonly type: "held" | "reopened" }
  | { readonly type: "seen"; readonly generation: number; readonly change: Partial<WorkerView> }
  | { readonly type: "ready"; readonly generation: number; readonly nowMs: number }
  | { readonly type: "due" | "hung"; readonly generation: number }
  | Exited;

export type LifeEffect =
  | Exclude<RepoEffect, { type: "spawn" | "save-quarantine" }>
  | { readonly type: "spawn"; readonly generation: number; readonly isUrgent: boolean }
  | { readonly type: "save-quarantine"; readonly quarantine: Quarantine };

export interface LifeStep {
  readonly life: RepoLife;
  readonly effects: readonly LifeEffect[];
}

/** Begins in the quarantine that an earlier daemon left, or stopped when `left` is null. */
export function initialLife(left: Quarantine | null, nextTry: Date | null): RepoLife {
  return {
    process: initialProcess(left),
    worker: NO_WORKER,
    isHeld: false,
    isUrgent: false,
    lastExit: left?.exit ?? null,
    ended: null,
    nextTry,
    quarantines: 0,
  };
}

/** Says whether somebody asked for the end of the present worker. */
export function isEndAsked({ process }: RepoLife): boolean {
  return process.id === "stopping" && process.next !== "respawn";
}

export function evolve(life: RepoLife, event: LifeEvent, policy: RespawnPolicy): LifeStep {
  switch (event.type) {
    case "asked": {
      const { generation } = life.process;
      return advance({ ...life, isUrgent: event.isUrgent }, { type: event.command, generation }, policy);
    }
    case "held":
    case "reopened":
      return { life: { ...life, isHeld: event.type === "held" }, effects: [] };
    case "seen":
      // I1
      if (!isAlive(life.process) || event.generation !== life.process.generation) return { life, effects: [] };
      return { life: { ...life, worker: { ...life.worker, ...event.change } }, effects: [] };
    case "ready":
    case "due":
    case "hung":
      return advance(life, event, policy);
    case "exited":
      return exited(life, event, policy);
    default:
      return assertNever(event);
  }
}

function isAlive({ id }: RepoProcess): boolean {
  return id === "starting" || id === "running" || id === "stopping";
}

function exited(life: RepoLife, event: Exited, policy: RespawnPolicy): LifeStep {
  const { generation, nowMs, at, random, exit } = event;
  const { permanent, isShortage, reason } = exit;
  const lastExit = lastExitAfter(life, event);
  // I2
  const alone = { ...life, worker: NO_WORKER, isHeld: false, ended: exit, lastExit };
  const said = { type: "exited", generation, nowMs, random, permanent, isShortage, reason } as const;
  const next = advance(alone, said, policy);
  const wait = next.effects.find((effect) => effect.type === "schedule");
  if (wait === undefined) return next;
  return { ...next, life: { ...next.life, nextTry: new Date(at.getTime() + wait.delayMs) } };
}

function lastExitAfter(life: RepoLife, { at, exit, wasSpawned }: Exited): LastExit | null {
  const wasAsked = isEndAsked(life);
  if (!wasSpawned && wasAsked) return life.lastExit;
  const { code, signal, reason, lastLines, loggedLines } = exit;
  const said = wasAsked
    ? { reason: "stopped as asked", last_lines: [] }
    : { reason, last_lines: [...lastLines, ...loggedLines] };
  return { code, signal, at: at.toISOString(), ...said };
}

function advance(life: RepoLife, event: RepoEvent, policy: RespawnPolicy): LifeStep {
  const { state: process, effects } = transition(life.process, event, policy);
  const has = (type: RepoEffect["type"]): boolean => effects.some((effect) => effect.type === type);
  return {
    life: {
      ...life,
      process,
      isUrgent: life.isUrgent && !has("spawn"),
      quarantines: life.quarantines + (has("save-quarantine") ? 1 : 0),
    },
    effects: effects.map((effect): LifeEffect => {
      if (effect.type === "spawn") return { ...effect, isUrgent: life.isUrgent };
      if (effect.type !== "save-quarantine") return effect;
      const { reason, wasTried } = effect;
      return { type: "save-quarantine", quarantine: { reason, wasTried, exit: life.lastExit } };
    }),
  };
}
