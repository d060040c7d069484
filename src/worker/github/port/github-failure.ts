// Says what a refused or failed request means. It is pure; the rules are GitHub's documented ones on status codes and
// rate limits (docs.github.com, "Rate limits for the REST API" and "Troubleshooting the REST API"). docs/github.md
// shows the same table.

import type { GitHubFailure } from "./github.ts";

const MESSAGE_LENGTH_MAX = 500;
/** GitHub asks for this wait when it names no time. */
const SECONDARY_LIMIT_WAIT_MS = 60_000;
/** A primary limit is over within the hour; a longer wait would only follow a broken clock. */
const WAIT_MAX_MS = 3_600_000;

export type ResponseHeaders = Readonly<Record<string, string | number | undefined>>;

export interface RefusedRequest {
  /** The status is 0 when no answer came. */
  readonly status: number;
  /** Header names are in lower case. */
  readonly headers: ResponseHeaders;
  /** The message is redacted. */
  readonly message: string;
}

export interface RefusalRow {
  /** The row's name in docs/github.md. */
  readonly name: string;
  readonly matches: (refused: RefusedRequest) => boolean;
  readonly kind: GitHubFailure["kind"];
  readonly retryable?: true;
}

const status =
  (...statuses: readonly number[]) =>
  (refused: RefusedRequest) =>
    statuses.includes(refused.status);
const words = (one: number, text: RegExp) => (refused: RefusedRequest) =>
  refused.status === one && text.test(refused.message);

/** The first match wins. */
export const REFUSALS: readonly RefusalRow[] = [
  { name: "no answer", matches: status(0), kind: "unreachable", retryable: true },
  { name: "429", matches: status(429), kind: "rate-limited", retryable: true },
  { name: "403 rate limit", matches: isRateLimit, kind: "rate-limited", retryable: true },
  { name: "401", matches: status(401), kind: "unauthorized" },
  { name: "403", matches: status(403), kind: "forbidden" },
  { name: "407", matches: status(407), kind: "unreachable", retryable: true },
  { name: "451", matches: status(451), kind: "forbidden" },
  { name: "404", matches: status(404), kind: "not-found" },
  {
    name: "410 issues disabled",
    matches: words(410, /issues? (?:are|is|has been|have been) disabled/i),
    kind: "forbidden",
  },
  { name: "410", matches: status(410), kind: "not-found" },
  {
    name: "405 base modified",
    matches: words(405, /try the merge again|not yet completed/i),
    kind: "conflict",
    retryable: true,
  },
  { name: "405", matches: status(405), kind: "conflict" },
  { name: "409", matches: status(409), kind: "conflict" },
  { name: "422 no commit", matches: words(422, /no commit found/i), kind: "not-found" },
  { name: "422", matches: status(422), kind: "invalid" },
  { name: "other 4xx", matches: ({ status: got }) => got >= 400 && got < 500, kind: "invalid" },
  { name: "5xx", matches: ({ status: got }) => got >= 500, kind: "server", retryable: true },
  { name: "anything else", matches: () => true, kind: "server" },
];

export function gitHubFailure(refused: RefusedRequest, now: Date): GitHubFailure {
  const row = REFUSALS.find(({ matches }) => matches(refused));
  const kind = row?.kind ?? "server";
  return {
    kind,
    message: messageOf(refused),
    status: refused.status,
    retryable: row?.retryable ?? false,
    retryAt: kind === "rate-limited" ? retryTime(refused, now) : null,
  };
}

/** Makes the failure for an answer that GitHub does not document: a page of a proxy in between, or half a body. */
export function brokenAnswer(code: number, detail: string): GitHubFailure {
  return {
    kind: "server",
    message: `the answer is not what GitHub documents: ${detail}`.slice(0, MESSAGE_LENGTH_MAX),
    status: code,
    retryable: true,
    retryAt: null,
  };
}

/** GitHub answered about something else than what was asked: the object left this repository. */
export function movedAway(what: string): GitHubFailure {
  return { kind: "not-found", message: `${what} is not here any more`, status: 404, retryable: false, retryAt: null };
}

/** Returns undefined for anything but a request that Octokit gave up. */
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

/** GitHub names in headers what a token lacks: a right, or the sign-on of its organization. */
function messageOf({ message, headers, status: code }: RefusedRequest): string {
  const text = message.replace(/\s+/g, " ").trim().slice(0, MESSAGE_LENGTH_MAX);
  const needed = code === 403 || code === 404 ? headers["x-accepted-github-permissions"] : undefined;
  if (headers["x-github-sso"] !== undefined && code === 403) return `${text} (authorize the token for single sign-on)`;
  return needed === undefined || needed === "" ? text : `${text} (the token needs ${String(needed).slice(0, 100)})`;
}

function isRateLimit({ status: code, headers, message }: RefusedRequest): boolean {
  if (code !== 403) return false;
  return (
    headers["retry-after"] !== undefined ||
    Number(headers["x-ratelimit-remaining"] ?? 1) === 0 ||
    /rate limit|abuse detection|login attempts exceeded/i.test(message)
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
