// How far a run has come, as it stands in the state: what a restarted worker need not do again.
//
//   begun ──▶ prompted ──▶ gated ──▶ settling          (a review: begun ──▶ prompted ──▶ approved ──▶ settling)

import { parseJsonObject } from "../../core/json-lines.ts";
import type { StageOutcome } from "./stage-outcome.ts";

export type RunStep =
  | { readonly at: "begun" }
  /** The agent's session has had its first prompt; it is resumed, not begun. */
  | { readonly at: "prompted" }
  /** The work is committed as `sha` and the gate was green for it. */
  | { readonly at: "gated"; readonly sha: string; readonly summary: string }
  /** The reviewer approved. `since`: when the checks of `sha` were first waited for; `looks`: answers that said "none". */
  | { readonly at: "approved"; readonly sha: string; readonly since: string; readonly looks: number }
  /** The outcome is decided and is being carried out; `decidedAt` names its question. */
  | { readonly at: "settling"; readonly outcome: StageOutcome; readonly decidedAt: string };

export function writeStep(step: RunStep): string {
  return JSON.stringify(step);
}

/** The text is our own, read back from a file with a checksum; one of an unknown form begins the run anew. */
export function readStep(text: string): RunStep {
  const step = parseJsonObject(text);
  return typeof step?.["at"] === "string" ? (step as unknown as RunStep) : { at: "begun" };
}
