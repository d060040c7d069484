// Declares what a stage answers: what should become of the issue. settle.ts decides what that means, and
// apply-settlement.ts does it.

import type { Decision, StateChange } from "../state/decision.ts";
import type { HitlCause } from "../state/issue-state.ts";
import type { WaitCause } from "../../core/domain/worker-metrics.ts";

export type StageOutcome =
  | Decision
  /** The attempt failed. It counts, and the last one that is allowed hands the issue to a person. */
  | {
      readonly kind: "retry";
      /** It is one line. */
      readonly reason: string;
      /** A person gets to see this Markdown beside the reason when it was the last attempt. */
      readonly detail?: string;
      readonly change?: StateChange;
      /** What the agent's turn made is of no use. Without this the next attempt begins after a turn that is done. */
      readonly startsOver?: true;
    }
  /** The run waits for something outside, which is nobody's fault and costs no attempt. It keeps its step. */
  | { readonly kind: "wait"; readonly cause: WaitCause; readonly reason: string; readonly until: string | null }
  /** The issue is not ours to work on now, for instance because someone else moved it. Only the reason is kept. */
  | { readonly kind: "skip"; readonly reason: string }
  /** The worker stops. The run stays in the state for the next start. */
  | { readonly kind: "interrupted" };

export function handOff(cause: HitlCause, question: string): StageOutcome {
  return { kind: "hand-off", cause, question };
}

/** Asks for something that is to be done outside of the work, so any answer lets it go on. */
export function handOut(cause: HitlCause, question: string): StageOutcome {
  return { kind: "hand-off", cause, question, resumes: true };
}

/** The attempt failed by what the agent made, so that the next one begins with a turn. */
export function startOver(reason: string, change: StateChange = {}, detail?: string): StageOutcome {
  return { kind: "retry", reason, change, startsOver: true, ...(detail === undefined ? {} : { detail }) };
}

export function retry(reason: string, change: StateChange = {}, detail?: string): StageOutcome {
  return { kind: "retry", reason, change, ...(detail === undefined ? {} : { detail }) };
}

/** The default cause is that of most waits: what GitHub does with a pull request, which comes to an end by itself. */
export function wait(reason: string, until: Date | null, cause: WaitCause = "merge"): StageOutcome {
  return { kind: "wait", cause, reason, until: until?.toISOString() ?? null };
}
