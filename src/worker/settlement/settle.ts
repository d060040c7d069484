// Decides what a stage's outcome means: which comment, which label, what is closed, kept and remembered. Pure; what it
// decides is carried out by apply-settlement.ts, as often as crashes make it necessary, with the same result.

import { assertNever } from "../../core/base/errors.ts";
import { LABEL_OF_STAGE, labelName, type Stage, type StageLabel } from "../../core/domain/stage.ts";
import type { Decision } from "../state/decision.ts";
import { IDLE, pauseOf, questionOf, restOf, runOf, underWay, waitedOf } from "../state/issue-way.ts";
import type { HitlState, IssueOutcome, IssueState, RunState } from "../state/issue-state.ts";
import { questionComment, quoted } from "../issues/issue-text.ts";
import type { RunStep, SeenEnd } from "../state/run-step.ts";
import type { StageOutcome } from "../pipeline/stage-outcome.ts";
import type { Wait } from "../waits/wait-book.ts";

export interface Settlement {
  /** It is saved before anything else is done, so that no answer is lost; null when nothing is asked. */
  readonly question: HitlState | null;
  readonly comment: { readonly key: string; readonly body: string } | null;
  readonly from: StageLabel;
  /** `none` takes every stage label away; null leaves them. */
  readonly to: StageLabel | "none" | null;
  readonly close: "completed" | "not_planned" | null;
  /** Worktree, branches and the agent's home are of no more use. */
  readonly cleanUp: { readonly remoteBranch: boolean; readonly keepsLocalBranch?: boolean } | null;
  /** The status comment says this from now on; null keeps the claim. */
  readonly release: string | null;
}

export interface SettleFacts {
  readonly state: IssueState;
  readonly run: Pick<RunState, "id" | "stage">;
  readonly labelPrefix: string;
  /** It is an ISO time, the same at every repetition. */
  readonly decidedAt: string;
}

export function settle(outcome: Decision, facts: SettleFacts): Settlement {
  const { run } = facts;
  const nothing: Settlement = {
    question: null,
    comment: null,
    from: LABEL_OF_STAGE[run.stage],
    to: null,
    close: null,
    cleanUp: null,
    release: null,
  };
  switch (outcome.kind) {
    case "advance":
      return { ...nothing, comment: commentOf(outcome.comment, facts), to: outcome.to };
    case "hand-off":
      return handOffSettlement(outcome, facts, nothing);
    case "close":
      return closeSettlement(outcome, facts, nothing);
    default:
      return assertNever(outcome);
  }
}

/** The last allowed failure is handed to a person instead of being tried again. */
export function escalate(outcome: StageOutcome, state: IssueState, stage: Stage, attemptsMax: number): StageOutcome {
  const failures = (state.attempts[stage] ?? 0) + 1;
  if (outcome.kind !== "retry" || failures < attemptsMax) return outcome;
  const detail = outcome.detail === undefined ? "" : `\n\n${outcome.detail}`;
  const failed = `${failures} attempt${failures > 1 ? "s" : ""} to ${stage} this issue failed, the last one so: ${outcome.reason}${detail}`;
  const step = runOf(state)?.step;
  const kept = step?.at === "turned" && outcome.startsOver !== true ? keptWork(stage, step) : null;
  if (kept !== null) {
    const question = `${failed}\n\nThe agent's work is done and kept. Mend what stands in the way, then answer here: it goes on where it stopped.`;
    return { kind: "hand-off", cause: "attempts", question, resumes: true, change: { ...outcome.change, kept } };
  }
  const question = `${failed}\n\nWhat is to be done differently?`;
  return { kind: "hand-off", cause: "attempts", question, change: outcome.change ?? {} };
}

/** Asks a person about a wait that does not end by itself. What was done until then is kept. */
export function askAboutWait({ reason, since, times }: Wait, stage: Stage, step: RunStep): Decision {
  const kept = keptWork(stage, step);
  return {
    kind: "hand-off",
    cause: "waiting",
    question: `This issue has waited since ${since.toISOString()}, ${times} tries long, and nothing that HydraFlow does ends that: ${reason}\n\nMend what stands in the way, then answer here: it goes on where it stopped. After an answer that comes earlier it waits on, and asks again.`,
    resumes: true,
    change: kept === null ? {} : { kept },
  };
}

/** Returns the work of a run that need not be made a second time. */
function keptWork(stage: Stage, step: RunStep | undefined): IssueState["kept"] {
  if (stage !== "implement") return null;
  if (step?.at === "gated") return { sha: step.sha, summary: step.summary };
  return step?.at === "turned" ? { sha: null, summary: step.summary } : null;
}

/** Returns the state once everything is carried out. */
export function settledState(state: IssueState, outcome: Decision, stage: Stage, at: string): IssueState {
  const passes = { ...state.passes, [stage]: (state.passes[stage] ?? 0) + 1 };
  const done = { ...state, ...outcome.change, passes };
  switch (outcome.kind) {
    case "advance": {
      const attempts = stage === "hitl" ? {} : { ...state.attempts, [stage]: 0 };
      return { ...done, attempts, way: IDLE, history: [...state.history, { at, text: `${stage}: ${outcome.note}` }] };
    }
    case "hand-off":
      return {
        ...done,
        way: restOf(questionOf(state)),
        // An approval waives the checks that this question is about, and none that an earlier question was about.
        askedChecks: outcome.change?.askedChecks ?? [],
        attempts: { ...state.attempts, [stage]: 0 },
        history: [...state.history, { at, text: `${stage}: handed to a person (${outcome.cause})` }],
      };
    case "close": {
      const ended = { kind: outcome.result, reason: outcome.reason, at, pull: state.pull };
      return {
        ...done,
        way: { is: "ended", outcome: ended, onHold: null },
        history: [...state.history, { at, text: `ended as ${outcome.result}: ${outcome.reason}` }],
      };
    }
    default:
      return assertNever(outcome);
  }
}

/** A person has ended the issue on GitHub; what follows from that is carried out as a run's decision is. */
export function seeEnd(state: IssueState, end: SeenEnd): IssueState {
  const way = underWay(end, { asked: questionOf(state), pause: pauseOf(state), waited: waitedOf(state) });
  return { ...state, way };
}

/** Ends an issue with which nothing is left to be done. */
export function endIssue(state: IssueState, outcome: IssueOutcome): IssueState {
  return { ...state, way: { is: "ended", outcome, onHold: null } };
}

function handOffSettlement(
  { cause, question, awaits = null, resumes = false, isSuspicion }: Extract<Decision, { kind: "hand-off" }>,
  facts: SettleFacts,
  nothing: Settlement,
): Settlement {
  const { state, run, labelPrefix, decidedAt } = facts;
  // After a question that came up while an answer was worked in, the issue goes back to where the first one came from.
  const before = questionOf(state);
  const origin = run.stage === "hitl" ? (before?.origin ?? "find") : LABEL_OF_STAGE[run.stage];
  const isRepeated = before?.askedAt === decidedAt;
  const asked = {
    question,
    cause,
    origin,
    askedAt: decidedAt,
    commentId: null,
    awaits,
    resumes,
    isSuspicion,
    said: null,
  };
  const body = questionComment(cause, question, labelName(labelPrefix, "hitl"), ownOf(state));
  return {
    ...nothing,
    question: isRepeated ? before : asked,
    comment: { key: `comment/question-${passOf(facts)}`, body },
    to: "hitl",
    release: "**HydraFlow** waits for a person's answer on this issue.",
  };
}

function closeSettlement(
  outcome: Extract<Decision, { kind: "close" }>,
  facts: SettleFacts,
  nothing: Settlement,
): Settlement {
  const shared = {
    ...nothing,
    comment: commentOf(outcome.comment, facts),
    release: `**HydraFlow** has ended its work on this issue: ${quoted(outcome.reason, ownOf(facts.state))}`,
  };
  switch (outcome.result) {
    case "merged":
      return { ...shared, to: "fixed", close: "completed", cleanUp: { remoteBranch: true } };
    case "already_satisfied":
      return { ...shared, to: "dup", close: "completed", cleanUp: { remoteBranch: false } };
    case "closed":
      // Somebody ended it; what was made until then may be of use to them.
      return { ...shared, to: "none", close: "not_planned", cleanUp: { remoteBranch: false, keepsLocalBranch: true } };
    case "skipped":
    case "failed":
      return { ...shared, to: "none", cleanUp: { remoteBranch: false } };
    default:
      return assertNever(outcome.result);
  }
}

/** Lists what our texts may link to; the issue itself needs no link. */
function ownOf({ pull }: IssueState): readonly number[] {
  return pull === null ? [] : [pull];
}

function commentOf(
  comment: { readonly key: string; readonly body: string } | undefined,
  facts: SettleFacts,
): Settlement["comment"] {
  return comment === undefined ? null : { key: `comment/${comment.key}-${passOf(facts)}`, body: comment.body };
}

/**
 * Names the pass, the same for every run that tries to carry this decision out, so that a repeated run finds what was
 * posted.
 */
function passOf({ state, run }: SettleFacts): string {
  return `${run.stage}-${(state.passes[run.stage] ?? 0) + 1}`;
}
