// The GitHub port over REST, for one repository. Each method is one request or one listing; what may be repeated without
// harm says so, everything else is left to the caller's journal, which looks before it acts again.

import { ok } from "../../core/result.ts";
import { z } from "../../core/schema.ts";
import { checkStateOf } from "./check-state.ts";
import type {
  Answer,
  CheckState,
  Comment,
  GitHub,
  GitHubFailure,
  Issue,
  PullRequest,
  RateLimit,
  Repository,
} from "./github.ts";
import * as answers from "./github-answers.ts";
import { Requests, type RequestsOptions } from "./requests.ts";

const REPO = "/repos/{owner}/{repo}";
const WRITE_PERMISSIONS: ReadonlySet<string> = new Set(["admin", "maintain", "write"]);

export function createGitHub(options: RequestsOptions): GitHub {
  return new OctokitGitHub(options);
}

class OctokitGitHub implements GitHub {
  readonly #requests: Requests;
  readonly #options: RequestsOptions;
  #viewer: string | undefined;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#requests = new Requests(options);
  }

  async viewer(signal: AbortSignal): Answer<string> {
    if (this.#viewer !== undefined) return ok(this.#viewer);
    const asked = await this.#requests.ask({ route: "GET /user", answer: answers.loginAnswer }, signal);
    if (asked.ok) this.#viewer = asked.value;
    return asked;
  }

  repository(signal: AbortSignal): Answer<Repository> {
    return this.#requests.ask({ route: `GET ${REPO}`, answer: answers.repositoryAnswer }, signal);
  }

  async listIssues(since: string | null, signal: AbortSignal): Answer<readonly Issue[]> {
    // Oldest first keeps the pages of a full listing the same from poll to poll, so that they cost nothing. Newest change
    // first makes an issue that changes meanwhile move out of what was read, into the next `since`.
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
    for (const { isPull, ...issue } of listed.value)
      if (!isPull && !byNumber.has(issue.number)) byNumber.set(issue.number, issue);
    return ok([...byNumber.values()]);
  }

  issue(number: number, signal: AbortSignal): Answer<Issue> {
    return this.#issue({ route: `GET ${REPO}/issues/{number}`, parameters: { number } }, signal);
  }

  comments(number: number, signal: AbortSignal): Answer<readonly Comment[]> {
    return this.#requests.askAll(
      { route: `GET ${REPO}/issues/{number}/comments`, parameters: { number }, answer: z.array(answers.commentAnswer) },
      signal,
    );
  }

  createComment(number: number, body: string, signal: AbortSignal): Answer<Comment> {
    return this.#requests.ask(
      { route: `POST ${REPO}/issues/{number}/comments`, parameters: { number, body }, answer: answers.commentAnswer },
      signal,
    );
  }

  updateComment(id: number, body: string, signal: AbortSignal): Answer<Comment> {
    return this.#requests.ask(
      {
        route: `PATCH ${REPO}/issues/comments/{id}`,
        parameters: { id, body },
        answer: answers.commentAnswer,
        repeatable: true,
      },
      signal,
    );
  }

  addLabels(number: number, labels: readonly string[], signal: AbortSignal): Answer<readonly string[]> {
    return this.#requests.ask(
      {
        route: `POST ${REPO}/issues/{number}/labels`,
        parameters: { number, labels: [...labels] },
        answer: answers.labelsAnswer,
        repeatable: true,
      },
      signal,
    );
  }

  removeLabel(number: number, label: string, signal: AbortSignal): Answer<undefined> {
    return this.#effect(
      {
        route: `DELETE ${REPO}/issues/{number}/labels/{name}`,
        parameters: { number, name: label },
        isDone: isNotFound,
      },
      signal,
    );
  }

  createLabel(name: string, colour: string, description: string, signal: AbortSignal): Answer<undefined> {
    const parameters = { name, color: colour, description };
    return this.#effect(
      {
        route: `POST ${REPO}/labels`,
        parameters,
        isDone: ({ kind, message }) => kind === "invalid" && message.includes("already_exists"),
      },
      signal,
    );
  }

  closeIssue(number: number, reason: "completed" | "not_planned", signal: AbortSignal): Answer<Issue> {
    return this.#issue(
      { route: `PATCH ${REPO}/issues/{number}`, parameters: { number, state: "closed", state_reason: reason } },
      signal,
    );
  }

  async pullsByBranch(branch: string, signal: AbortSignal): Answer<readonly PullRequest[]> {
    const parameters = {
      head: `${this.#options.repository.owner}:${branch}`,
      state: "all",
      sort: "created",
      direction: "desc",
    };
    const listed = await this.#requests.askAll(
      { route: `GET ${REPO}/pulls`, parameters, answer: z.array(answers.pullAnswer) },
      signal,
    );
    return listed.ok ? ok(listed.value.filter(({ headBranch }) => headBranch === branch)) : listed;
  }

  pull(number: number, signal: AbortSignal): Answer<PullRequest> {
    return this.#requests.ask(
      { route: `GET ${REPO}/pulls/{number}`, parameters: { number }, answer: answers.pullAnswer },
      signal,
    );
  }

  createPull(
    pull: { title: string; body: string; head: string; base: string; draft: boolean },
    signal: AbortSignal,
  ): Answer<PullRequest> {
    return this.#requests.ask({ route: `POST ${REPO}/pulls`, parameters: pull, answer: answers.pullAnswer }, signal);
  }

  createReview(
    number: number,
    review: { event: "approve" | "request_changes" | "comment"; body: string; headSha: string },
    signal: AbortSignal,
  ): Answer<undefined> {
    const parameters = { number, event: review.event.toUpperCase(), body: review.body, commit_id: review.headSha };
    return this.#requests.ask(
      { route: `POST ${REPO}/pulls/{number}/reviews`, parameters, answer: answers.anyAnswer },
      signal,
    );
  }

  reviews(
    number: number,
    signal: AbortSignal,
  ): Answer<readonly { id: number; author: string; body: string; state: string }[]> {
    return this.#requests.askAll(
      { route: `GET ${REPO}/pulls/{number}/reviews`, parameters: { number }, answer: z.array(answers.reviewAnswer) },
      signal,
    );
  }

  /** Not repeated: after a merge whose answer was lost a second try is refused, which would look like no merge. */
  async merge(number: number, headSha: string, title: string, signal: AbortSignal): Answer<{ sha: string }> {
    const parameters = { number, merge_method: "squash", sha: headSha, commit_title: title };
    const merged = await this.#requests.ask(
      { route: `PUT ${REPO}/pulls/{number}/merge`, parameters, answer: answers.mergeAnswer },
      signal,
    );
    return merged.ok ? ok({ sha: merged.value.sha }) : merged;
  }

  async checks(sha: string, signal: AbortSignal): Answer<CheckState> {
    const runs = await this.#requests.askAll(
      {
        route: `GET ${REPO}/commits/{sha}/check-runs`,
        parameters: { sha, filter: "latest" },
        answer: answers.checkRunsPage,
      },
      signal,
    );
    if (!runs.ok) return runs;
    const statuses = await this.#requests.askAll(
      { route: `GET ${REPO}/commits/{sha}/status`, parameters: { sha }, answer: answers.statusesPage },
      signal,
    );
    return statuses.ok ? ok(checkStateOf(runs.value, statuses.value)) : statuses;
  }

  aheadBy(base: string, head: string, signal: AbortSignal): Answer<number> {
    const parameters = { basehead: `${base}...${head}`, per_page: 1 };
    return this.#requests.ask(
      { route: `GET ${REPO}/compare/{basehead}`, parameters, answer: answers.aheadAnswer },
      signal,
    );
  }

  deleteBranch(branch: string, signal: AbortSignal): Answer<undefined> {
    return this.#effect(
      { route: `DELETE ${REPO}/git/refs/{ref}`, parameters: { ref: `heads/${branch}` }, isDone: isGoneBranch },
      signal,
    );
  }

  async mayWrite(login: string, signal: AbortSignal): Answer<boolean> {
    const asked = await this.#requests.ask(
      {
        route: `GET ${REPO}/collaborators/{login}/permission`,
        parameters: { login },
        answer: answers.permissionAnswer,
        expects: isUnknownLogin,
      },
      signal,
    );
    if (asked.ok) return ok(WRITE_PERMISSIONS.has(asked.value.permission));
    return isUnknownLogin(asked.failure) ? ok(false) : asked;
  }

  rateLimit(): RateLimit | null {
    return this.#requests.budget.limit;
  }

  async #issue(
    ask: { route: string; parameters: Readonly<Record<string, unknown>> },
    signal: AbortSignal,
  ): Answer<Issue> {
    const asked = await this.#requests.ask({ ...ask, answer: answers.issueAnswer, repeatable: true }, signal);
    if (!asked.ok) return asked;
    const { isPull: _, ...issue } = asked.value;
    return ok(issue);
  }

  /** A request whose effect counts, not its answer; `isDone` knows the refusals that say it was there already. */
  async #effect(
    ask: { route: string; parameters: Readonly<Record<string, unknown>>; isDone: (failure: GitHubFailure) => boolean },
    signal: AbortSignal,
  ): Answer<undefined> {
    const { route, parameters, isDone } = ask;
    const asked = await this.#requests.ask(
      { route, parameters, answer: answers.anyAnswer, repeatable: true, expects: isDone },
      signal,
    );
    return asked.ok || isDone(asked.failure) ? ok() : asked;
  }
}

function isNotFound({ kind }: GitHubFailure): boolean {
  return kind === "not-found";
}

function isGoneBranch(failure: GitHubFailure): boolean {
  return isNotFound(failure) || (failure.kind === "invalid" && /reference does not exist/i.test(failure.message));
}

/** Also what a credential gets that may not see who may do what: nobody is allowed anything then. */
function isUnknownLogin({ kind }: GitHubFailure): boolean {
  return kind === "not-found" || kind === "forbidden";
}
