// Asks who we are, which repository this is and who may write to it.

import { fail, ok } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import type { Credential } from "../port/credential.ts";
import type { Answer, GitHub, GitHubFailure, Repository } from "../port/github.ts";
import * as answers from "../port/github-answers.ts";
import { askGraphql, isGraphqlRefused } from "../transport/graphql.ts";
import type { Requests } from "../transport/requests.ts";

export const REPO = "/repos/{owner}/{repo}";

const WRITE_PERMISSIONS: ReadonlySet<string> = new Set(["admin", "maintain", "write"]);
const VIEWER = "query { viewer { login } }";
const viewerAnswer = z.pipe(
  z.object({ viewer: z.object({ login: z.string() }) }),
  z.transform(({ viewer }) => viewer.login),
);

type Methods = "viewer" | "repository" | "aheadBy" | "deleteBranch" | "mayWrite";

export class RepositoryCalls implements Pick<GitHub, Methods> {
  readonly #requests: Requests;
  readonly #credential: Credential;
  #viewer: string | undefined;
  /** GitHub was asked in every way and does not say; its answer to our next comment may show it. */
  #isViewerHidden = false;

  constructor(requests: Requests, credential: Credential) {
    this.#requests = requests;
    this.#credential = credential;
  }

  /** Tokens of an App and of a workflow may not ask `GET /user`; GraphQL and the App itself name them `<slug>[bot]`. */
  async viewer(signal: AbortSignal): Answer<string | null> {
    if (this.#viewer !== undefined) return ok(this.#viewer);
    if (this.#isViewerHidden) return ok(null);
    const isApp = this.#credential.kind === "app";
    const ways = [
      { ask: () => this.#credential.login(signal), isHidden },
      ...(isApp ? [] : [{ ask: () => this.#user(signal), isHidden }]),
      {
        ask: () => askGraphql(this.#requests, { query: VIEWER, variables: {}, answer: viewerAnswer }, signal),
        isHidden: isGraphqlRefused,
      },
    ];
    for (const way of ways) {
      const asked = await way.ask();
      if (!asked.ok && !way.isHidden(asked.failure)) return asked;
      if (asked.ok && asked.value !== null) return ok((this.#viewer = asked.value));
    }
    this.#isViewerHidden = true;
    return ok(null);
  }

  /** Takes the author of something that we have just written. */
  learnViewer(login: string): void {
    this.#viewer ??= login;
  }

  async repository(signal: AbortSignal): Answer<Repository> {
    const asked = await this.#requests.ask({ route: `GET ${REPO}`, answer: answers.repositoryAnswer }, signal);
    if (!asked.ok) return asked;
    this.#requests.noteRepository(asked.value);
    const { id: _, ...repository } = asked.value;
    return ok(repository);
  }

  /** Says whether an answer about `owner/name` is about our repository; true where GitHub does not say. */
  async isOurs(repository: string | null, signal: AbortSignal): Answer<boolean> {
    if (repository === null) return ok(true);
    let failure: GitHubFailure | null = null;
    const isOurs = await this.#requests.isOurs(repository, async () => {
      const asked = await this.#requests.ask({ route: `GET ${REPO}`, answer: answers.repositoryAnswer }, signal);
      if (asked.ok) return asked.value;
      failure = asked.failure;
      return null;
    });
    return failure === null ? ok(isOurs) : fail(failure);
  }

  aheadBy(base: string, head: string, signal: AbortSignal): Answer<number> {
    const parameters = { basehead: `${base}...${head}`, per_page: 1 };
    return this.#requests.ask(
      {
        route: `GET ${REPO}/compare/{basehead}`,
        parameters,
        answer: answers.aheadAnswer,
        // A replica that lags does not know a branch that was pushed a moment ago.
        isStale: ({ kind, status }) => kind === "not-found" && status !== 410,
      },
      signal,
    );
  }

  async deleteBranch(branch: string, signal: AbortSignal): Answer<undefined> {
    const deleted = await this.#requests.ask(
      {
        route: `DELETE ${REPO}/git/refs/{ref}`,
        parameters: { ref: `heads/${branch}` },
        answer: answers.anyAnswer,
        repeatable: true,
        expects: isGoneBranch,
      },
      signal,
    );
    return deleted.ok || isGoneBranch(deleted.failure) ? ok() : deleted;
  }

  async mayWrite(login: string, signal: AbortSignal): Answer<boolean> {
    const asked = await this.#requests.ask(
      {
        route: `GET ${REPO}/collaborators/{login}/permission`,
        parameters: { login },
        answer: answers.permissionAnswer,
        expects: isHidden,
      },
      signal,
    );
    if (asked.ok) return ok(WRITE_PERMISSIONS.has(asked.value.permission));
    // A credential that may not see people's rights gets the same answer; nobody is allowed anything then.
    return isHidden(asked.failure) ? ok(false) : asked;
  }

  #user(signal: AbortSignal): Answer<string> {
    return this.#requests.ask({ route: "GET /user", answer: answers.loginAnswer, expects: isHidden }, signal);
  }
}

function isHidden({ kind }: GitHubFailure): boolean {
  return kind === "not-found" || kind === "forbidden" || kind === "invalid";
}

function isGoneBranch({ kind, message }: GitHubFailure): boolean {
  return (kind === "invalid" || kind === "not-found") && /reference does not exist/i.test(message);
}
