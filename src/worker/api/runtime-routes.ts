// Serves `/api/runtimes`: the runtimes of this process alone. The supervisor's door lists all repositories.

import { Hono } from "hono";

import { problemResponse } from "../../core/http/problem.ts";
import type { RepoRuntimeRegistry } from "../runtime/repo-runtime-registry.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";

export function runtimeRoutes(registry: RepoRuntimeRegistry): Hono {
  const routes = new Hono();
  const answer = async (slug: string, act: (runtime: RepoRuntime) => Promise<void> | void): Promise<Response> => {
    const runtime = registry.get(slug);
    if (runtime === undefined)
      return problemResponse({ code: "not_found", message: `this worker has no repository '${slug.slice(0, 100)}'` });
    await act(runtime);
    return Response.json(rowOf(runtime));
  };
  routes.get("/runtimes", (context) => context.json({ runtimes: registry.list().map(rowOf) }));
  routes.get("/runtimes/:slug", (context) => answer(context.req.param("slug"), () => undefined));
  routes.post("/runtimes/:slug/start", (context) => answer(context.req.param("slug"), (runtime) => runtime.start()));
  routes.post("/runtimes/:slug/stop", (context) =>
    answer(context.req.param("slug"), (runtime) => runtime.stop("asked for through the API")),
  );
  return routes;
}

function rowOf(runtime: RepoRuntime) {
  return {
    slug: runtime.slug,
    repo: runtime.repo,
    running: runtime.isRunning,
    session_id: runtime.sessions.current.id,
    uptime_seconds: Math.round((runtime.clock.now().getTime() - runtime.startedAt.getTime()) / 1_000),
    in_flight: runtime.inFlight,
    notice: runtime.notice,
    alarms: runtime.orchestrator?.watch.alarms ?? [],
  };
}
