// Sends requests through Octokit and turns whatever comes back into a checked value or a `GitHubFailure`. It owns
// pacing, repetition, the credential, the ETag cache and the pause, and knows nothing of issues or pull requests.
//
// I1 A request that may have had an effect is sent once. A request had none when GitHub answers that its object is not
//    there, or does not let us in.
// I2 GitHub's replicas lag: "not found" for an object that it showed or took from us a moment ago is asked again.

import type { Octokit } from "@octokit/rest";

import { messageOf } from "../../../core/base/errors.ts";
import { Redactor } from "../../../core/logs/redact.ts";
import type { RepositoryName } from "../../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import { withoutTrailing } from "../../../core/base/trim-end.ts";
import { type Credential, withRedaction } from "../port/credential.ts";
import { PAUSED_HEADER, PAUSED_MESSAGE } from "./bounded-fetch.ts";
import { openClient, type RequestsOptions } from "./client.ts";
import { askConditionally, type RawAnswer } from "./conditional-requests.ts";
import { EtagCache, type EtagCacheLimits } from "./etag-cache.ts";
import type { Answer, GitHubFailure } from "../port/github.ts";
import { brokenAnswer, gitHubFailure, refusedOf } from "../port/github-failure.ts";
import { RateBudget } from "./rate-budget.ts";
import { RecentlySeen } from "./recently-seen.ts";
import { type Identity, RepositoryIdentity } from "../port/repository-identity.ts";

export type { RequestsOptions } from "./client.ts";

const API_VERSION = "2022-11-28";
const CACHE_LIMITS: EtagCacheLimits = { entriesMax: 500, bytesMax: 16 * 1_048_576 };
const PAGE_SIZE = 100;
const PAGES_MAX = 200;
/** I2: an object is asked for so often again, each time after one unit more. */
const STALE_TRIES = 3;
const REPEAT_DELAY_MS = 1_000;

export interface Ask<T> {
  /** The route in Octokit's form, for instance `GET /repos/{owner}/{repo}/issues`; owner and repo are filled in. */
  readonly route: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly answer: z.core.$ZodType<T>;
  /** I2: the object that the request is about, for instance `issues/7`. */
  readonly about?: string;
  /**
   * I1: says whether doing it twice is as good as once. By default only GET is; a lost answer to anything else may hide
   * an effect.
   */
  readonly repeatable?: boolean;
  /** The caller takes these refusals for an answer, so they are not reported. */
  readonly expects?: (failure: GitHubFailure) => boolean;
  /** I2: these refusals, beside "not found", may come of a replica that lags; they had no effect. */
  readonly isStale?: (failure: GitHubFailure) => boolean;
}

export class Requests {
  readonly budget: RateBudget;
  readonly seen: RecentlySeen;
  readonly #options: RequestsOptions;
  readonly #identity: RepositoryIdentity;
  readonly #octokit: Octokit;
  readonly #redactor: Redactor;
  readonly #credential: Credential;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#redactor = new Redactor(options.network?.secrets);
    this.#credential = withRedaction(options.credential, this.#redactor);
    this.#identity = new RepositoryIdentity(options.apiUrl, options.repository);
    this.seen = new RecentlySeen(options.clock);
    this.budget = new RateBudget(options.clock, (until) =>
      options.onFailure({ type: "github.paused", until: until.toISOString() }),
    );
    this.#octokit = openClient(options, this.#identity, () => this.budget.pausedUntil());
    askConditionally(this.#octokit, new EtagCache(options.limits?.cache ?? CACHE_LIMITS), (headers) =>
      this.budget.read(headers),
    );
  }

  /** The address is `https://api.github.com/graphql`; an enterprise server has `/api/graphql` beside `/api/v3`. */
  get graphqlUrl(): string {
    return `${withoutTrailing(this.#options.apiUrl, "/").replace(/\/v3$/, "")}/graphql`;
  }

  /** The repository's name of today; every request is about it. */
  get repository(): RepositoryName {
    return this.#identity.name;
  }

  noteRepository(identity: Identity): void {
    this.#identity.note(identity);
  }

  /**
   * Says whether this `owner/name` is our repository under another name, after one look-up for each name that we do not
   * know.
   */
  isOurs(repository: string, lookUp: () => Promise<Identity | null>): Promise<boolean> {
    return this.#identity.isOurs(repository, lookUp);
  }

  /** Rejects with the signal's reason when aborted. */
  async ask<T>(ask: Ask<T>, signal: AbortSignal): Answer<T> {
    const sent = await this.#sendUntilSeen(ask, ask.route, ask.parameters ?? {}, signal);
    return sent.ok ? this.#check(ask.route, sent.value, ask.answer) : sent;
  }

  /** Returns every page, or a failure: part of a list is never taken for the whole. */
  async askAll<T>(ask: Ask<readonly T[]>, signal: AbortSignal): Answer<readonly T[]> {
    const pagesMax = this.#options.limits?.pagesMax ?? PAGES_MAX;
    const entries: T[] = [];
    let next: string | undefined = ask.route;
    for (let pages = 0; next !== undefined; pages += 1) {
      if (pages === pagesMax)
        return fail(this.#report(ask.route, brokenAnswer(200, `the list has more than ${pagesMax} pages`)));
      const parameters = pages === 0 ? { per_page: PAGE_SIZE, ...ask.parameters } : {};
      const sent = await this.#sendUntilSeen(ask, next, parameters, signal);
      if (!sent.ok) return sent;
      const page = this.#check(ask.route, sent.value, ask.answer);
      if (!page.ok) return page;
      entries.push(...page.value);
      next = nextPage(sent.value);
    }
    return ok(entries);
  }

  async #sendUntilSeen(
    ask: Ask<unknown>,
    route: string,
    parameters: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Answer<RawAnswer> {
    const { clock, limits } = this.#options;
    for (let tries = 1; ; tries += 1) {
      const sent = await this.#send(ask, route, parameters, signal);
      if (sent.ok && ask.about !== undefined) this.seen.note(ask.about);
      if (sent.ok) return sent;
      if (tries > STALE_TRIES || !this.#mayBeStale(ask, sent.failure)) return fail(this.#reported(ask, sent.failure));
      await clock.sleep(tries * (limits?.repeatDelayMs ?? REPEAT_DELAY_MS), signal);
    }
  }

  #mayBeStale(ask: Ask<unknown>, failure: GitHubFailure): boolean {
    if (ask.isStale !== undefined) return ask.isStale(failure);
    const isMissing = failure.kind === "not-found" && failure.status !== 410;
    return isMissing && ask.about !== undefined && this.seen.has(ask.about);
  }

  /** A token that was refused may have been replaced or have run out: I1 lets the request be sent once more. */
  async #send(
    ask: Ask<unknown>,
    route: string,
    parameters: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Answer<RawAnswer> {
    const token = await this.#token(signal);
    if (!token.ok) return token;
    const sent = await this.#sendOnce(ask, { route, parameters, token: token.value }, signal);
    if (sent.ok || sent.failure.kind !== "unauthorized" || token.value === null) return sent;
    this.#credential.invalidate(token.value);
    const next = await this.#token(signal);
    if (!next.ok || next.value === token.value) return sent;
    return this.#sendOnce(ask, { route, parameters, token: next.value }, signal);
  }

  async #token(signal: AbortSignal): Answer<string | null> {
    signal.throwIfAborted();
    const token = await this.#credential.token(signal);
    if (token.ok) return token;
    return fail({ ...token.failure, message: this.#redactor.redact(token.failure.message) });
  }

  async #sendOnce(
    ask: Ask<unknown>,
    sending: { route: string; parameters: Readonly<Record<string, unknown>>; token: string | null },
    signal: AbortSignal,
  ): Answer<RawAnswer> {
    const { route, parameters, token } = sending;
    const { owner, name } = this.repository;
    // I1: a number of tries here would make the plugin repeat every refusal, so it is only ever set to none.
    const isRepeatable = ask.repeatable ?? route.startsWith("GET ");
    const authorization = token === null ? {} : { authorization: `token ${token}` };
    try {
      const work = this.#octokit.request(route, {
        ...(route.includes("{owner}") ? { owner, repo: name } : {}),
        headers: { "x-github-api-version": API_VERSION, ...authorization },
        request: { signal, ...(isRepeatable ? {} : { retries: 0 }) },
        ...parameters,
      });
      const answer = await untilAborted(work, signal);
      this.budget.read(answer.headers);
      return ok(answer);
    } catch (error) {
      signal.throwIfAborted();
      return fail(this.#refused(error));
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

  #refused(error: unknown): GitHubFailure {
    const refused = refusedOf(error) ?? { status: 0, headers: {}, message: messageOf(error) };
    const message = this.#redactor.redact(refused.message);
    if (refused.headers[PAUSED_HEADER] !== undefined) {
      // We made this answer ourselves. It may be read after the pause has ended, and is no reason for another one.
      const retryAt = this.budget.pausedUntil() ?? this.#options.clock.now();
      return { kind: "rate-limited", message, status: refused.status, retryable: true, retryAt };
    }
    this.budget.read(refused.headers);
    const failure = gitHubFailure({ ...refused, message }, this.#options.clock.now());
    if (failure.retryAt !== null) this.budget.pause(failure.retryAt);
    return failure;
  }

  /** A request that was not sent because of a pause is not reported: the beginning of the pause was. */
  #reported(ask: Ask<unknown>, failure: GitHubFailure): GitHubFailure {
    const isKnown = failure.kind === "rate-limited" && failure.message.includes(PAUSED_MESSAGE);
    return isKnown || ask.expects?.(failure) === true ? failure : this.#report(ask.route, failure);
  }

  #report(route: string, failure: GitHubFailure): GitHubFailure {
    const { status, message } = failure;
    this.#options.onFailure({ type: "github.failed", request: route, status, message });
    return failure;
  }
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
