// The worker's own HTTP API, as a Hono app without a socket. It shows what is in memory and hands decisions of people
// to the inbox; it has no logic of its own. Every error is a problem document.

import { Hono } from "hono";

import { httpGuard } from "../../core/http/http-guard.ts";
import { problemResponse } from "../../core/http/problem.ts";
import type { RepoRuntimeRegistry } from "../runtime/repo-runtime-registry.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";
import { eventRoutes } from "./event-routes.ts";
import { hitlRoutes } from "./hitl-routes.ts";
import { issueRoutes } from "./issue-routes.ts";
import { recordRoutes } from "./record-routes.ts";
import { runtimeRoutes } from "./runtime-routes.ts";

export interface WorkerAppOptions {
  readonly runtime: RepoRuntime;
  readonly registry: RepoRuntimeRegistry;
  /** The port is known only after listening. */
  readonly port: () => number;
  /** Hashes are SHA-256 in hex. */
  readonly acceptedTokenHashes: readonly string[];
}

export function createWorkerApp(options: WorkerAppOptions): Hono {
  const { runtime, registry, port, acceptedTokenHashes } = options;
  const app = new Hono();
  const publicPaths = new Set(["/livez", "/readyz"]);
  app.use(httpGuard({ port, acceptedTokenHashes: () => acceptedTokenHashes, publicPaths, hasSession: () => false }));
  app.get("/livez", (context) => context.text("ok"));
  // Ready means that the worker can be asked; its notice tells those who hold a token what keeps it from working.
  app.get("/readyz", (context) => context.text(["ok", ...statesOf(runtime)].join(", ")));
  app.route("/api", runtimeRoutes(registry));
  app.route("/api", issueRoutes(runtime));
  app.route("/api", hitlRoutes(runtime));
  app.route("/api", recordRoutes(runtime));
  app.route("/", eventRoutes(runtime));
  app.notFound(() => problemResponse({ code: "not_found", message: "nothing at this address" }));
  app.onError((error) => {
    runtime.log.write("error", "api.failed", { problem: error.message, stack: error.stack });
    return problemResponse({ code: "internal", message: "the worker's log has the details" });
  });
  return app;
}

function statesOf({ notice, orchestrator }: RepoRuntime): string[] {
  const alarms = orchestrator?.watch.alarms ?? [];
  return [...(notice === null ? [] : ["hindered"]), ...(alarms.length === 0 ? [] : ["alarm"])];
}
