// Declares what a stage answers: what should become of the issue. settle.ts decides what that means, and
// apply-settlement.ts does it. An outcome is plain data, because it is kept in the state until it is carried out.

import type { HitlCause, HitlState, IssueOutcome, IssueState } from "../state/issue-state.ts";
import type { StageLabel } from "../../core/domain/stage.ts";
import type { WaitCause } from "../../core/domain/worker-metrics.ts";

/** A stage may change these beside the label. */
export type StateChange = Partial<
  Pick<
    IssueState,
    | "feedback"
    | "reviewRounds"
    | "ciFixes"
    | "guidance"
    | "plan"
    | "pull"
    | "branch"
    | "approved"
    | "reviewed"
    | "text"
    | "askedChecks"
    | "waived"
    | "branchUpdates"
    | "kept"
  >
>;

/** `key` names it within the run: `plan`, `review`. */
export interface OutcomeComment {
  readonly key: string;
  readonly body: string;
}

export type StageOutcome =
  | {
      readonly kind: "advance";
      readonly to: StageLabel;
      /** The history gets this one line. */
      readonly note: string;
      readonly comment?: OutcomeComment;
      readonly change?: StateChange;
    }
  | {
      readonly kind: "hand-off";
      readonly question: string;
      readonly cause: HitlCause;
      /** A change of these signs on GitHub ends the wait as an answer does. */
      readonly awaits?: HitlState["awaits"];
      /** It is true when any answer sends the issue on as it is. */
      readonly resumes?: boolean;
      readonly isSuspicion?: HitlState["isSuspicion"];
      readonly change?: StateChange;
    }
  | {
      readonly kind: "close";
      readonly result: IssueOutcome["kind"];
      readonly reason: string;
      readonly comment?: OutcomeComment;
      readonly change?: StateChange;
    }
  /** The attempt failed. It counts, and the last one that is allowed hands the issue to a person. */
  | {
      readonly kind: "retry";
      /** It is one line. */
      readonly reason: string;
      /** A person gets to see this Markdown beside the reason when it was the last attempt. */
      readonly detail?: string;
      readonly change?: StateChange;
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

export function retry(reason: string, change: StateChange = {}, detail?: string): StageOutcome {
  return { kind: "retry", reason, change, ...(detail === undefined ? {} : { detail }) };
}

/** The default cause is that of most waits: what GitHub does with a pull request, which comes to an end by itself. */
export function wait(reason: string, until: Date | null, cause: WaitCause = "merge"): StageOutcome {
  return { kind: "wait", cause, reason, until: until?.toISOString() ?? null };
}
