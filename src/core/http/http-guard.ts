// The guard in front of both HTTP servers. Loopback is no authentication: browsers, tunnels and agents all come from
// 127.0.0.1. Host and Origin are compared, as sent, with a fixed list, never with each other and never after parsing: a
// URL parser turns 2130706433 and 0x7f.1 into 127.0.0.1. There are no CORS headers at all. docs/adr/0007 has the rules
// T1-T3.

import type { ServerResponse } from "node:http";
import type { Context, MiddlewareHandler } from "hono";

import { isAcceptedToken } from "./bearer-token.ts";
import { problemResponse } from "./problem.ts";
import type { ControlCode } from "../messages/supervisor-control.ts";

export const BODY_BYTES_MAX = 1_048_576;
const HOST_NAMES = new Set(["127.0.0.1", "localhost", "[::1]"]);
const ORIGIN_SCHEME = "http://";

export interface GuardOptions {
  /** The port is known only after listening, so it is read on every request. */
  readonly port: () => number;
  readonly acceptedTokenHashes: (path: string) => Iterable<string>;
  /** Paths served without a token because they say nothing: `/livez`, `/readyz`. */
  readonly publicPaths: ReadonlySet<string>;
  /** True when the request carries a valid browser session; the server that has none passes a constant false. */
  readonly hasSession: (context: Context) => boolean;
}

export function httpGuard(options: GuardOptions): MiddlewareHandler {
  return async (context, next) => {
    const refusal = refusalOf(context, options);
    return refusal === undefined ? next() : problemResponse(refusal);
  };
}

/** Sets what every answer says to browsers; a header of the same name that a route sets takes its place. */
export function setBrowserHeaders(answer: ServerResponse): void {
  answer.setHeader("x-content-type-options", "nosniff");
  answer.setHeader("referrer-policy", "no-referrer");
  answer.setHeader("cache-control", "no-store");
  answer.setHeader("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
}

function refusalOf(context: Context, options: GuardOptions): { code: ControlCode; message: string } | undefined {
  const port = options.port();
  if (!isListedHost(context.req.header("host"), port)) {
    return { code: "forbidden_host", message: `send the Host header 127.0.0.1:${port} or localhost:${port}` };
  }
  const origin = context.req.header("origin");
  if (origin !== undefined && !isListedOrigin(origin, port))
    return { code: "forbidden_host", message: "requests from other web pages are refused" };
  const site = context.req.header("sec-fetch-site");
  if (site !== undefined && site !== "same-origin" && site !== "none")
    return { code: "forbidden_host", message: "requests from other web pages are refused" };
  if (options.publicPaths.has(context.req.path)) return undefined;
  if (
    !isAcceptedToken(bearerOf(context), options.acceptedTokenHashes(context.req.path)) &&
    !isSession(context, options)
  ) {
    return {
      code: "unauthorized",
      message: "send 'Authorization: Bearer <token>'; the token stands in the file 'token' of the state directory",
    };
  }
  return bodyRefusal(context);
}

/** A cookie alone must not change anything: a browser adds it by itself, so writes need a header set by a page. */
function isSession(context: Context, options: GuardOptions): boolean {
  if (!options.hasSession(context)) return false;
  return isRead(context.req.method) || context.req.header("x-hydraflow") === "1";
}

function bodyRefusal(context: Context): { code: ControlCode; message: string } | undefined {
  if (isRead(context.req.method)) return undefined;
  const length = context.req.header("content-length");
  const hasBody = context.req.header("transfer-encoding") !== undefined || (length !== undefined && length !== "0");
  if (Number(length ?? 0) > BODY_BYTES_MAX)
    return { code: "too_large", message: `send at most ${BODY_BYTES_MAX} bytes` };
  const type = context.req.header("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (hasBody && type !== "application/json")
    return { code: "unsupported_type", message: "send the body as application/json" };
  return undefined;
}

function isRead(method: string): boolean {
  return method === "GET" || method === "HEAD";
}

/** Compares the header as sent, without parsing; servers also check it on the raw header list, before routing. */
export function isListedHost(host: string | undefined, port: number): boolean {
  if (host === undefined) return false;
  const end = host.lastIndexOf(":");
  return HOST_NAMES.has(host.slice(0, end).toLowerCase()) && host.slice(end + 1) === String(port);
}

function isListedOrigin(origin: string, port: number): boolean {
  return origin.startsWith(ORIGIN_SCHEME) && isListedHost(origin.slice(ORIGIN_SCHEME.length), port);
}

function bearerOf(context: Context): string | undefined {
  return /^Bearer ([A-Za-z0-9._~+/=-]{1,1024})$/.exec(context.req.header("authorization") ?? "")?.[1];
}
