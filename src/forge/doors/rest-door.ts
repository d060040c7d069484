// This door brings GitHub's REST API to HTTP: who asks, what budget is left, conditional requests, and the headers
// GitHub sends. The handlers behind it know nothing of HTTP.

import { createHash, randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

import { type ApiAnswer, refusal } from "../api/api-answer.ts";
import type { ApiRouter } from "../api/api-router.ts";
import { botLogin, isJwt } from "../store/app-registry.ts";
import type { ForgeCore } from "../kernel/forge-core.ts";
import { answerGraphql, isGraphqlPath } from "../graphql/graphql-door.ts";
import type { HttpReply } from "./http-reply.ts";
import { type RateLimiter, rateLimitHeaders } from "../api/rate-limiter.ts";
import { fullName } from "../store/repository-record.ts";
import { readAuthorization, type TokenRecord } from "../store/token-registry.ts";
import { userId } from "../views/user-view.ts";

export interface RestRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** A client sees one request and its answer like this; tests check both against GitHub's description. */
export interface Exchange {
  readonly request: {
    readonly method: string;
    /** The path lies below `/api/v3`, percent-encoded. */
    readonly path: string;
    readonly query: Readonly<Record<string, string>>;
    readonly headers: Readonly<Record<string, string>>;
    /** The body is parsed JSON; it is undefined when there was none. */
    readonly body: unknown;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
}

interface Caller {
  /** This is the token as it was sent. */
  readonly text: string | undefined;
  readonly login: string | undefined;
  readonly token: TokenRecord | null;
  /** GitHub uses these words where there is no login. */
  readonly refusal: string;
}

const PREFIX = "/api/v3";

export class RestDoor {
  readonly #core: ForgeCore;
  readonly #router: ApiRouter;
  readonly #limiter: RateLimiter;
  readonly #observe: ((exchange: Exchange) => void) | undefined;

  constructor(
    core: ForgeCore,
    router: ApiRouter,
    limiter: RateLimiter,
    observe: ((exchange: Exchange) => void) | undefined,
  ) {
    this.#core = core;
    this.#router = router;
    this.#limiter = limiter;
    this.#observe = observe;
  }

  async answer(request: RestRequest): Promise<HttpReply> {
    const body = parseJson(request.body);
    const caller = this.#callerOf(request.headers.authorization);
    const path = this.#canonicalPath(restPath(request.url));
    const given = await this.#given({ ...request, path }, body, caller);
    const reply = this.#reply(request, given, caller);
    const seen = reply.status === 304 ? { status: 304, body: undefined } : given;
    if (!isGraphqlPath(path)) this.#observe?.(exchangeOf({ ...request, path }, body, seen, reply));
    return reply;
  }

  /** An app that signs its own token speaks as its bot, with no token of the registry. */
  #callerOf(authorization: string | undefined): Caller {
    const text = readAuthorization(authorization);
    if (text === undefined) return { text, login: undefined, token: null, refusal: "Requires authentication" };
    if (isJwt(text)) {
      const verified = this.#core.apps.verify(text);
      return verified.ok
        ? { text, login: botLogin(verified.value), token: null, refusal: "" }
        : { text, login: undefined, token: null, refusal: verified.failure };
    }
    const token = this.#core.tokens.find(text);
    return { text, login: token?.login, token: token ?? null, refusal: "Bad credentials" };
  }

  /** `/repositories/:id` is where GitHub's redirects lead; it is the same as `/repos/:owner/:name`. */
  #canonicalPath(path: string): string {
    const [, id, rest = ""] = /^\/repositories\/(\d+)(\/.*)?$/.exec(path) ?? [];
    const found = id === undefined ? undefined : this.#core.store.findById(Number(id));
    return found === undefined ? path : `/repos/${fullName(found.record)}${rest}`;
  }

  async #given(request: RestRequest & { path: string }, body: unknown, caller: Caller): Promise<ApiAnswer> {
    const { login, token } = caller;
    if (login === undefined) return refusal(401, caller.refusal);
    const { path } = request;
    if (path !== "/rate_limit" && this.#limiter.budget(login).remaining === 0) return limited(login);
    if (body instanceof SyntaxError) return refusal(400, "Problems parsing JSON");
    const asked = {
      method: request.method,
      path,
      base: this.#core.origin + (request.url.pathname.startsWith(`${PREFIX}/`) ? PREFIX : ""),
      url: this.#core.origin + request.url.pathname,
      query: request.url.searchParams,
      body,
      accept: request.headers.accept ?? "",
      login,
      token,
      cause: { actor: login, method: request.method, path },
    };
    return isGraphqlPath(path) ? await answerGraphql(this.#core, asked) : await this.#router.answer(asked);
  }

  #reply(request: RestRequest, given: ApiAnswer, { text, login }: Pick<Caller, "text" | "login">): HttpReply {
    const isConditional = request.method === "GET" && given.status === 200;
    const etag = isConditional ? etagOf(given, text ?? "") : undefined;
    const isUnchanged = etag !== undefined && isListed(request.headers["if-none-match"], etag);
    if (login !== undefined && !isUnchanged && restPath(request.url) !== "/rate_limit") this.#limiter.charge(login);
    const headers = {
      ...(login === undefined ? {} : rateLimitHeaders(this.#limiter.budget(login))),
      ...(etag === undefined ? {} : { etag, "cache-control": "private, max-age=60, s-maxage=60" }),
    };
    return makeReply(isUnchanged ? { status: 304, body: undefined } : given, headers);
  }
}

/** GitHub Enterprise serves the same API below a prefix. */
export function restPath(url: URL): string {
  return url.pathname.startsWith(`${PREFIX}/`) ? url.pathname.slice(PREFIX.length) : url.pathname;
}

function limited(login: string): ApiAnswer {
  return refusal(403, `API rate limit exceeded for user ID ${userId(login)}.`);
}

function makeReply(given: ApiAnswer, more: Readonly<Record<string, string>>): HttpReply {
  const hasBody = given.text !== undefined || given.body !== undefined;
  const headers = {
    server: "forge",
    "x-github-request-id": randomUUID().replaceAll("-", "").toUpperCase(),
    "x-github-media-type": "github.v3; format=json",
    vary: "Accept, Authorization, Cookie, Accept-Encoding",
    ...(hasBody ? { "content-type": "application/json; charset=utf-8" } : {}),
    ...more,
    ...given.headers,
  };
  return { status: given.status, headers, body: bodyBytes(given) };
}

function bodyBytes(given: ApiAnswer): Buffer {
  if (given.text !== undefined) return Buffer.from(given.text);
  return given.body === undefined ? Buffer.alloc(0) : Buffer.from(JSON.stringify(given.body));
}

/** Two tokens never share a tag: GitHub's differ by token as well. */
function etagOf(given: ApiAnswer, token: string): string {
  const digest = createHash("sha256").update(token).update("\0").update(bodyBytes(given)).digest("hex");
  return `"${digest}"`;
}

function isListed(ifNoneMatch: string | undefined, etag: string): boolean {
  return (ifNoneMatch ?? "").split(",").some((tag) => tag.trim().replace(/^W\//, "") === etag);
}

function parseJson(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
  } catch (thrown) {
    return thrown instanceof SyntaxError ? thrown : new SyntaxError("unreadable");
  }
}

function exchangeOf(
  { method, url, headers, path }: RestRequest & { path: string },
  body: unknown,
  given: ApiAnswer,
  reply: HttpReply,
): Exchange {
  const texts = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  return {
    request: {
      method,
      path,
      query: Object.fromEntries(url.searchParams),
      headers: Object.fromEntries(texts) as Record<string, string>,
      body,
    },
    response: { status: given.status, headers: reply.headers, body: given.text ?? given.body },
  };
}
