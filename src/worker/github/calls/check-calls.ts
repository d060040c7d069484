// What has been reported on a commit, as far as the credential may see it. A fine-grained token cannot have the right to
// read checks at all; it may read Actions, whose jobs are the check runs of most repositories, and commit statuses.

import { fail, ok, type Result } from "../../../core/result.ts";
import type { Clock } from "../../../core/clock.ts";
import {
  ACTIONS_APP,
  type CheckReports,
  checkStateOf,
  type CheckRun,
  type CheckSuite,
  namesOf,
} from "../check-state.ts";
import * as answers from "../check-answers.ts";
import type { Answer, CheckState, GitHubFailure } from "../github.ts";
import type { Requests } from "../transport/requests.ts";
import { REPO } from "./repository-calls.ts";

/** How long a refused way to read is not tried again; a person may have given the right. */
const REFUSED_MS = 10 * 60_000;

type Runs = Pick<CheckReports, "runs" | "suites">;

export class CheckCalls {
  readonly #requests: Requests;
  readonly #clock: Clock;
  readonly #reportingApps = new Set<string>();
  readonly #refusedAtMs = new Map<string, number>();

  constructor(requests: Requests, clock: Clock) {
    this.#requests = requests;
    this.#clock = clock;
  }

  async checks(sha: string, signal: AbortSignal): Answer<CheckState> {
    const reports = await this.#reports(sha, signal);
    return reports.ok ? ok(checkStateOf(reports.value)) : reports;
  }

  /** Under which names something has reported on a commit. */
  async names(sha: string, signal: AbortSignal): Answer<readonly string[]> {
    const reports = await this.#reports(sha, signal);
    return reports.ok ? ok(namesOf(reports.value)) : reports;
  }

  async #reports(sha: string, signal: AbortSignal): Answer<CheckReports> {
    const ways = [
      await this.#ifAllowed("check runs", () => this.#checkRuns(sha, signal)),
      await this.#ifAllowed("commit statuses", () => this.#statuses(sha, signal)),
    ] as const;
    let [runs] = ways;
    const [, statuses] = ways;
    if (!runs.ok && isRefused(runs.failure)) {
      const jobs = await this.#ifAllowed("workflow runs", () => this.#workflowJobs(sha, signal));
      if (jobs.ok || !isRefused(jobs.failure)) runs = jobs;
    }
    if (!runs.ok && !(isRefused(runs.failure) && statuses.ok)) return runs;
    if (!statuses.ok && !(isRefused(statuses.failure) && runs.ok)) return statuses;
    return ok({
      ...(runs.ok ? runs.value : { runs: [], suites: [] }),
      statuses: statuses.ok ? statuses.value : [],
      reportingApps: this.#reportingApps,
    });
  }

  async #checkRuns(sha: string, signal: AbortSignal): Answer<Runs> {
    const about = `commits/${sha}`;
    const route = `GET ${REPO}/commits/{sha}`;
    const suites = await this.#requests.askAll(
      {
        route: `${route}/check-suites`,
        parameters: { sha },
        answer: answers.checkSuitesPage,
        about,
        expects: isRefused,
      },
      signal,
    );
    if (!suites.ok) return suites;
    // Read after the suites: a run that begins in between is shown by one of the two.
    const runs = await this.#requests.askAll(
      {
        route: `${route}/check-runs`,
        parameters: { sha, filter: "latest" },
        answer: answers.checkRunsPage,
        about,
        expects: isRefused,
      },
      signal,
    );
    if (!runs.ok) return runs;
    for (const suite of suites.value) if (suite.runs > 0) this.#reportingApps.add(suite.app);
    return ok({ runs: runs.value, suites: suites.value });
  }

  #statuses(sha: string, signal: AbortSignal) {
    return this.#requests.askAll(
      {
        route: `GET ${REPO}/commits/{sha}/status`,
        parameters: { sha },
        answer: answers.statusesPage,
        about: `commits/${sha}`,
        expects: isRefused,
      },
      signal,
    );
  }

  /** A workflow run stands for its check suite, and its jobs for the check runs, whose names they have. */
  async #workflowJobs(sha: string, signal: AbortSignal): Answer<Runs> {
    const listed = await this.#requests.askAll(
      {
        route: `GET ${REPO}/actions/runs`,
        parameters: { head_sha: sha },
        answer: answers.workflowRunsPage,
        expects: isRefused,
      },
      signal,
    );
    if (!listed.ok) return listed;
    const runs: CheckRun[] = [];
    const suites: CheckSuite[] = [];
    for (const workflow of latestOfEach(listed.value)) {
      const jobs = await this.#requests.askAll(
        {
          route: `GET ${REPO}/actions/runs/{run}/jobs`,
          parameters: { run: workflow.id, filter: "latest" },
          answer: answers.jobsPage,
          expects: isRefused,
        },
        signal,
      );
      if (!jobs.ok) return jobs;
      runs.push(...jobs.value);
      suites.push({ ...workflow, app: ACTIONS_APP, runs: jobs.value.length });
    }
    return ok({ runs, suites });
  }

  async #ifAllowed<T>(way: string, ask: () => Answer<T>): Answer<T> {
    const refusedAtMs = this.#refusedAtMs.get(way);
    if (refusedAtMs !== undefined && this.#clock.monotonicMs() - refusedAtMs < REFUSED_MS) return refused(way);
    const asked = await ask();
    if (!asked.ok && isRefused(asked.failure)) this.#refusedAtMs.set(way, this.#clock.monotonicMs());
    else this.#refusedAtMs.delete(way);
    return asked;
  }
}

/** A workflow that ran again for the same event has a new attempt or a newer run; GitHub lists the newest first. */
function latestOfEach(runs: readonly answers.WorkflowRun[]): answers.WorkflowRun[] {
  const byKey = new Map<string, answers.WorkflowRun>();
  for (const run of runs) {
    const key = `${run.workflowId} ${run.event}`;
    if (run.id > (byKey.get(key)?.id ?? 0)) byKey.set(key, run);
  }
  return [...byKey.values()];
}

function isRefused({ kind }: GitHubFailure): boolean {
  return kind === "forbidden";
}

function refused(way: string): Result<never, GitHubFailure> {
  return fail({
    kind: "forbidden",
    message: `the token may not read ${way}; see docs/github-credentials.md`,
    status: 403,
    retryable: false,
    retryAt: null,
  });
}
