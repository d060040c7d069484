// Changes the state of an issue at the beginning, the interruption and the failure of a run. Pure.

import { randomUUID } from "node:crypto";

import type { Stage } from "../../core/domain/stage.ts";
import type { Decision } from "../state/decision.ts";
import { type IssueState, type Pause, UNKNOWN_ISSUE, type Waited } from "../state/issue-state.ts";
import {
  IDLE,
  isUnderWay,
  pauseOf,
  questionOf,
  restOf,
  runOf,
  underWay,
  type Way,
  waitedOf,
} from "../state/issue-way.ts";
import { type RunStep, stepMark, type WorkingRun, type WorkingStep } from "../state/run-step.ts";
import type { StageOutcome } from "./stage-outcome.ts";

export interface BeginFacts {
  readonly stage: Stage;
  /** It is an ISO time. */
  readonly at: string;
  /** It is the highest cycle that the journal knows of an issue that the state does not know; else 0. */
  readonly lostCycle: number;
}

/**
 * Takes up the run of this stage that is in the state, or begins one. An ended issue that came back begins a new cycle.
 */
export function beginRun(known: IssueState, { stage, at, lostCycle }: BeginFacts): IssueState {
  const isBack = known.way.is === "ended";
  const cycle = isBack ? known.cycle + 1 : Math.max(known.cycle, lostCycle + 1);
  const state = isBack ? { ...UNKNOWN_ISSUE, claim: known.claim, history: known.history } : known;
  const kept = stage === "implement" ? state.kept : null;
  const first: WorkingStep = kept === null ? { at: "begun" } : stepOfKept(kept);
  const before = runOf(state);
  const takenUp = before?.by === "stage" && before.stage === stage ? before : null;
  const run = takenUp ?? newRun(stage, (state.attempts[stage] ?? 0) + 1, at, first);
  const asked = stage === "hitl" ? questionOf(known) : null;
  return {
    ...state,
    cycle,
    way: underWay(run, { asked, pause: null, waited: takenUp === null ? null : waitedOf(state) }),
    kept: kept === null ? state.kept : null,
  };
}

/** Prepares the attempt after a failed one. It keeps the failed one's step where that need not be repeated. */
export function failRun(
  state: IssueState,
  outcome: Extract<StageOutcome, { kind: "retry" }>,
  stage: Stage,
  times: { at: string; retryAt: string },
): IssueState {
  const failures = (state.attempts[stage] ?? 0) + 1;
  const run = newRun(stage, failures + 1, times.at, keptOf(runOf(state)?.step, outcome.startsOver ?? false));
  const pause = { until: times.retryAt, reason: outcome.reason };
  return {
    ...state,
    ...outcome.change,
    attempts: { ...state.attempts, [stage]: failures },
    way: { is: "running", run, asked: questionOf(state), pause, waited: null },
    history: [...state.history, { at: times.at, text: `${stage}: attempt ${failures} failed: ${outcome.reason}` }],
  };
}

/** Puts the run down until the pause is over, without an attempt. */
export function waitRun(state: IssueState, pause: Pause, waited: Waited): IssueState {
  return isUnderWay(state.way) ? { ...state, way: { ...state.way, pause, waited } } : state;
}

/** Ends the run without a result; a question that stood stands again. */
export function dropRun(state: IssueState, reason: string, at: string): IssueState {
  const way = isUnderWay(state.way) ? restOf(state.way.asked) : state.way;
  return { ...state, way, history: [...state.history, { at, text: reason }] };
}

/** Ends all work on an issue that a person has taken the label from. Whoever puts it again lets the new text pass. */
export function letGo(state: IssueState, reason: string, at: string): IssueState {
  const { way } = state;
  const rest: Way = way.is === "ended" ? { ...way, onHold: null } : IDLE;
  return { ...dropRun(state, reason, at), way: rest, pull: null, text: null };
}

/** Notes what the run has decided, before anything of that is done. */
export function decideRun(state: IssueState, id: string, outcome: Decision, decidedAt: string): IssueState {
  return stepTo(state, id, { at: "settling", outcome, decidedAt });
}

/** Notes how far the run has come. */
export function markRun(state: IssueState, id: string, step: WorkingStep): IssueState {
  return stepTo(state, id, step);
}

/** A wait for this very step goes on; one for an earlier step is over. */
function stepTo(state: IssueState, id: string, step: RunStep): IssueState {
  const run = runOf(state);
  if (run?.by !== "stage" || run.id !== id) return state;
  const next = { ...run, step };
  const waited = stepMark(next) === stepMark(run) ? waitedOf(state) : null;
  return { ...state, way: underWay(next, { asked: questionOf(state), pause: pauseOf(state), waited }) };
}

/** A failed attempt leaves these steps to the next one, because they are paid for and hold for one commit. */
function keptOf(step: RunStep | undefined, startsOver: boolean): WorkingStep {
  switch (step?.at) {
    case "turned":
      return startsOver ? { at: "begun" } : step;
    case "gated":
    case "judged":
    case "approved":
      return step;
    default:
      return { at: "begun" };
  }
}

function stepOfKept({ sha, summary }: NonNullable<IssueState["kept"]>): WorkingStep {
  return sha === null ? { at: "turned", session: null, summary } : { at: "gated", sha, summary };
}

function newRun(stage: Stage, attempt: number, at: string, step: WorkingStep): WorkingRun {
  return { by: "stage", id: randomUUID(), stage, attempt, sessionId: randomUUID(), startedAt: at, step };
}
