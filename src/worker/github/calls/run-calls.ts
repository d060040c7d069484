// Asks for check runs and check suites of a commit, or for the workflow runs and jobs that are as good. A fine-grained
// token cannot have the right to read checks at all; it may read Actions, whose jobs are the check runs of most
// repositories. Both ways return the same: of a workflow that ran again for the same event they keep the last run
// alone.

import type { Clock } from "../../../core/base/clock.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import * as answers from "../port/check-answers.ts";
import { ACTIONS_APP, type CheckReports, type CheckRun, type CheckSuite } from "../port/check-state.ts";
import type { Answer, GitHubFailure } from "../port/github.ts";
import type { Requests } from "../transport/requests.ts";
import { REPO } from "./repository-calls.ts";

/** A refused way to read is not tried again for so long; a person may have given the right by then. */
const REFUSED_MS = 10 * 60_000;

export type Runs = Pick<CheckReports, "runs" | "suites">;

export class RunCalls {
  readonly #requests: Requests;
  readonly #clock: Clock;
  readonly #refusedAtMs = new Map<string, number>();

  constructor(requests: Requests, clock: Clock) {
    this.#requests = requests;
    this.#clock = clock;
  }

  /** Is refused with `forbidden` where the credential may read neither. */
  async runs(sha: string, signal: AbortSignal): Answer<Runs> {
    const runs = await this.ifAllowed("check runs", () => this.#checkRuns(sha, signal));
    if (runs.ok || !isRefused(runs.failure)) return runs;
    const jobs = await this.ifAllowed("workflow runs", () => this.#workflowJobs(sha, signal));
    return jobs.ok || !isRefused(jobs.failure) ? jobs : runs;
  }

  /** Asks, unless that was refused a moment ago. */
  async ifAllowed<T>(way: string, ask: () => Answer<T>): Answer<T> {
    const refusedAtMs = this.#refusedAtMs.get(way);
    if (refusedAtMs !== undefined && this.#clock.monotonicMs() - refusedAtMs < REFUSED_MS) return refused(way);
    const asked = await ask();
    if (!asked.ok && isRefused(asked.failure)) this.#refusedAtMs.set(way, this.#clock.monotonicMs());
    else this.#refusedAtMs.delete(way);
    return asked;
  }

  async #checkRuns(sha: string, signal: AbortSignal): Answer<Runs> {
    const ask = { parameters: { sha }, about: `commits/${sha}`, expects: isRefused };
    const route = `GET ${REPO}/commits/{sha}`;
    const suites = await this.#requests.askAll(
      { ...ask, route: `${route}/check-suites`, answer: answers.checkSuitesPage },
      signal,
    );
    if (!suites.ok) return suites;
    // Runs are read after the suites: one of the two shows a run that begins in between.
    const runs = await this.#requests.askAll(
      {
        ...ask,
        route: `${route}/check-runs`,
        parameters: { sha, filter: "latest" },
        answer: answers.checkRunsPage,
      },
      signal,
    );
    if (!runs.ok) return runs;
    return this.#withoutSuperseded(sha, { runs: runs.value, suites: suites.value }, signal);
  }

  /** GitHub shows the newest run of a name in each suite; only the workflow runs tell which suites belong together. */
  async #withoutSuperseded(sha: string, { runs, suites }: Runs, signal: AbortSignal): Answer<Runs> {
    if (!hasDoubles(runs)) return ok({ runs, suites });
    const workflows = await this.ifAllowed("workflow runs", () => this.#workflowRuns(sha, signal));
    if (!workflows.ok) return isRefused(workflows.failure) ? ok({ runs, suites }) : workflows;
    const latest = new Set(latestOfEach(workflows.value));
    const superseded = new Set(workflows.value.filter((run) => !latest.has(run)).map(({ suite }) => suite));
    return ok({
      runs: runs.filter(({ suite }) => !superseded.has(suite)),
      suites: suites.filter(({ id }) => !superseded.has(id)),
    });
  }

  /** A workflow run stands for its check suite, and its jobs for the check runs, whose names they have. */
  async #workflowJobs(sha: string, signal: AbortSignal): Answer<Runs> {
    const listed = await this.#workflowRuns(sha, signal);
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

  #workflowRuns(sha: string, signal: AbortSignal): Answer<readonly answers.WorkflowRun[]> {
    return this.#requests.askAll(
      {
        route: `GET ${REPO}/actions/runs`,
        parameters: { head_sha: sha },
        answer: answers.workflowRunsPage,
        expects: isRefused,
      },
      signal,
    );
  }
}

export function isRefused({ kind }: GitHubFailure): boolean {
  return kind === "forbidden";
}

function hasDoubles(runs: readonly CheckRun[]): boolean {
  const names = runs.filter(({ app }) => app === ACTIONS_APP).map(({ name }) => name);
  return new Set(names).size < names.length;
}

/** A new attempt is the same run; the same event again, for instance another edit of the title, is a newer one. */
function latestOfEach(runs: readonly answers.WorkflowRun[]): answers.WorkflowRun[] {
  const byKey = new Map<string, answers.WorkflowRun>();
  for (const run of runs) {
    const key = `${run.workflowId} ${run.event}`;
    if (run.id > (byKey.get(key)?.id ?? 0)) byKey.set(key, run);
  }
  return [...byKey.values()];
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
