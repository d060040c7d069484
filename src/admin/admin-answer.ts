// Leads a request of Node's HTTP server to the admin app, and the answer back. It is loaded with the first request.

import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";

import { problemResponse } from "../core/http/problem.ts";
import { type AdminDeps, createAdminApp } from "./admin-app.ts";

export type AdminAnswer = (incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

export function createAdminAnswer(deps: AdminDeps, port: () => number, signal: AbortSignal): AdminAnswer {
  const { app } = createAdminApp(deps, port, signal);
  return getRequestListener(app.fetch, {
    errorHandler: () =>
      problemResponse({ code: "bad_request", message: "the address of the request is not well formed" }),
  });
}
