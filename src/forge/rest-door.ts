// GitHub's REST API over HTTP: who asks, what budget is left, conditional requests, and the headers GitHub sends. The
// handlers behind it know nothing of HTTP.

import { createHash, randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

import { type ApiAnswer, refusal } from "./api-answer.ts";
import type { ApiRequest, ApiRouter } from "./api-router.ts";
import type { ForgeCore } from "./forge-core.ts";
import type { HttpReply } from "./http-reply.ts";
import { type RateLimiter, rateLimitHeaders } from "./rate-limiter.ts";
import { readAuthorization } from "./token-registry.ts";
import { userId } from "./views/user-view.ts";

export interface RestRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** One request and its answer as a client sees them, for checking against GitHub's description. */
export interface Exchange {
  readonly request: {
    readonly method: string;
    /** Below `/api/v3`, percent-encoded. */
    readonly path: string;
    readonly query: Readonly<Record<string, string>>;
    readonly headers: Readonly<Record<string, string>>;
    /** Parsed JSON; undefined when there was none. */
    readonly body: unknown;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: unknown;
  };
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
    const token = readAuthorization(request.headers.authorization);
    const login = token === undefined ? undefined : this.#core.tokens.loginOf(token);
    const given = await this.#given(request, body, login);
    const reply = this.#reply(request, given, { token, login });
    this.#observe?.(exchangeOf(request, body, reply.status === 304 ? { status: 304, body: undefined } : given, reply));
    return reply;
  }

  async #given(request: RestRequest, body: unknown, login: string | undefined): Promise<ApiAnswer> {
    if (login === undefined) {
      return refusal(401, request.headers.authorization === undefined ? "Requires authentication" : "Bad credentials");
    }
    const path = restPath(request.url);
    if (path !== "/rate_limit" && this.#limiter.budget(login).remaining === 0) return limited(login);
    if (body instanceof SyntaxError) return refusal(400, "Problems parsing JSON");
    return await this.#router.answer(this.#apiRequest(request, body, login, path));
  }

  #apiRequest({ method, url, headers }: RestRequest, body: unknown, login: string, path: string): ApiRequest {
    const cause = { actor: login, method, path };
    return {
      method,
      path,
      url: this.#core.origin + url.pathname,
      query: url.searchParams,
      body,
      accept: headers.accept ?? "",
      login,
      cause,
    };
  }

  #reply(
    request: RestRequest,
    given: ApiAnswer,
    { token, login }: { token: string | undefined; login: string | undefined },
  ): HttpReply {
    const isConditional = request.method === "GET" && given.status === 200;
    const etag = isConditional ? etagOf(given, token ?? "") : undefined;
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
  { method, url, headers }: RestRequest,
  body: unknown,
  given: ApiAnswer,
  reply: HttpReply,
): Exchange {
  const texts = Object.entries(headers).map(([name, value]) => [name, String(value)]);
  return {
    request: {
      method,
      path: restPath(url),
      query: Object.fromEntries(url.searchParams),
      headers: Object.fromEntries(texts) as Record<string, string>,
      body,
    },
    response: { status: given.status, headers: reply.headers, body: given.text ?? given.body },
  };
}
