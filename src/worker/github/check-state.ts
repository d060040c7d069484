// One state out of a commit's check runs and commit statuses. Pure. Nothing reported is `none`; a conclusion that is not
// known to be good is a failure.

import type { CheckState } from "./github.ts";

const SUMMARY_LENGTH_MAX = 2_000;
const FAILED_MAX = 20;
const GOOD_CONCLUSIONS: ReadonlySet<string> = new Set(["success", "neutral", "skipped"]);

export interface CheckRun {
  readonly name: string;
  /** `queued`, `in_progress`, `requested`, `waiting`, `pending` or `completed`. */
  readonly status: string;
  readonly conclusion: string | null;
  readonly summary: string;
  readonly url: string;
}

export interface CommitStatus {
  readonly context: string;
  /** `pending`, `success`, `failure` or `error`. */
  readonly state: string;
  readonly description: string;
  readonly url: string;
}

/** One failed check decides, even while others run: waiting for the rest could not make the commit pass. */
export function checkStateOf(runs: readonly CheckRun[], statuses: readonly CommitStatus[]): CheckState {
  const total = runs.length + statuses.length;
  if (total === 0) return { kind: "none" };
  const failed = [
    ...runs.filter((run) => run.status === "completed" && !GOOD_CONCLUSIONS.has(run.conclusion ?? "")).map(describeRun),
    ...statuses.filter(({ state }) => state !== "success" && state !== "pending").map(describeStatus),
  ];
  if (failed.length > 0) return { kind: "failed", failed: failed.slice(0, FAILED_MAX) };
  const pending =
    runs.filter(({ status }) => status !== "completed").length +
    statuses.filter(({ state }) => state === "pending").length;
  return pending > 0 ? { kind: "pending", pending, total } : { kind: "passed", total };
}

function describeRun({ name, conclusion, summary, url }: CheckRun): { name: string; summary: string; url: string } {
  return {
    name,
    summary: (summary === "" ? `ended as ${conclusion ?? "unknown"}` : summary).slice(0, SUMMARY_LENGTH_MAX),
    url,
  };
}

function describeStatus({ context, state, description, url }: CommitStatus): {
  name: string;
  summary: string;
  url: string;
} {
  return { name: context, summary: (description === "" ? state : description).slice(0, SUMMARY_LENGTH_MAX), url };
}
