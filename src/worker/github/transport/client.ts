// Makes Octokit as we use it: at GitHub's pace, with repetition where that is safe, over our own bounded way out. A
// rate limit is never tried against: it pauses the whole worker, see RateBudget.

import { Octokit } from "@octokit/rest";
import { retry } from "@octokit/plugin-retry";
import { throttling } from "@octokit/plugin-throttling";

import type { Clock } from "../../../core/base/clock.ts";
import type { RepositoryName } from "../../../core/domain/repository-name.ts";
import { z } from "../../../core/base/schema.ts";
import { withoutTrailing } from "../../../core/base/trim-end.ts";
import type { WorkerEvent } from "../../events/event.ts";
import { isLoopbackHost } from "../../git/remote/loopback-host.ts";
import { boundedFetch, type BoundedFetchOptions, type Fetch, type FetchRequest } from "./bounded-fetch.ts";
import type { Credential } from "../port/credential.ts";
import type { EtagCacheLimits } from "./etag-cache.ts";
import type { NetworkWay } from "./network-way.ts";
import type { Identity, RepositoryIdentity } from "../port/repository-identity.ts";

/** A request is repeated so often; the plugin waits 1 s before the first repetition, then 4 s. */
const REPEATS_MAX = 2;
/** Repeating cannot change these answers; rate limits are waited for, not tried against. */
const NEVER_REPEAT = [304, 400, 401, 403, 404, 405, 409, 410, 413, 422, 429, 451];

/** Octokit would write to the console. */
export const SILENT_LOG = { debug: silent, info: silent, warn: silent, error: silent };

const identityAnswer = z.object({ id: z.int(), full_name: z.string() });

export interface RequestsOptions {
  readonly apiUrl: string;
  readonly repository: RepositoryName;
  readonly credential: Credential;
  readonly userAgent: string;
  readonly clock: Clock;
  readonly onFailure: (event: Extract<WorkerEvent, { type: "github.failed" | "github.paused" }>) => void;
  /**
   * `github` keeps GitHub's pace (a write a second, every three seconds one that notifies people). It is the default on
   * every host but loopback.
   */
  readonly pacing?: "github" | "none";
  /** Without it the connection is direct. */
  readonly network?: NetworkWay;
  readonly limits?: RequestLimits;
}

export interface RequestLimits {
  readonly pagesMax?: number;
  readonly cache?: EtagCacheLimits;
  readonly requestTimeoutMs?: number;
  readonly answerBytesMax?: number;
  /** The unit of waiting between tries. */
  readonly repeatDelayMs?: number;
}

export function openClient(
  options: RequestsOptions,
  identity: RepositoryIdentity,
  pausedUntil: () => Date | null,
): Octokit {
  const { apiUrl, limits = {} } = options;
  const pacing = options.pacing ?? (isLoopbackHost(new URL(apiUrl).hostname) ? "none" : "github");
  const Client = Octokit.plugin(throttling, retry);
  return new Client({
    baseUrl: withoutTrailing(apiUrl, "/"),
    userAgent: options.userAgent,
    log: SILENT_LOG,
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
    request: { fetch: repositoryFetch(options, identity, pausedUntil) },
  });
}

/** Follows a redirect only to what may be ours. That is looked up beside Octokit, whose queues hold the request. */
function repositoryFetch(
  { apiUrl, limits = {}, network }: RequestsOptions,
  identity: RepositoryIdentity,
  pausedUntil: () => Date | null,
): Fetch {
  const base: BoundedFetchOptions = {
    origin: new URL(apiUrl).origin,
    pausedUntil,
    agent: network?.agent,
    ...(limits.requestTimeoutMs === undefined ? {} : { timeoutMs: limits.requestTimeoutMs }),
    ...(limits.answerBytesMax === undefined ? {} : { answerBytesMax: limits.answerBytesMax }),
  };
  const plainFetch = boundedFetch(base);
  const lookUp = async (request: FetchRequest): Promise<Identity | null> => {
    const { method: _method, body: _body, ...rest } = request;
    const answer = await plainFetch(`${withoutTrailing(apiUrl, "/")}/repos/${identity.name.fullName}`, rest);
    if (answer.status === 404) return null;
    // A failed look-up decides nothing: the request that was redirected fails, and may be repeated.
    if (answer.status !== 200) throw new Error(`could not look up a moved repository: ${answer.status}`);
    const { id, full_name: fullName } = z.parse(identityAnswer, JSON.parse(await answer.text()));
    return { id, fullName };
  };
  return boundedFetch({
    ...base,
    mayFollow: async (from, to, request) => {
      const redirect = identity.redirect(from, to);
      if (typeof redirect === "string") return redirect === "follow";
      return identity.isOurs(redirect.repository, () => lookUp(request));
    },
  });
}

function silent(): void {}
