// Sends requests through Octokit and turns whatever comes back into a checked value or a `GitHubFailure`. Owns pacing,
// repetition, the ETag cache and the pause; knows nothing of issues or pull requests.

import { Octokit } from "@octokit/rest";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";

import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import { Redactor } from "../../core/redact.ts";
import type { RepositoryName } from "../../core/repository-name.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import { z } from "../../core/schema.ts";
import type { WorkerEvent } from "../event.ts";
import { isLoopbackHost } from "../git/loopback-host.ts";
import { askConditionally, type RawAnswer } from "./conditional-requests.ts";
import { boundedFetch, PAUSED_HEADER } from "./bounded-fetch.ts";
import { EtagCache, type EtagCacheLimits } from "./etag-cache.ts";
import type { Answer, GitHubFailure } from "./github.ts";
import { brokenAnswer, gitHubFailure, refusedOf } from "./github-failure.ts";
import { RateBudget } from "./rate-budget.ts";

const API_VERSION = "2022-11-28";
/** Tries after the first one; the plugin waits 1 s before the first, then 4 s. */
const REPEATS_MAX = 2;
/** Answers that another try cannot change; rate limits are waited for, not tried against. */
const NEVER_REPEAT = [304, 400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 451];
const CACHE_LIMITS: EtagCacheLimits = { entriesMax: 500, bytesMax: 16 * 1_048_576 };
const PAGE_SIZE = 100;
const PAGES_MAX = 200;

export interface RequestsOptions {
  readonly apiUrl: string;
  readonly repository: RepositoryName;
  /** Null asks as nobody, which GitHub allows for public repositories. */
  readonly token: string | null;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly onFailure: (event: Extract<WorkerEvent, { type: "github.failed" | "github.paused" }>) => void;
  /** `github` keeps GitHub's pace (a write a second, what notifies people every three); by default on every host but loopback. */
  readonly pacing?: "github" | "none";
  readonly limits?: RequestLimits;
}

export interface RequestLimits {
  readonly pagesMax?: number;
  readonly cache?: EtagCacheLimits;
  readonly requestTimeoutMs?: number;
  readonly answerBytesMax?: number;
  /** The plugin's unit of waiting between tries. */
  readonly repeatDelayMs?: number;
}

export interface Ask<T> {
  /** Octokit's form, for instance `GET /repos/{owner}/{repo}/issues`; owner and repo are filled in. */
  readonly route: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly answer: z.core.$ZodType<T>;
  /** Whether doing it twice is as good as once. By default GET alone; a lost answer to anything else may hide an effect. */
  readonly repeatable?: boolean;
  /** Refusals that the caller takes for an answer; they are not reported. */
  readonly expects?: (failure: GitHubFailure) => boolean;
}

export class Requests {
  readonly budget: RateBudget;
  readonly #options: RequestsOptions;
  readonly #octokit: Octokit;
  readonly #redactor: Redactor;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#redactor = new Redactor([options.token]);
    this.budget = new RateBudget(options.clock, (until) =>
      options.onFailure({ type: "github.paused", until: until.toISOString() }),
    );
    this.#octokit = openOctokit(options, () => this.budget.pausedUntil());
    askConditionally(this.#octokit, new EtagCache(options.limits?.cache ?? CACHE_LIMITS), (headers) =>
      this.budget.read(headers),
    );
  }

  /** Rejects with the signal's reason when aborted. */
  async ask<T>(ask: Ask<T>, signal: AbortSignal): Answer<T> {
    const sent = await this.#send(ask, ask.route, ask.parameters ?? {}, signal);
    return sent.ok ? this.#check(ask.route, sent.value, ask.answer) : sent;
  }

  /** Every page, or a failure: part of a list is never taken for the whole. */
  async askAll<T>(ask: Ask<readonly T[]>, signal: AbortSignal): Answer<readonly T[]> {
    const pagesMax = this.#options.limits?.pagesMax ?? PAGES_MAX;
    const entries: T[] = [];
    let next: string | undefined = ask.route;
    for (let pages = 0; next !== undefined; pages += 1) {
      if (pages === pagesMax)
        return fail(this.#report(ask.route, brokenAnswer(200, `the list has more than ${pagesMax} pages`)));
      const sent = await this.#send(ask, next, pages === 0 ? { per_page: PAGE_SIZE, ...ask.parameters } : {}, signal);
      if (!sent.ok) return sent;
      const page = this.#check(ask.route, sent.value, ask.answer);
      if (!page.ok) return page;
      entries.push(...page.value);
      next = nextPage(sent.value);
    }
    return ok(entries);
  }

  async #send(
    ask: Ask<unknown>,
    route: string,
    parameters: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Answer<RawAnswer> {
    signal.throwIfAborted();
    const { repository } = this.#options;
    // A number of tries here would make the plugin repeat every refusal, so it is only ever taken away.
    const isRepeatable = ask.repeatable ?? route.startsWith("GET ");
    try {
      const sending = this.#octokit.request(route, {
        ...(route.includes("{owner}") ? { owner: repository.owner, repo: repository.name } : {}),
        headers: { "x-github-api-version": API_VERSION },
        request: { signal, ...(isRepeatable ? {} : { retries: 0 }) },
        ...parameters,
      });
      const answer = await untilAborted(sending, signal);
      this.budget.read(answer.headers);
      return ok(answer);
    } catch (error) {
      signal.throwIfAborted();
      return fail(this.#refused(ask, error));
    }
  }

  #check<T>(route: string, answer: RawAnswer, schema: z.core.$ZodType<T>): Result<T, GitHubFailure> {
    const parsed = z.safeParse(schema, answer.data);
    if (parsed.success) return ok(parsed.data);
    const [issue] = parsed.error.issues;
    return fail(
      this.#report(route, brokenAnswer(answer.status, `${issue?.path.join(".") ?? ""} ${issue?.message ?? ""}`.trim())),
    );
  }

  #refused(ask: Ask<unknown>, error: unknown): GitHubFailure {
    const refused = refusedOf(error) ?? { status: 0, headers: {}, message: messageOf(error) };
    const message = this.#redactor.redact(refused.message);
    const pausedUntil = refused.headers[PAUSED_HEADER] === undefined ? null : this.budget.pausedUntil();
    if (pausedUntil !== null)
      return { kind: "rate-limited", message, status: refused.status, retryable: true, retryAt: pausedUntil };
    this.budget.read(refused.headers);
    const failure = gitHubFailure({ ...refused, message }, this.#options.clock.now());
    if (failure.retryAt !== null) this.budget.pause(failure.retryAt);
    return ask.expects?.(failure) ? failure : this.#report(ask.route, failure);
  }

  #report(route: string, failure: GitHubFailure): GitHubFailure {
    this.#options.onFailure({
      type: "github.failed",
      request: route,
      status: failure.status,
      message: failure.message,
    });
    return failure;
  }
}

function openOctokit(options: RequestsOptions, pausedUntil: () => Date | null): Octokit {
  const { apiUrl, limits = {}, token } = options;
  const { origin, hostname } = new URL(apiUrl);
  const pacing = options.pacing ?? (isLoopbackHost(hostname) ? "none" : "github");
  const Client = Octokit.plugin(throttling, retry);
  return new Client({
    baseUrl: apiUrl.replace(/\/+$/, ""),
    userAgent: options.userAgent,
    ...(token === null ? {} : { auth: token }),
    log: { debug: silent, info: silent, warn: silent, error: silent },
    // A limit is never tried against: it pauses the whole worker, see RateBudget.
    throttle: {
      enabled: pacing === "github",
      id: `${apiUrl} ${options.repository.fullName}`,
      onRateLimit: () => false,
      onSecondaryRateLimit: () => false,
    },
    retry: {
      retries: REPEATS_MAX,
      doNotRetry: NEVER_REPEAT,
      ...(limits.repeatDelayMs === undefined ? {} : { retryAfterBaseValue: limits.repeatDelayMs }),
    },
    request: {
      fetch: boundedFetch({
        origin,
        pausedUntil,
        ...(limits.requestTimeoutMs === undefined ? {} : { timeoutMs: limits.requestTimeoutMs }),
        ...(limits.answerBytesMax === undefined ? {} : { answerBytesMax: limits.answerBytesMax }),
      }),
    },
  });
}

function nextPage(answer: RawAnswer): string | undefined {
  const url = /<([^<>]+)>;\s*rel="next"/.exec(answer.headers.link ?? "")?.[1];
  return url === undefined ? undefined : `GET ${url}`;
}

/** Octokit's queues know no signal; the request itself, once sent, ends with it. */
async function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason);
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await Promise.race([work, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

function silent(): void {}
