// What a stage answers. It says what should become of the issue; settle.ts decides what that means and
// apply-settlement.ts does it. Plain data, because it is kept in the state until it is carried out.

import type { HitlCause, HitlState, IssueOutcome, IssueState } from "../state/issue-state.ts";
import type { StageLabel } from "../../core/domain/stage.ts";
import type { WaitCause } from "../../core/domain/worker-metrics.ts";

/** What a stage may change beside the label. */
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
      /** One line for the history. */
      readonly note: string;
      readonly comment?: OutcomeComment;
      readonly change?: StateChange;
    }
  | {
      readonly kind: "hand-off";
      readonly question: string;
      readonly cause: HitlCause;
      /** What ends the wait beside an answer. */
      readonly awaits?: HitlState["awaits"];
      /** Whether any answer sends it on as it is. */
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
  /** A failed attempt: it counts, and the last one hands the issue to a person. */
  | {
      readonly kind: "retry";
      /** One line. */
      readonly reason: string;
      /** What a person gets to see beside it, in Markdown, when it was the last attempt. */
      readonly detail?: string;
      readonly change?: StateChange;
    }
  /** Nobody's fault and no attempt: what is waited for lies outside. The run and its step stay. */
  | { readonly kind: "wait"; readonly cause: WaitCause; readonly reason: string; readonly until: string | null }
  /** Not ours to work on now, for instance because someone else moved it. Leaves no trace but the reason. */
  | { readonly kind: "skip"; readonly reason: string }
  /** We stop. The run stays in the state, for the next start. */
  | { readonly kind: "interrupted" };

export function handOff(cause: HitlCause, question: string): StageOutcome {
  return { kind: "hand-off", cause, question };
}

/** What is to be done lies outside of the work: any answer lets it go on. */
export function handOut(cause: HitlCause, question: string): StageOutcome {
  return { kind: "hand-off", cause, question, resumes: true };
}

export function retry(reason: string, change: StateChange = {}, detail?: string): StageOutcome {
  return { kind: "retry", reason, change, ...(detail === undefined ? {} : { detail }) };
}

/** Most waits are for what GitHub does with a pull request, and have an end of their own. */
export function wait(reason: string, until: Date | null, cause: WaitCause = "merge"): StageOutcome {
  return { kind: "wait", cause, reason, until: until?.toISOString() ?? null };
}
