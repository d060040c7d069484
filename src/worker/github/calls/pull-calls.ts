// Asks for pull requests, their reviews and their merge.

import { fail, ok, type Result } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import type { Answer, GitHub, GitHubFailure, MergeBlocked, MergeRequest, PullRequest, Review } from "../port/github.ts";
import * as answers from "../port/github-answers.ts";
import { movedAway } from "../port/github-failure.ts";
import { mergeBlockedOf } from "../port/merge-blocked.ts";
import type { Requests } from "../transport/requests.ts";
import { REPO, type RepositoryCalls } from "./repository-calls.ts";

/** GitHub lists no more of a pull request ("Responses include a maximum of 3000 files"). */
const FILES_MAX = 3_000;

type Methods = "pullsByBranch" | "pull" | "pullFiles" | "createPull" | "createReview" | "reviews" | "merge";
type OwnReview = Parameters<GitHub["createReview"]>[1];

export class PullCalls implements Pick<GitHub, Methods> {
  readonly #requests: Requests;
  readonly #repository: RepositoryCalls;

  constructor(requests: Requests, repository: RepositoryCalls) {
    this.#requests = requests;
    this.#repository = repository;
  }

  async pullsByBranch(branch: string, signal: AbortSignal): Answer<readonly PullRequest[]> {
    const head = `${this.#requests.repository.owner}:${branch}`;
    const parameters = { head, state: "all", sort: "created", direction: "desc" };
    const listed = await this.#requests.askAll(
      { route: `GET ${REPO}/pulls`, parameters, answer: z.array(answers.pullAnswer) },
      signal,
    );
    if (!listed.ok) return listed;
    return ok(listed.value.filter(({ headBranch }) => headBranch === branch).map((pull) => this.#seen(pull)));
  }

  async pull(number: number, signal: AbortSignal): Answer<PullRequest> {
    const asked = await this.#requests.ask(
      {
        route: `GET ${REPO}/pulls/{number}`,
        parameters: { number },
        answer: answers.pullAnswer,
        about: `pulls/${number}`,
        // GitHub deletes no pull request, so this is asked again even by a worker that has just started.
        isStale: ({ kind, status }) => kind === "not-found" && status !== 410,
      },
      signal,
    );
    if (!asked.ok) return asked;
    const isOurs = await this.#repository.isOurs(asked.value.repository, signal);
    if (!isOurs.ok) return isOurs;
    if (!isOurs.value || asked.value.number !== number) return fail(movedAway(`pull request #${number}`));
    return ok(this.#seen(asked.value));
  }

  async pullFiles(number: number, signal: AbortSignal): Answer<readonly string[]> {
    const listed = await this.#requests.askAll(
      {
        route: `GET ${REPO}/pulls/{number}/files`,
        parameters: { number },
        answer: z.array(answers.fileAnswer),
        about: `pulls/${number}`,
      },
      signal,
    );
    if (!listed.ok) return listed;
    if (listed.value.length >= FILES_MAX) return fail(tooManyFiles(number));
    return ok([...new Set(listed.value.flat())]);
  }

  /** A branch that was pushed a moment ago may not be there for every replica: I2 of requests.ts. */
  async createPull(
    pull: { title: string; body: string; head: string; base: string; draft: boolean },
    signal: AbortSignal,
  ): Answer<PullRequest> {
    const made = await this.#requests.ask(
      { route: `POST ${REPO}/pulls`, parameters: pull, answer: answers.pullAnswer, isStale: isUnknownHead },
      signal,
    );
    if (!made.ok) return made;
    this.#repository.learnViewer(made.value.author);
    return ok(this.#seen(made.value));
  }

  createReview(number: number, review: OwnReview, signal: AbortSignal): Answer<undefined> {
    const parameters = { number, event: review.event.toUpperCase(), body: review.body, commit_id: review.headSha };
    return this.#requests.ask(
      {
        route: `POST ${REPO}/pulls/{number}/reviews`,
        parameters,
        answer: answers.anyAnswer,
        about: `pulls/${number}`,
      },
      signal,
    );
  }

  reviews(number: number, signal: AbortSignal): Answer<readonly Review[]> {
    return this.#requests.askAll(
      {
        route: `GET ${REPO}/pulls/{number}/reviews`,
        parameters: { number },
        answer: z.array(answers.reviewAnswer),
        about: `pulls/${number}`,
      },
      signal,
    );
  }

  /**
   * The merge is not repeated: after a merge whose answer was lost a second try is refused, which would look like no
   * merge.
   */
  async merge(
    number: number,
    { headSha, method, title, message }: MergeRequest,
    signal: AbortSignal,
  ): Promise<Result<{ sha: string }, GitHubFailure | MergeBlocked>> {
    const words = method === "rebase" ? {} : { commit_title: title, commit_message: message };
    const merged = await this.#requests.ask(
      {
        route: `PUT ${REPO}/pulls/{number}/merge`,
        parameters: { number, merge_method: method, sha: headSha, ...words },
        answer: answers.mergeAnswer,
        about: `pulls/${number}`,
      },
      signal,
    );
    if (merged.ok) return ok({ sha: merged.value.sha });
    return fail(mergeBlockedOf(merged.failure) ?? merged.failure);
  }

  #seen(answer: PullRequest & answers.Placed): PullRequest {
    const { repository: _, ...pull } = answer;
    for (const object of [`pulls/${pull.number}`, `issues/${pull.number}`, `commits/${pull.headSha}`])
      this.#requests.seen.note(object);
    return pull;
  }
}

function isUnknownHead({ status, message }: GitHubFailure): boolean {
  return (
    status === 422 &&
    /"field":\s*"head"[^}]{0,100}"code":\s*"invalid"|"code":\s*"invalid"[^}]{0,100}"field":\s*"head"/.test(message)
  );
}

function tooManyFiles(number: number): GitHubFailure {
  return {
    kind: "invalid",
    message: `pull request #${number} changes more files than GitHub lists (${FILES_MAX})`,
    status: 200,
    retryable: false,
    retryAt: null,
  };
}
