// One state out of what check runs, check suites and commit statuses say of a commit. Pure. Nothing reported is `none`; a
// word that is not in the tables is no verdict on the code, so a person looks at it. docs/github.md shows the same tables.

import type { CheckProblem, CheckState } from "./github.ts";

const SUMMARY_LENGTH_MAX = 2_000;
const PROBLEMS_MAX = 20;
/** GitHub's own continuous integration; it opens a suite for each workflow run and for nothing else. */
export const ACTIONS_APP = "github-actions";

/**
 *   passed     counts as green, as GitHub's required checks count it
 *   nothing    green, but says nothing of the code: nothing but such ones is as good as no check
 *   failed     a verdict on the code, which an agent may mend
 *   undecided  no verdict: nobody can mend it by changing code
 *   pending    to be waited for
 */
export type CheckMeaning = "passed" | "nothing" | "failed" | "undecided" | "pending";

export const CONCLUSIONS: Readonly<Record<string, CheckMeaning>> = {
  success: "passed",
  neutral: "nothing",
  skipped: "nothing",
  failure: "failed",
  timed_out: "failed",
  cancelled: "undecided",
  action_required: "undecided",
  stale: "undecided",
  startup_failure: "undecided",
};

/** Of check runs, check suites and workflow runs; the conclusion of a completed one decides. */
export const RUN_STATUSES: Readonly<Record<string, "pending" | "completed">> = {
  queued: "pending",
  in_progress: "pending",
  requested: "pending",
  waiting: "pending",
  pending: "pending",
  completed: "completed",
};

export const COMMIT_STATES: Readonly<Record<string, CheckMeaning>> = {
  success: "passed",
  pending: "pending",
  failure: "failed",
  error: "failed",
};

export interface CheckRun {
  readonly name: string;
  readonly status: string;
  readonly conclusion: string | null;
  readonly summary: string;
  readonly url: string;
}

/** A check suite, or a workflow run where the credential may not read check suites. */
export interface CheckSuite {
  readonly name: string;
  /** The app that reports in it. */
  readonly app: string;
  readonly status: string;
  readonly conclusion: string | null;
  /** How many runs it has so far. */
  readonly runs: number;
  readonly url: string;
}

export interface CommitStatus {
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly url: string;
}

export interface CheckReports {
  readonly runs: readonly CheckRun[];
  readonly suites: readonly CheckSuite[];
  readonly statuses: readonly CommitStatus[];
  /** Apps that are known to report on commits of this repository. */
  readonly reportingApps: ReadonlySet<string>;
}

interface Judged extends CheckProblem {
  readonly meaning: CheckMeaning;
}

/**
 * One failed check decides, even while others run: waiting for the rest could not make the commit pass. One without a
 * verdict waits for the others, since a cancelled run is often followed by another.
 */
export function checkStateOf(reports: CheckReports): CheckState {
  const judged = [
    ...withoutSuperseded(reports.runs.map(judgeRun)),
    ...reports.statuses.map(judgeStatus),
    ...reports.suites.filter((suite) => isCounted(suite, reports.reportingApps)).map(judgeRun),
  ];
  const of = (meaning: CheckMeaning) => judged.filter((each) => each.meaning === meaning);
  const failed = of("failed");
  if (failed.length > 0) return { kind: "failed", failed: problemsOf(failed) };
  const pending = of("pending").length;
  if (pending > 0) return { kind: "pending", pending, total: judged.length };
  const undecided = of("undecided");
  if (undecided.length > 0) return { kind: "undecided", undecided: problemsOf(undecided) };
  if (of("passed").length === 0) return { kind: "none" };
  return { kind: "passed", total: judged.length, names: namesOf(reports) };
}

/** Under which names something has reported, in whatever state. */
export function namesOf({ runs, statuses }: Pick<CheckReports, "runs" | "statuses">): string[] {
  return [...new Set([...runs.map(({ name }) => name), ...statuses.map(({ context }) => context)])];
}

/** Ends of a suite without runs that nothing else tells: a workflow that could not begin, or waits for an approval. */
const SUITE_ENDS: ReadonlySet<string> = new Set(["action_required", "startup_failure", "failure", "timed_out"]);

/**
 * A suite that runs holds the commit back although its next run is not there yet; the runs of one that has ended speak for
 * it. GitHub opens one for every installed app on each push, and leaves it queued for ever where the app never reports:
 * such a one counts only of apps that do.
 */
function isCounted({ app, status, conclusion, runs }: CheckSuite, reportingApps: ReadonlySet<string>): boolean {
  const hasEnded = RUN_STATUSES[status] === "completed";
  if (runs > 0) return !hasEnded;
  return (app === ACTIONS_APP || reportingApps.has(app)) && (!hasEnded || SUITE_ENDS.has(conclusion ?? ""));
}

/** A run that was cancelled counts no longer when another of the same name has passed: a newer push or a person took its place. */
function withoutSuperseded(judged: readonly Judged[]): Judged[] {
  const passed = new Set(judged.filter(({ meaning }) => meaning === "passed").map(({ name }) => name));
  return judged.filter(({ meaning, name }) => meaning !== "undecided" || !passed.has(name));
}

function judgeRun(run: CheckSuite | CheckRun): Judged {
  const { name, url, conclusion } = run;
  const isPending = RUN_STATUSES[run.status] !== "completed";
  const word = isPending ? run.status : (conclusion ?? "no conclusion");
  const summary = "summary" in run && run.summary !== "" ? run.summary : `ended as ${word}`;
  return { name, url, conclusion: word, summary, meaning: isPending ? "pending" : (CONCLUSIONS[word] ?? "undecided") };
}

function judgeStatus({ context, state, description, url }: CommitStatus): Judged {
  const meaning = COMMIT_STATES[state] ?? "undecided";
  return { name: context, url, conclusion: state, summary: description === "" ? state : description, meaning };
}

function problemsOf(judged: readonly Judged[]): CheckProblem[] {
  return judged.slice(0, PROBLEMS_MAX).map(({ name, conclusion, summary, url }) => ({
    name,
    conclusion,
    summary: summary.slice(0, SUMMARY_LENGTH_MAX),
    url,
  }));
}
