// Asks for issues, their comments and labels. What is read of an issue is checked for whose it is: GitHub answers for
// an issue that was transferred with the one that it became elsewhere.

import { fail, ok } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import type { Answer, Comment, GitHub, GitHubFailure, Issue } from "../port/github.ts";
import * as answers from "../port/github-answers.ts";
import { movedAway } from "../port/github-failure.ts";
import type { Requests } from "../transport/requests.ts";
import { REPO, type RepositoryCalls } from "./repository-calls.ts";

type Methods =
  | "listIssues"
  | "issue"
  | "comments"
  | "createComment"
  | "updateComment"
  | "addLabels"
  | "removeLabel"
  | "labels"
  | "createLabel"
  | "closeIssue";

export class IssueCalls implements Pick<GitHub, Methods> {
  readonly #requests: Requests;
  readonly #repository: RepositoryCalls;

  constructor(requests: Requests, repository: RepositoryCalls) {
    this.#requests = requests;
    this.#repository = repository;
  }

  async listIssues(since: string | null, signal: AbortSignal): Answer<readonly Issue[]> {
    // Oldest first keeps the pages of a full listing the same from poll to poll, so that they cost nothing. Newest
    // change first makes an issue that changes meanwhile move out of what was read, into the next `since`.
    const parameters =
      since === null
        ? { state: "open", sort: "created", direction: "asc" }
        : { state: "all", sort: "updated", direction: "desc", since };
    const listed = await this.#requests.askAll(
      { route: `GET ${REPO}/issues`, parameters, answer: z.array(answers.issueAnswer) },
      signal,
    );
    if (!listed.ok) return listed;
    const byNumber = new Map<number, Issue>();
    for (const { isPull, repository: _, ...issue } of listed.value) {
      this.#requests.seen.note(`issues/${issue.number}`);
      if (!isPull && !byNumber.has(issue.number)) byNumber.set(issue.number, issue);
    }
    return ok([...byNumber.values()]);
  }

  issue(number: number, signal: AbortSignal): Answer<Issue> {
    return this.#issue(number, { route: `GET ${REPO}/issues/{number}`, parameters: { number } }, signal);
  }

  closeIssue(number: number, reason: "completed" | "not_planned", signal: AbortSignal): Answer<Issue> {
    const parameters = { number, state: "closed", state_reason: reason };
    return this.#issue(number, { route: `PATCH ${REPO}/issues/{number}`, parameters }, signal);
  }

  async comments(number: number, signal: AbortSignal): Answer<readonly Comment[]> {
    const listed = await this.#requests.askAll(
      {
        route: `GET ${REPO}/issues/{number}/comments`,
        parameters: { number },
        answer: z.array(answers.commentAnswer),
        about: `issues/${number}`,
      },
      signal,
    );
    if (!listed.ok) return listed;
    const [first] = listed.value;
    if (first !== undefined) {
      const isThere = await this.#isAbout(number, { ...first, number: first.issue ?? number }, signal);
      if (!isThere.ok) return isThere;
    }
    return ok(listed.value.map(({ issue: _issue, repository: _repository, ...comment }) => comment));
  }

  async createComment(number: number, body: string, signal: AbortSignal): Answer<Comment> {
    const made = await this.#requests.ask(
      {
        route: `POST ${REPO}/issues/{number}/comments`,
        parameters: { number, body },
        answer: answers.commentAnswer,
        about: `issues/${number}`,
      },
      signal,
    );
    return this.#ownComment(made);
  }

  async updateComment(id: number, body: string, signal: AbortSignal): Answer<Comment> {
    const edited = await this.#requests.ask(
      {
        route: `PATCH ${REPO}/issues/comments/{id}`,
        parameters: { id, body },
        answer: answers.commentAnswer,
        about: `comments/${id}`,
        repeatable: true,
      },
      signal,
    );
    return this.#ownComment(edited);
  }

  addLabels(number: number, labels: readonly string[], signal: AbortSignal): Answer<readonly string[]> {
    return this.#requests.ask(
      {
        route: `POST ${REPO}/issues/{number}/labels`,
        parameters: { number, labels: [...labels] },
        answer: answers.labelsAnswer,
        about: `issues/${number}`,
        repeatable: true,
      },
      signal,
    );
  }

  /**
   * "Label does not exist" is GitHub's answer for a label that the issue has not; any other "not found" says nothing of
   * it.
   */
  async removeLabel(number: number, label: string, signal: AbortSignal): Answer<undefined> {
    const about = `issues/${number}`;
    const removed = await this.#requests.ask(
      {
        route: `DELETE ${REPO}/issues/{number}/labels/{name}`,
        parameters: { number, name: label },
        answer: answers.anyAnswer,
        about,
        repeatable: true,
        expects: isWithoutLabel,
        isStale: (failure) =>
          failure.kind === "not-found" && !isWithoutLabel(failure) && this.#requests.seen.has(about),
      },
      signal,
    );
    return removed.ok || isWithoutLabel(removed.failure) ? ok() : removed;
  }

  labels(signal: AbortSignal): Answer<readonly string[]> {
    return this.#requests.askAll({ route: `GET ${REPO}/labels`, answer: answers.labelsAnswer }, signal);
  }

  async createLabel(name: string, colour: string, description: string, signal: AbortSignal): Answer<undefined> {
    const isThere = ({ kind, message }: GitHubFailure) => kind === "invalid" && message.includes("already_exists");
    const made = await this.#requests.ask(
      {
        route: `POST ${REPO}/labels`,
        parameters: { name, color: colour, description },
        answer: answers.anyAnswer,
        repeatable: true,
        expects: isThere,
      },
      signal,
    );
    return made.ok || isThere(made.failure) ? ok() : made;
  }

  async #issue(
    number: number,
    ask: { route: string; parameters: Readonly<Record<string, unknown>> },
    signal: AbortSignal,
  ): Answer<Issue> {
    const about = `issues/${number}`;
    const asked = await this.#requests.ask({ ...ask, answer: answers.issueAnswer, about, repeatable: true }, signal);
    if (!asked.ok) return asked;
    const { isPull: _, repository, ...issue } = asked.value;
    const isThere = await this.#isAbout(number, { number: issue.number, repository }, signal);
    return isThere.ok ? ok(issue) : isThere;
  }

  async #isAbout(
    number: number,
    answer: answers.Placed & { readonly number: number },
    signal: AbortSignal,
  ): Answer<undefined> {
    const isOurs = await this.#repository.isOurs(answer.repository, signal);
    if (!isOurs.ok) return isOurs;
    return isOurs.value && answer.number === number ? ok() : fail(movedAway(`issue #${number}`));
  }

  #ownComment(written: Awaited<Answer<Comment & answers.Placed & { issue: number | null }>>): Awaited<Answer<Comment>> {
    if (!written.ok) return written;
    const { issue: _, repository: _repository, ...comment } = written.value;
    this.#requests.seen.note(`comments/${comment.id}`);
    this.#repository.learnViewer(comment.author);
    return ok(comment);
  }
}

function isWithoutLabel({ kind, message }: GitHubFailure): boolean {
  return kind === "not-found" && /label does not exist/i.test(message);
}
