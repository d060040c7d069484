// What a refused or failed request means. Pure; the rules are GitHub's documented ones on status codes and rate limits
// (docs.github.com, "Rate limits for the REST API" and "Troubleshooting the REST API").

import type { GitHubFailure } from "./github.ts";

const MESSAGE_LENGTH_MAX = 500;
/** What GitHub asks for when it names no time. */
const SECONDARY_LIMIT_WAIT_MS = 60_000;
/** A primary limit is over within the hour; a longer wait would only follow a broken clock. */
const WAIT_MAX_MS = 3_600_000;

export type ResponseHeaders = Readonly<Record<string, string | number | undefined>>;

export interface RefusedRequest {
  /** 0 when no answer came. */
  readonly status: number;
  /** Lower-case names. */
  readonly headers: ResponseHeaders;
  /** Redacted. */
  readonly message: string;
}

export function gitHubFailure(refused: RefusedRequest, now: Date): GitHubFailure {
  const message = refused.message.replace(/\s+/g, " ").trim().slice(0, MESSAGE_LENGTH_MAX);
  const { status } = refused;
  if (isRateLimited(refused))
    return { kind: "rate-limited", message, status, retryable: true, retryAt: retryTime(refused, now) };
  // "Base branch was modified. Review and try the merge again."
  const retryable = status === 0 || status >= 500 || (status === 405 && /try the merge again/i.test(message));
  return { kind: kindOf(status), message, status, retryable, retryAt: null };
}

/** An answer that is not what GitHub documents: a page of a proxy in between, or half a body. */
export function brokenAnswer(status: number, detail: string): GitHubFailure {
  return {
    kind: "server",
    message: `the answer is not what GitHub documents: ${detail}`.slice(0, MESSAGE_LENGTH_MAX),
    status,
    retryable: true,
    retryAt: null,
  };
}

/** Undefined for anything but a request that Octokit gave up. */
export function refusedOf(error: unknown): RefusedRequest | undefined {
  if (!(error instanceof Error) || !("status" in error) || typeof error.status !== "number") return undefined;
  const response = "response" in error ? (error.response as { headers: ResponseHeaders } | undefined) : undefined;
  // Octokit says 500 where no answer came.
  return {
    status: response === undefined ? 0 : error.status,
    headers: response?.headers ?? {},
    message: error.message,
  };
}

function kindOf(status: number): GitHubFailure["kind"] {
  if (status === 0) return "unreachable";
  if (status === 401) return "unauthorized";
  if (status === 403 || status === 451) return "forbidden";
  if (status === 404 || status === 410) return "not-found";
  if (status === 405 || status === 409) return "conflict";
  return status >= 400 && status < 500 ? "invalid" : "server";
}

function isRateLimited({ status, headers, message }: RefusedRequest): boolean {
  if (status === 429) return true;
  if (status !== 403) return false;
  return (
    headers["retry-after"] !== undefined ||
    Number(headers["x-ratelimit-remaining"] ?? 1) === 0 ||
    /rate limit/i.test(message)
  );
}

/** `retry-after` goes first, then the primary limit's reset, read against the server's own clock. */
function retryTime({ headers }: RefusedRequest, now: Date): Date {
  const serverMs = Date.parse(String(headers["date"] ?? ""));
  const resetMs = Number(headers["x-ratelimit-reset"]) * 1_000;
  const retryAfterMs = Number(headers["retry-after"]) * 1_000;
  const isUsedUp = Number(headers["x-ratelimit-remaining"] ?? 1) === 0;
  const untilResetMs = isUsedUp ? resetMs - (Number.isNaN(serverMs) ? now.getTime() : serverMs) : Number.NaN;
  const waitMs = [retryAfterMs, untilResetMs].find((value) => Number.isFinite(value)) ?? SECONDARY_LIMIT_WAIT_MS;
  return new Date(now.getTime() + Math.min(Math.max(waitMs, 0), WAIT_MAX_MS));
}
