// The dashboard's page, for a browser with a session. The page holds no data; it asks this door for it.

import { z } from "../../core/base/schema.ts";
import { LOGIN_PAGE_POLICY, loginPage, PAGE, PAGE_POLICY } from "../dashboard/page.ts";
import { hasSession, type LoginOptions, toCookieHost } from "./login-routes.ts";
import { defineRoute, type Route } from "../routes/route.ts";

const HTML_TYPE = "text/html; charset=utf-8";

/** The page's script reads this key and shows that repository alone. */
const pageQuery = z.strictObject({ repo: z.optional(z.string().check(z.maxLength(200))) });

export function dashboardRoute(options: Pick<LoginOptions, "sessions" | "port">): Route {
  return defineRoute({
    methods: ["GET"],
    path: "/",
    access: "public",
    summary: "The dashboard, for a browser with a session; of one repository with `repo`",
    query: pageQuery,
    replies: [
      { status: 200, description: "The page, without data", type: HTML_TYPE },
      { status: 302, description: "To the host name that holds the session" },
      { status: 401, description: "How to log in", type: HTML_TYPE },
    ],
    handle: ({ context }) =>
      toCookieHost(context, options.port()) ??
      (hasSession(context, options)
        ? html(200, PAGE, PAGE_POLICY)
        : html(401, loginPage(options.port()), LOGIN_PAGE_POLICY)),
  });
}

function html(status: number, text: string, policy: string): Response {
  return new Response(text, { status, headers: { "content-type": HTML_TYPE, "content-security-policy": policy } });
}
