// How far a run has come, as it stands in the state: what a restarted worker need not do again.
//
//   begun ──▶ prompted ──▶ gated ──▶ settling
//   a review: begun ──▶ prompted ──▶ judged ──▶ approved ──▶ settling

import { parseJsonObject } from "../../core/files/json-lines.ts";
import type { ReviewVerdict } from "../agent/contract/verdict.ts";
import type { RunState } from "../state/issue-state.ts";
import type { GreenLooks } from "./green.ts";
import type { StageOutcome } from "./stage-outcome.ts";

export type RunStep =
  | { readonly at: "begun" }
  /** GitHub wants the branch to take in its base before it merges. */
  | { readonly at: "behind" }
  /** The agent's session has had its first prompt; it is resumed, not begun. */
  | { readonly at: "prompted" }
  /** The work is committed as `sha` and the gate was green for it. */
  | { readonly at: "gated"; readonly sha: string; readonly summary: string }
  /** The reviewing agent has judged `sha`, which is paid for. */
  | { readonly at: "judged"; readonly sha: string; readonly verdict: ReviewVerdict }
  | ApprovedStep
  /** The outcome is decided and is being carried out; `decidedAt` names its question. */
  | { readonly at: "settling"; readonly outcome: StageOutcome; readonly decidedAt: string };

/** The reviewer approved `sha`, and its checks are waited for. */
export interface ApprovedStep {
  readonly at: "approved";
  readonly sha: string;
  /** When the checks of `sha` were first waited for. */
  readonly since: string;
  /** Answers that said that there are no checks. */
  readonly looks: number;
  readonly green?: GreenLooks | null;
  /** When it was put into the merge queue. */
  readonly queuedAt?: string | null;
  /** Whether the last look found it there no more. */
  readonly hasLeftQueue?: boolean;
}

export function approvedStep(sha: string, now: Date): ApprovedStep {
  return { at: "approved", sha, since: now.toISOString(), looks: 0, green: null, queuedAt: null };
}

export function writeStep(step: RunStep): string {
  return JSON.stringify(step);
}

/** The text is our own, read back from a file with a checksum; one of an unknown form begins the run anew. */
export function readStep(text: string): RunStep {
  const step = parseJsonObject(text);
  return typeof step?.["at"] === "string" ? (step as unknown as RunStep) : { at: "begun" };
}

/** Names how far a run has come; null where there is none. Another mark is progress. */
export function stepMark(run: RunState | null): string | null {
  if (run === null) return null;
  const step = readStep(run.step);
  return [run.id, step.at, "sha" in step ? step.sha : ""].join(" ");
}
