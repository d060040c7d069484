// Asks what has been reported on a commit, as far as the credential may see it.

import type { Clock } from "../../../core/base/clock.ts";
import { ok } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import * as answers from "../port/check-answers.ts";
import {
  type CheckReports,
  checkStateOf,
  type CheckSuite,
  type CommitStatus,
  isUnstarted,
  namesOf,
} from "../port/check-state.ts";
import type { Answer, CheckState } from "../port/github.ts";
import type { Requests } from "../transport/requests.ts";
import { REPO } from "./repository-calls.ts";
import { isRefused, RunCalls } from "./run-calls.ts";

const commitsAnswer = z.array(z.object({ sha: z.string() }));

export class CheckCalls {
  readonly #requests: Requests;
  readonly #clock: Clock;
  readonly #runs: RunCalls;
  readonly #reportingApps = new Set<string>();

  constructor(requests: Requests, clock: Clock) {
    this.#requests = requests;
    this.#clock = clock;
    this.#runs = new RunCalls(requests, clock);
  }

  async checks(sha: string, signal: AbortSignal): Answer<CheckState> {
    const reports = await this.#reports(sha, signal);
    if (!reports.ok) return reports;
    const suites = await this.#withoutInherited(reports.value.suites, signal);
    return suites.ok ? ok(checkStateOf({ ...reports.value, suites: suites.value })) : suites;
  }

  /**
   * Returns the names under which something has reported on a commit before this time (ISO), or whenever when it is
   * null.
   */
  async names(sha: string, before: string | null, signal: AbortSignal): Answer<readonly string[]> {
    const reports = await this.#reports(sha, signal);
    if (!reports.ok) return reports;
    const isEarly = (at: string) => before === null || at < before;
    const runs = reports.value.runs.filter(({ startedAt }) => isEarly(startedAt));
    return ok(namesOf({ runs, statuses: reports.value.statuses.filter(({ createdAt }) => isEarly(createdAt)) }));
  }

  async #reports(sha: string, signal: AbortSignal): Answer<CheckReports> {
    const runs = await this.#runs.runs(sha, signal);
    const statuses = await this.#runs.ifAllowed("commit statuses", () => this.#statuses(sha, signal));
    if (!runs.ok && !(isRefused(runs.failure) && statuses.ok)) return runs;
    if (!statuses.ok && !(isRefused(statuses.failure) && runs.ok)) return statuses;
    const found = runs.ok ? runs.value : { runs: [], suites: [] };
    for (const suite of found.suites) if (suite.runs > 0) this.#reportingApps.add(suite.app);
    return ok({
      ...found,
      statuses: statuses.ok ? statuses.value : [],
      reportingApps: this.#reportingApps,
      now: this.#clock.now(),
    });
  }

  #statuses(sha: string, signal: AbortSignal): Answer<readonly CommitStatus[]> {
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

  /** A workflow file that GitHub cannot read on the base branch either fails on every push, whatever the change. */
  async #withoutInherited(suites: readonly CheckSuite[], signal: AbortSignal): Answer<readonly CheckSuite[]> {
    const unstarted = suites.filter(isUnstarted);
    if (unstarted.length === 0) return ok(suites);
    const base = suites.find((suite) => suite.base !== null)?.base;
    // GitHub takes the default branch where none is named.
    const parameters = { per_page: 1, ...(typeof base === "string" ? { sha: base } : {}) };
    const commits = await this.#requests.ask(
      { route: `GET ${REPO}/commits`, parameters, answer: commitsAnswer },
      signal,
    );
    if (!commits.ok) return commits;
    const [head] = commits.value;
    if (head === undefined) return ok(suites);
    const runs = await this.#runs.runs(head.sha, signal);
    if (!runs.ok) return runs;
    const inherited = new Set(runs.value.suites.filter(isUnstarted).map(({ conclusion }) => conclusion));
    return ok(suites.filter((suite) => !isUnstarted(suite) || !inherited.has(suite.conclusion)));
  }
}
