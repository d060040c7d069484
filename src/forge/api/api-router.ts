// The router finds the handler of a REST request and gives it what it stands on: the repository, the issue, the right
// to do so. It also leads on where a repository moved, says so where an issue was transferred or deleted, and lets
// readers fall behind the last write where the repository's settings order it.

import { TrieRouter } from "hono/router/trie-router";

import { fail, ok, type Result } from "../../core/base/result.ts";
import { z } from "../../core/base/schema.ts";
import { accessRefusal, issuesDisabled } from "./access.ts";
import { type ApiAnswer, invalidBody, moved, notFound, refusal } from "./api-answer.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import { saveAll } from "../kernel/forge-core.ts";
import type { Cause } from "../store/ledger.ts";
import { type IssueRecord, isPull, type Permission, type PullIssue } from "../store/repository-record.ts";
import type { StoredRepository } from "../store/repository-store.ts";
import type { TokenRecord } from "../store/token-registry.ts";

export interface ApiRequest {
  readonly method: string;
  /** The path lies below `/api/v3`, and is still percent-encoded. */
  readonly path: string;
  /** This client has the API at this origin and prefix. */
  readonly base: string;
  /** This client finds the pages at this origin, prefix and path. */
  readonly url: string;
  readonly query: URLSearchParams;
  /** The body is parsed JSON; it is undefined when there was none. */
  readonly body: unknown;
  readonly accept: string;
  readonly login: string;
  /** It is null for an app that speaks as itself. */
  readonly token: TokenRecord | null;
  readonly cause: Cause;
}

type Answer = ApiAnswer | Promise<ApiAnswer>;
type Params = Readonly<Record<string, string>>;
type Handler = (request: ApiRequest, params: Params) => Answer;

export interface OnRepository {
  readonly request: ApiRequest;
  readonly params: Params;
  readonly repository: StoredRepository;
}
export type OnIssue = OnRepository & { readonly issue: IssueRecord };
export type OnPull = OnRepository & { readonly issue: PullIssue };

export class ApiRouter {
  readonly #core: ForgeCore;
  readonly #routes = new TrieRouter<Handler>();

  constructor(core: ForgeCore) {
    this.#core = core;
  }

  /** `route` has the form `METHOD /path/:param`. */
  on(route: string, handler: Handler): void {
    const [method = "", path = ""] = route.split(" ");
    this.#routes.add(method, path, handler);
  }

  /** `route` lies below `/repos/:owner/:repo`. */
  onRepository(route: string, needed: Permission, handler: (on: OnRepository) => Answer): void {
    const [method = "", path = ""] = route.split(" ");
    this.on(`${method} /repos/:owner/:repo${path}`, async (request, params) => {
      const name = `${params["owner"]}/${params["repo"]}`;
      const repository = this.#core.store.find(name);
      if (repository === undefined) return this.#elsewhere(request, name);
      const below = request.path.split("/").slice(4).join("/");
      const asked = { ...request, path: below === "" ? "" : `/${below}` };
      const refused = accessRefusal(repository.record, asked, needed);
      if (refused !== undefined) return refused;
      return method === "GET"
        ? await this.#read({ request, params, repository }, handler)
        : await this.#write({ request, params, repository }, handler);
    });
  }

  /** `route` lies below `/repos/:owner/:repo` and has a `:number`. */
  onIssue(route: string, needed: Permission, handler: (on: OnIssue) => Answer): void {
    const isWhole = route.endsWith("/issues/:number{[0-9]+}");
    this.onRepository(route, needed, (on) => {
      const { record } = on.repository;
      const issue = record.issues[Number(on.params["number"]) - 1];
      if (issue === undefined) return notFound();
      if (issue.isDeleted === true) return refusal(410, "This issue was deleted");
      if (issue.transferredTo !== undefined) {
        const { repositoryId, number } = issue.transferredTo;
        const url = `${on.request.base}/repositories/${repositoryId}/issues/${number}`;
        return isWhole ? moved("GET", url) : notFound();
      }
      return record.settings.hasIssues || isPull(issue) ? handler({ ...on, issue }) : issuesDisabled();
    });
  }

  onPull(route: string, needed: Permission, handler: (on: OnPull) => Answer): void {
    this.onIssue(route, needed, (on) => (isPull(on.issue) ? handler({ ...on, issue: on.issue }) : notFound()));
  }

  async answer(request: ApiRequest): Promise<ApiAnswer> {
    const [matches] = this.#routes.match(request.method, request.path);
    const [handler, params] = matches[0] ?? [];
    if (handler === undefined || params === undefined) return notFound();
    const decoded = decodeAll(params as Record<string, string>);
    return decoded === undefined ? refusal(400, "Bad Request") : await handler(request, decoded);
  }

  /** A repository that had this name leads to where it is now. */
  #elsewhere(request: ApiRequest, name: string): ApiAnswer {
    const repository = this.#core.store.findFormer(name);
    if (repository === undefined) return notFound();
    const rest = request.path.split("/").slice(4);
    const path = ["repositories", String(repository.record.id), ...rest].join("/");
    const query = request.query.toString();
    return moved(request.method, `${request.base}/${path}${query === "" ? "" : `?${query}`}`);
  }

  async #read(on: OnRepository, handler: (on: OnRepository) => Answer): Promise<ApiAnswer> {
    const { replica, record } = on.repository;
    const isBehind = replica !== null && replica.readsLeft > 0 && this.#core.clock.now().getTime() < replica.untilMs;
    if (!isBehind) return await handler(on);
    replica.readsLeft -= 1;
    if (record.settings.lag?.how === "not-found") return notFound();
    return await handler({ ...on, repository: { ...on.repository, record: replica.record } });
  }

  /** An answer waits until what the write changed is on disk. */
  async #write(on: OnRepository, handler: (on: OnRepository) => Answer): Promise<ApiAnswer> {
    const { repository } = on;
    const before = repository.record.settings.lag === null ? null : structuredClone(repository.record);
    const given = await handler(on);
    if (given.status >= 400) return given;
    const { lag } = repository.record.settings;
    if (before !== null && lag !== null) {
      const untilMs = lag.ms === undefined ? Number.POSITIVE_INFINITY : this.#core.clock.now().getTime() + lag.ms;
      repository.replica = { record: before, readsLeft: lag.reads ?? Number.POSITIVE_INFINITY, untilMs };
    }
    await saveAll(this.#core, repository);
    return given;
  }
}

/** The reader ignores fields that the schema does not name, as GitHub does. */
export function readBody<S extends z.ZodMiniType>(
  request: ApiRequest,
  schema: S,
  resource: string,
): Result<z.infer<S>, ApiAnswer> {
  const parsed = z.safeParse(schema, request.body ?? {}, { reportInput: true });
  return parsed.success ? ok(parsed.data) : fail(invalidBody(resource, parsed.error));
}

function decodeAll(params: Params): Params | undefined {
  try {
    return Object.fromEntries(Object.entries(params).map(([name, value]) => [name, decodeURIComponent(value)]));
  } catch {
    return undefined; // The name has a stray percent sign.
  }
}
