// Says how far a run has come, as the state keeps it, so that a restarted worker repeats nothing that is done.
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
  /** The checks of `sha` have been waited for since then. */
  readonly since: string;
  /** It counts the answers that said that there are no checks. */
  readonly looks: number;
  readonly green?: GreenLooks | null;
  /** The pull request was put into the merge queue at that time. */
  readonly queuedAt?: string | null;
  /** It is true when the last look did not find it in the queue any more. */
  readonly hasLeftQueue?: boolean;
}

export function approvedStep(sha: string, now: Date): ApprovedStep {
  return { at: "approved", sha, since: now.toISOString(), looks: 0, green: null, queuedAt: null };
}

export function writeStep(step: RunStep): string {
  return JSON.stringify(step);
}

/** Reads a step that we wrote ourselves into a file with a checksum. A text of an unknown form begins the run anew. */
export function readStep(text: string): RunStep {
  const step = parseJsonObject(text);
  return typeof step?.["at"] === "string" ? (step as unknown as RunStep) : { at: "begun" };
}

/** Names how far a run has come; null where there is no run. Another name means progress. */
export function stepMark(run: RunState | null): string | null {
  if (run === null) return null;
  const step = readStep(run.step);
  return [run.id, step.at, "sha" in step ? step.sha : ""].join(" ");
}
