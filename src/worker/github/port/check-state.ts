// Makes one state out of what check runs, check suites and commit statuses say of a commit. It is pure. A commit
// without reports is `none`; a word that is not in the tables is no verdict on the code, so a person looks at it.
// docs/github.md shows the same tables.

import type { CheckProblem, CheckState } from "./github.ts";

const SUMMARY_LENGTH_MAX = 2_000;
const PROBLEMS_MAX = 20;
/** This is GitHub's own continuous integration; it opens a suite for each workflow run and for nothing else. */
export const ACTIONS_APP = "github-actions";
/** Another app that reports here may take so long to its first run; after that it has nothing to say of the commit. */
const FIRST_RUN_MS_MAX = 5 * 60_000;

/**
 * A conclusion means one of these:
 *
 *   passed     counts as green, as GitHub's required checks count it
 *   nothing    green, but says nothing of the code: a commit with none but such checks has as good as no check
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

/** Check runs, check suites and workflow runs have these statuses; the conclusion of a completed one decides. */
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
  /** The number grows with time. */
  readonly id: number;
  readonly name: string;
  /** The app that reports the run. */
  readonly app: string;
  /** The check suite, or the workflow run that stands for it. */
  readonly suite: number;
  readonly status: string;
  readonly conclusion: string | null;
  readonly summary: string;
  readonly url: string;
  /** An ISO time; empty while the run waits. */
  readonly startedAt: string;
}

/** A check suite, or a workflow run where the credential may not read check suites. */
export interface CheckSuite {
  readonly id: number;
  readonly name: string;
  /** The app that reports in the suite. */
  readonly app: string;
  readonly status: string;
  readonly conclusion: string | null;
  /** So many runs are there by now. */
  readonly runs: number;
  readonly url: string;
  readonly createdAt: string;
  /** The base branch of a pull request with this head; null where there is none. */
  readonly base: string | null;
}

export interface CommitStatus {
  readonly context: string;
  readonly state: string;
  readonly description: string;
  readonly url: string;
  readonly createdAt: string;
}

export interface CheckReports {
  readonly runs: readonly CheckRun[];
  readonly suites: readonly CheckSuite[];
  readonly statuses: readonly CommitStatus[];
  /** These apps are known to report on commits of this repository. */
  readonly reportingApps: ReadonlySet<string>;
  readonly now: Date;
}

interface Judged extends CheckProblem {
  readonly meaning: CheckMeaning;
}

/**
 * One failed check decides, even while others run: waiting for the rest could not make the commit pass. A check without
 * a verdict waits for the others, since a cancelled run is often followed by another.
 */
export function checkStateOf(reports: CheckReports): CheckState {
  const judged = [
    ...withoutSuperseded(newestOfEach(reports.runs).map(judgeRun)),
    ...reports.statuses.map(judgeStatus),
    ...reports.suites.filter((suite) => isCounted(suite, reports)).map(judgeSuite),
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

/** Returns the names under which something has reported, in whatever state. */
export function namesOf({ runs, statuses }: Pick<CheckReports, "runs" | "statuses">): string[] {
  return [...new Set([...runs.map(({ name }) => name), ...statuses.map(({ context }) => context)])];
}

/** A workflow run without jobs that nothing else tells of ends in one of these. */
const UNSTARTED_ENDS: ReadonlySet<string> = new Set(["startup_failure", "failure", "timed_out"]);

/**
 * Says whether a workflow ended before it had a job, as it does when GitHub cannot read its file. That is no verdict on
 * the code, and often as old as the base branch's own.
 */
export function isUnstarted({ app, status, conclusion, runs }: CheckSuite): boolean {
  const hasEnded = RUN_STATUSES[status] === "completed";
  return app === ACTIONS_APP && runs === 0 && hasEnded && UNSTARTED_ENDS.has(conclusion ?? "");
}

/**
 * A suite that runs holds the commit back although its next run is not there yet; the runs of a suite that has ended
 * speak for it. GitHub opens one for every installed app on each push, and leaves it queued for ever where the app has
 * nothing to say, be it of this repository or of the paths that changed.
 */
function isCounted(suite: CheckSuite, { reportingApps, now }: Pick<CheckReports, "reportingApps" | "now">): boolean {
  const hasEnded = RUN_STATUSES[suite.status] === "completed";
  if (suite.runs > 0) return !hasEnded;
  if (suite.app === ACTIONS_APP) return !hasEnded || suite.conclusion === "action_required" || isUnstarted(suite);
  const ageMs = now.getTime() - Date.parse(suite.createdAt);
  return !hasEnded && reportingApps.has(suite.app) && ageMs < FIRST_RUN_MS_MAX;
}

/**
 * The last report of a check counts. Two suites of Actions are two workflow runs, which may have jobs of the same name
 * by chance; only their workflows tell which of them takes another's place.
 */
function newestOfEach(runs: readonly CheckRun[]): CheckRun[] {
  const byKey = new Map<string, CheckRun>();
  for (const run of runs) {
    const key = `${run.app === ACTIONS_APP ? run.suite : run.app} ${run.name}`;
    if (run.id >= (byKey.get(key)?.id ?? 0)) byKey.set(key, run);
  }
  return [...byKey.values()];
}

/**
 * A run that was cancelled counts no longer when another of the same name has passed: a newer push or a person took its
 * place.
 */
function withoutSuperseded(judged: readonly Judged[]): Judged[] {
  const passed = new Set(judged.filter(({ meaning }) => meaning === "passed").map(({ name }) => name));
  return judged.filter(({ meaning, name }) => meaning !== "undecided" || !passed.has(name));
}

function judgeSuite(suite: CheckSuite): Judged {
  const judged = judgeRun(suite);
  if (!isUnstarted(suite)) return judged;
  return { ...judged, name: `${suite.name} (its workflow file could not be started)`, meaning: "undecided" };
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
