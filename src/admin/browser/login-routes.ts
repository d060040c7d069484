// Lets a browser in: whoever holds the admin token asks for a one-time code, and the link with that code sets a session
// cookie. The token itself never reaches a URL, a page or a cookie.

import type { Context } from "hono";
import { getCookie, setCookie } from "hono/cookie";

import { hashToken, isAcceptedToken } from "../../core/http/bearer-token.ts";
import { problemResponse } from "../../core/http/problem.ts";
import { z } from "../../core/base/schema.ts";
import { type BrowserSessions, LOGIN_CODE_MS } from "./browser-sessions.ts";
import { schemaRef } from "../routes/openapi-schemas.ts";
import { defineRoute, jsonReply, type Route } from "../routes/route.ts";

const loginQuery = z.strictObject({ code: z.string().check(z.minLength(1), z.maxLength(200)) });

export interface LoginOptions {
  readonly sessions: BrowserSessions;
  readonly tokenHashes: () => readonly string[];
  readonly port: () => number;
}

export function loginRoutes(options: LoginOptions): Route[] {
  return [
    defineRoute({
      methods: ["POST"],
      path: "/api/login-codes",
      access: "token",
      summary: "A one-time link that opens the dashboard in a browser; needs the token itself, not a session",
      replies: [{ status: 201, description: "The link", schema: schemaRef("LoginCode") }],
      handle: ({ context }) => issueCode(context, options),
    }),
    defineRoute({
      methods: ["GET"],
      path: "/login",
      access: "public",
      summary: "Uses up a one-time code, sets the session cookie and leads to the dashboard",
      query: loginQuery,
      replies: [{ status: 303, description: "To the dashboard" }],
      handle: ({ context, query }) => toCookieHost(context, options.port()) ?? logIn(context, query.code, options),
    }),
  ];
}

/** Cookies know no ports, so the name says which daemon of this machine is meant. */
function sessionCookieName(port: number): string {
  return `hydraflow_session_${port}`;
}

export function hasSession(context: Context, options: Pick<LoginOptions, "sessions" | "port">): boolean {
  return options.sessions.isOpen(getCookie(context, sessionCookieName(options.port())));
}

/** Browsers keep cookies by host name, and only one of ours can hold the session: the address that no other process can
 * answer for, as it could for `localhost`, which may mean ::1. `dashboard_url` says localhost for the sake of old
 * clients. */
export function toCookieHost(context: Context, port: number): Response | undefined {
  const host = `127.0.0.1:${port}`;
  if (context.req.header("host") === host) return undefined;
  return context.redirect(`http://${host}${context.req.path}${new URL(context.req.url).search}`, 302);
}

/** A session must not breed sessions: it would outlive its own end. */
function issueCode(context: Context, options: LoginOptions): Response {
  const token = context.req.header("authorization")?.replace(/^Bearer /, "");
  if (token === undefined || !isAcceptedToken(token, options.tokenHashes())) {
    return problemResponse({ code: "unauthorized", message: "send the token itself; a browser session is not enough" });
  }
  const code = options.sessions.issueCode(hashToken(token));
  const url = `http://127.0.0.1:${options.port()}/login?code=${code}`;
  return jsonReply({ code, url, expires_in_s: LOGIN_CODE_MS / 1_000 }, 201);
}

function logIn(context: Context, code: string, options: LoginOptions): Response {
  // A HEAD request, as link previews send, must not use up the code.
  if (context.req.method !== "GET") return context.body(null, 204);
  const session = options.sessions.openSession(code);
  if (session === undefined) {
    return problemResponse({
      code: "unauthorized",
      message: "the code was used already or is too old; ask for a new one",
    });
  }
  // The cookie has no age: this door decides when a session ends, by how long it was not used.
  setCookie(context, sessionCookieName(options.port()), session, {
    httpOnly: true,
    sameSite: "Strict",
    path: "/",
  });
  return context.redirect("/", 303);
}
