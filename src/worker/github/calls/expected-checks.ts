// Finds the names that must have reported before a commit's checks can be believed: those that the base branch
// requires, and those that reported on what was merged into it last. Where nothing is required, the second are all
// there is.

import type { Clock } from "../../../core/base/clock.ts";
import { ok } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import * as answers from "../port/check-answers.ts";
import type { Answer, ExpectedChecks, GitHubFailure } from "../port/github.ts";
import type { Requests } from "../transport/requests.ts";
import type { CheckCalls } from "./check-calls.ts";
import { REPO } from "./repository-calls.ts";

const KEPT_MS = 10 * 60_000;
/** So many commits are looked at, and they are searched for among so many pull requests. */
const SAMPLES = 3;
const PULLS_MAX = 20;

const pullsAnswer = z.array(z.object({ merged_at: z.nullish(z.string()), head: z.object({ sha: z.string() }) }));
const commitsAnswer = z.array(z.object({ sha: z.string() }));

interface Sample {
  readonly sha: string;
  /** Only reports that began before this time (ISO) count; all of them do when it is null. */
  readonly before: string | null;
}

export class ExpectedCheckCalls {
  readonly #requests: Requests;
  readonly #checks: CheckCalls;
  readonly #clock: Clock;
  readonly #known = new Map<string, { readonly atMs: number; readonly expected: ExpectedChecks }>();

  constructor(requests: Requests, checks: CheckCalls, clock: Clock) {
    this.#requests = requests;
    this.#checks = checks;
    this.#clock = clock;
  }

  /** Is refused with `forbidden` where the credential may read no report at all. */
  async expectedChecks(base: string, signal: AbortSignal): Answer<ExpectedChecks> {
    const known = this.#known.get(base);
    if (known !== undefined && this.#clock.monotonicMs() - known.atMs < KEPT_MS) return ok(known.expected);
    const required = await this.#required(base, signal);
    if (!required.ok) return required;
    const seen = await this.#seen(base, signal);
    if (!seen.ok) return seen;
    const expected = { required: required.value, ...seen.value };
    this.#known.set(base, { atMs: this.#clock.monotonicMs(), expected });
    return ok(expected);
  }

  /** Protection or rules that the credential may not see are unknown; a merge that they refuse says so. */
  async #required(base: string, signal: AbortSignal): Answer<readonly string[]> {
    const parameters = { branch: base };
    const branch = await this.#requests.ask(
      {
        route: `GET ${REPO}/branches/{branch}`,
        parameters,
        answer: answers.protectedBranchAnswer,
        expects: isUnknown,
      },
      signal,
    );
    if (!branch.ok && !isUnknown(branch.failure)) return branch;
    const rules = await this.#requests.askAll(
      {
        route: `GET ${REPO}/rules/branches/{branch}`,
        parameters,
        answer: z.array(answers.ruleAnswer),
        expects: isUnknown,
      },
      signal,
    );
    if (!rules.ok && !isUnknown(rules.failure)) return rules;
    return ok([...new Set([...(branch.ok ? branch.value : []), ...(rules.ok ? rules.value.flat() : [])])]);
  }

  async #seen(base: string, signal: AbortSignal): Answer<Omit<ExpectedChecks, "required">> {
    const merged = await this.#mergedHeads(base, signal);
    if (!merged.ok) return merged;
    const seen = await this.#usualNames(merged.value, signal);
    if (!seen.ok) return seen;
    if (seen.value.length > 0) return ok({ seen: seen.value, likely: [] });
    const commits = await this.#lastCommits(base, signal);
    if (!commits.ok) return commits;
    const likely = await this.#usualNames(commits.value, signal);
    return likely.ok ? ok({ seen: [], likely: likely.value }) : likely;
  }

  /**
   * Returns the names on more than half of the commits that have any. All names of each commit would be too many: a
   * workflow for changes of some paths only does not report on the others.
   */
  async #usualNames(samples: readonly Sample[], signal: AbortSignal): Answer<readonly string[]> {
    const reported: (readonly string[])[] = [];
    for (const { sha, before } of samples) {
      const names = await this.#checks.names(sha, before, signal);
      if (names.ok && names.value.length > 0) reported.push(names.value);
      // A head that was deleted long ago may be gone.
      if (!names.ok && names.failure.kind !== "not-found") return names;
    }
    const isUsual = (name: string) => reported.filter((names) => names.includes(name)).length * 2 > reported.length;
    return ok([...new Set(reported.flat())].filter(isUsual));
  }

  async #mergedHeads(base: string, signal: AbortSignal): Answer<readonly Sample[]> {
    const order = { state: "closed", sort: "updated", direction: "desc", per_page: PULLS_MAX };
    const pulls = await this.#requests.ask(
      { route: `GET ${REPO}/pulls`, parameters: { base, ...order }, answer: pullsAnswer },
      signal,
    );
    if (!pulls.ok) return pulls;
    // A workflow for the closing of a pull request reports on its head too, and on no other head before its merge.
    const merged = pulls.value.flatMap(({ merged_at: before, head }) => (before ? [{ sha: head.sha, before }] : []));
    return ok(merged.slice(0, SAMPLES));
  }

  async #lastCommits(base: string, signal: AbortSignal): Answer<readonly Sample[]> {
    const commits = await this.#requests.ask(
      {
        route: `GET ${REPO}/commits`,
        parameters: { sha: base, per_page: SAMPLES },
        answer: commitsAnswer,
        expects: isUnknown,
      },
      signal,
    );
    if (commits.ok) return ok(commits.value.map(({ sha }) => ({ sha, before: null })));
    return isUnknown(commits.failure) ? ok([]) : commits;
  }
}

/** GitHub answers 409 for a repository without commits. */
function isUnknown({ kind }: GitHubFailure): boolean {
  return kind === "not-found" || kind === "forbidden" || kind === "conflict";
}
