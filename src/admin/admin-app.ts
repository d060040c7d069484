// The door as one Hono app: the guard in front of everything, the route table behind it, and problem documents for
// whatever is left. It has no logic of its own: lifecycle goes to the SupervisorControl port, data comes from the
// workers.

import { type Context, Hono, type Next } from "hono";

import { type Clock, systemClock } from "../core/base/clock.ts";
import type { DrainControl } from "../core/messages/drain-control.ts";
import { messageOf } from "../core/base/errors.ts";
import { httpGuard } from "../core/http/http-guard.ts";
import type { Log } from "../core/logs/log.ts";
import type { SupervisorPaths } from "../core/files/paths.ts";
import { problemResponse } from "../core/http/problem.ts";
import type { Readiness, SupervisorControl } from "../core/messages/supervisor-control.ts";
import { aggregateRoutes } from "./repositories/aggregate-routes.ts";
import { BrowserSessions } from "./browser/browser-sessions.ts";
import { dashboardRoute } from "./browser/dashboard-route.ts";
import { drainRoutes } from "./routes/drain-routes.ts";
import { healthRoutes } from "./routes/health-routes.ts";
import { logRoutes } from "./repositories/log-routes.ts";
import { hasSession, loginRoutes } from "./browser/login-routes.ts";
import { METRICS_PATH, metricsRoute } from "./metrics/metrics-routes.ts";
import { openApiRoute } from "./routes/openapi.ts";
import type { ProcessUsage } from "./metrics/process-families.ts";
import { type Reload, reloadRoute } from "./routes/reload-route.ts";
import { repositoryRoutes } from "./repositories/repository-routes.ts";
import { honoPath, type Route } from "./routes/route.ts";
import { workerProxyRoute } from "./repositories/worker-proxy.ts";

export interface AdminDeps {
  readonly control: SupervisorControl;
  readonly drain: DrainControl;
  readonly reload: Reload;
  /** The hashes are read on every request: a reload may bring other tokens. */
  readonly tokenHashes: () => readonly string[];
  /** The hashes of tokens that open `/metrics` and nothing else. */
  readonly metricsTokenHashes: () => readonly string[];
  readonly log: Log;
  readonly paths: Pick<SupervisorPaths, "logFile">;
  readonly readiness: () => Readiness;
  readonly workerLogFile: (slug: string) => string;
  readonly readUsage: () => ProcessUsage;
  /** The path of the supervisor's own log. */
  readonly logDroppedBytes: () => number;
  readonly clock?: Clock;
}

export interface AdminApp {
  readonly app: Hono;
  readonly routes: readonly Route[];
}

const READS = new Set(["GET", "HEAD"]);

/** `port` is known only after listening. Streams and changes in flight end when `closing` aborts. */
export function createAdminApp(deps: AdminDeps, port: () => number, closing: AbortSignal): AdminApp {
  const clock = deps.clock ?? systemClock;
  const sessions = new BrowserSessions(clock, deps.tokenHashes);
  const login = { sessions, tokenHashes: deps.tokenHashes, port };
  const logs = {
    control: deps.control,
    supervisorLogFile: deps.paths.logFile,
    workerLogFile: deps.workerLogFile,
    clock,
    log: deps.log,
  };
  const routes: readonly Route[] = [
    ...healthRoutes(deps.control, deps.readiness),
    openApiRoute(() => routes),
    ...repositoryRoutes(deps.control, closing),
    reloadRoute(deps.reload),
    ...drainRoutes(deps.drain, closing),
    ...logRoutes(logs, closing),
    ...aggregateRoutes(deps.control, closing),
    metricsRoute(deps, closing),
    workerProxyRoute(deps.control, deps.log, closing),
    ...loginRoutes(login),
    dashboardRoute(login),
  ];
  const app = new Hono();
  app.onError((error, context) => answerError(error, context, deps.log));
  app.notFound(() =>
    problemResponse({ code: "not_found", message: "nothing here; GET /openapi.json lists every address" }),
  );
  app.use(
    httpGuard({
      port,
      acceptedTokenHashes: (path) =>
        path === METRICS_PATH ? [...deps.tokenHashes(), ...deps.metricsTokenHashes()] : deps.tokenHashes(),
      publicPaths: new Set(routes.filter(({ access }) => access === "public").map(({ path }) => path)),
      hasSession: (context) => hasSession(context, login),
    }),
  );
  app.use((context, next) => recordWrite(context, next, deps.log));
  for (const route of routes) app.on([...route.methods], honoPath(route.path), (context) => route.respond(context));
  return { app, routes };
}

/** Logs who changed what; the query is left out, since it may hold a login code. */
async function recordWrite(context: Context, next: Next, log: Log): Promise<void> {
  await next();
  const { method, path } = context.req;
  if (!READS.has(method)) log.write("info", "admin.write", { method, path, status: context.res.status });
}

function answerError(error: Error, context: Context, log: Log): Response {
  if (context.req.raw.signal.aborted) {
    return problemResponse({ code: "bad_request", message: "the request was not sent to its end" });
  }
  const { method, path } = context.req;
  log.write("error", "admin.request-failed", { method, path, error: messageOf(error), stack: error.stack });
  return problemResponse({ code: "internal", message: "this is a bug; the daemon's log has the details" });
}
