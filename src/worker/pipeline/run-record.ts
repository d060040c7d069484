// Changes the state of an issue at the beginning, the interruption and the failure of a run. Pure.

import { randomUUID } from "node:crypto";

import type { Stage } from "../../core/domain/stage.ts";
import type { Decision } from "../state/decision.ts";
import { type IssueState, type Pause, type RunState, UNKNOWN_ISSUE, type Waited } from "../state/issue-state.ts";
import { type RunStep, stepMark, type WorkingStep } from "../state/run-step.ts";
import type { StageOutcome } from "./stage-outcome.ts";

/** A failed attempt leaves these steps to the next one, because they are paid for and hold for one commit. */
const KEPT: ReadonlySet<RunStep["at"]> = new Set(["gated", "judged", "approved"]);

/** A run of a stage has this issue. */
export type Running = IssueState & { readonly run: RunState };

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
export function beginRun(known: IssueState, { stage, at, lostCycle }: BeginFacts): Running {
  const isBack = known.outcome !== null;
  const cycle = isBack ? known.cycle + 1 : Math.max(known.cycle, lostCycle + 1);
  const state = isBack ? { ...UNKNOWN_ISSUE, claim: known.claim, history: known.history } : known;
  const kept = stage === "implement" ? state.kept : null;
  const first: RunStep = kept === null ? { at: "begun" } : { at: "gated", ...kept };
  const takenUp = state.run?.by === "stage" && state.run.stage === stage ? state.run : null;
  const run = takenUp ?? newRun(stage, (state.attempts[stage] ?? 0) + 1, at, first);
  return {
    ...state,
    cycle,
    run,
    kept: kept === null ? state.kept : null,
    hitl: stage === "hitl" ? known.hitl : null,
    pause: null,
    waited: takenUp === null ? null : state.waited,
  };
}

/** Prepares the attempt after a failed one. It keeps the failed one's step where that need not be repeated. */
export function failRun(
  state: IssueState,
  outcome: Extract<StageOutcome, { kind: "retry" }>,
  stage: Stage,
  times: { at: string; retryAt: string },
): Running {
  const failures = (state.attempts[stage] ?? 0) + 1;
  const step = state.run?.step;
  const kept: RunStep = step !== undefined && KEPT.has(step.at) ? step : { at: "begun" };
  return {
    ...state,
    ...outcome.change,
    attempts: { ...state.attempts, [stage]: failures },
    run: newRun(stage, failures + 1, times.at, kept),
    pause: { until: times.retryAt, reason: outcome.reason },
    waited: null,
    history: [...state.history, { at: times.at, text: `${stage}: attempt ${failures} failed: ${outcome.reason}` }],
  };
}

/** Puts the run down until the pause is over, without an attempt. */
export function waitRun(state: IssueState, pause: Pause, waited: Waited): IssueState {
  return { ...state, pause, waited };
}

/** Ends the run without a result; a question that stood stands again. */
export function dropRun(state: IssueState, reason: string, at: string): IssueState {
  const history = [...state.history, { at, text: reason }];
  return { ...state, run: null, pause: null, waited: null, history };
}

/** Ends all work on an issue that a person has taken the label from. Whoever puts it again lets the new text pass. */
export function letGo(state: IssueState, reason: string, at: string): IssueState {
  return { ...dropRun(state, reason, at), hitl: null, pull: null, text: null };
}

/** Notes what the run has decided, before anything of that is done. */
export function decideRun(state: IssueState, id: string, outcome: Decision, decidedAt: string): IssueState {
  return stepTo(state, id, { at: "settling", outcome, decidedAt });
}

/** Notes how far the run has come. */
export function markRun(state: IssueState, id: string, step: WorkingStep): IssueState {
  return stepTo(state, id, step);
}

function stepTo(state: IssueState, id: string, step: RunStep): IssueState {
  if (state.run?.by !== "stage" || state.run.id !== id) return state;
  const run = { ...state.run, step };
  return { ...state, run, waited: stepMark(run) === stepMark(state.run) ? state.waited : null };
}

function newRun(stage: Stage, attempt: number, at: string, step: RunStep): RunState {
  return { by: "stage", id: randomUUID(), stage, attempt, sessionId: randomUUID(), startedAt: at, step };
}
