// A check suite is what one app makes of one commit. It may be there before any of its runs, and stays queued for an
// app that never reports; its state follows from the newest run of each name.

import { emit, isoNow, type Write } from "../kernel/forge-core.ts";
import { type CheckRecord, nextId, type RepositoryRecord, type SuiteRecord } from "../store/repository-record.ts";

/** They stand with the worst first: the first that any run has is the suite's. */
const CONCLUSIONS = [
  "startup_failure",
  "failure",
  "timed_out",
  "cancelled",
  "action_required",
  "stale",
  "success",
  "neutral",
  "skipped",
] as const;

export interface SuiteState {
  readonly status: "queued" | "in_progress" | "completed";
  readonly conclusion: (typeof CONCLUSIONS)[number] | null;
  readonly runs: readonly CheckRecord[];
}

export interface WantedSuite {
  readonly headSha: string;
  readonly app: string;
  readonly headBranch?: string | null;
  readonly workflow?: SuiteRecord["workflow"];
}

/** Gives the app's suite for this commit, made where there is none. A workflow always gets a new one. */
export function suiteFor(write: Write, { headSha, app, headBranch = null, workflow = null }: WantedSuite): SuiteRecord {
  const { record } = write.repository;
  const found = record.suites.find((suite) => suite.headSha === headSha && suite.app === app);
  if (found !== undefined && workflow === null) return found;
  const suite = { id: nextId(record), app, headSha, headBranch, createdAt: isoNow(write.core), workflow };
  record.suites.push(suite);
  emit(write, { kind: "suite.created", detail: { sha: headSha, app } });
  return suite;
}

export function suiteState(record: RepositoryRecord, suite: SuiteRecord): SuiteState {
  const own = record.checks.filter((check) => check.suiteId === suite.id);
  const runs = [...new Map(own.map((check) => [check.name, check])).values()];
  if (runs.length === 0 && suite.end !== undefined) return { status: "completed", conclusion: suite.end, runs };
  if (runs.length === 0) return { status: "queued", conclusion: null, runs };
  if (runs.some((run) => run.status !== "completed")) {
    const isStarted = runs.some((run) => run.status !== "queued");
    return { status: isStarted ? "in_progress" : "queued", conclusion: null, runs };
  }
  const conclusion = CONCLUSIONS.find((candidate) => runs.some((run) => run.conclusion === candidate)) ?? "success";
  return { status: "completed", conclusion, runs };
}
