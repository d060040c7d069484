// Reads off an issue's state what it is to whoever needs one part of it alone.

import type { HitlState, IssueOutcome, IssueState, Pause, Waited } from "./issue-state.ts";
import type { RunState, SeenEnd } from "./run-step.ts";

/** Returns what is under way: a stage's run, or what follows from an end that a person made. */
export function runOf({ run }: Pick<IssueState, "run">): RunState | SeenEnd | null {
  return run;
}

/** Returns the question that a person is asked, or whose answer is worked in. */
export function questionOf({ hitl }: Pick<IssueState, "hitl">): HitlState | null {
  return hitl;
}

export function outcomeOf({ outcome }: Pick<IssueState, "outcome">): IssueOutcome | null {
  return outcome;
}

/** Returns until when the run is put down. */
export function pauseOf({ pause }: Pick<IssueState, "pause">): Pause | null {
  return pause;
}

/** Returns since when and for what the run waits without an attempt. */
export function waitedOf({ waited }: Pick<IssueState, "waited">): Waited | null {
  return waited;
}
