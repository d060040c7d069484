// Finds the handler of a REST request and gives it what it stands on: the repository, the issue, the right to do so.
// Whoever may not read a repository does not learn that it exists.

import { TrieRouter } from "hono/router/trie-router";

import { fail, ok, type Result } from "../core/result.ts";
import { z } from "../core/schema.ts";
import { type ApiAnswer, forbidden, invalidBody, notFound, refusal } from "./api-answer.ts";
import type { Cause } from "./ledger.ts";
import { allows, permissionOf } from "./permission.ts";
import { type IssueRecord, isPull, type Permission, type PullIssue } from "./repository-record.ts";
import type { RepositoryStore, StoredRepository } from "./repository-store.ts";

export interface ApiRequest {
  readonly method: string;
  /** Below `/api/v3`, still percent-encoded. */
  readonly path: string;
  /** Where this client's pages are: origin, prefix and path. */
  readonly url: string;
  readonly query: URLSearchParams;
  /** Parsed JSON; undefined when there was none. */
  readonly body: unknown;
  readonly accept: string;
  readonly login: string;
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
  readonly #store: RepositoryStore;
  readonly #save: (repository: StoredRepository) => Promise<void>;
  readonly #routes = new TrieRouter<Handler>();

  constructor(store: RepositoryStore, save: (repository: StoredRepository) => Promise<void>) {
    this.#store = store;
    this.#save = save;
  }

  /** `route` is `METHOD /path/:param`. */
  on(route: string, handler: Handler): void {
    const [method = "", path = ""] = route.split(" ");
    this.#routes.add(method, path, handler);
  }

  /** `route` is below `/repos/:owner/:repo`. What a write changed is on disk before it is answered. */
  onRepository(route: string, needed: Permission, handler: (on: OnRepository) => Answer): void {
    const [method = "", path = ""] = route.split(" ");
    this.on(`${method} /repos/:owner/:repo${path}`, async (request, params) => {
      const repository = this.#store.find(`${params["owner"]}/${params["repo"]}`);
      if (repository === undefined) return notFound();
      const has = permissionOf(repository.record, request.login);
      if (!allows(has, "read")) return notFound();
      if (!allows(has, needed)) return forbidden();
      const given = await handler({ request, params, repository });
      if (method !== "GET" && given.status < 400) await this.#save(repository);
      return given;
    });
  }

  /** `route` is below `/repos/:owner/:repo` and has a `:number`. */
  onIssue(route: string, needed: Permission, handler: (on: OnIssue) => Answer): void {
    this.onRepository(route, needed, (on) => {
      const issue = on.repository.record.issues[Number(on.params["number"]) - 1];
      return issue === undefined ? notFound() : handler({ ...on, issue });
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
}

/** Fields that the schema does not name are ignored, as GitHub does. */
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
    return undefined; // A stray percent sign.
  }
}
