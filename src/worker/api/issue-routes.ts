// Serves `/api/pipeline` and `/api/issues/{n}`.

import { Hono } from "hono";

import { problemResponse } from "../../core/http/problem.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";
import { readIssueNumber } from "./issue-number.ts";
import { askGitHub, issueView, pipelineRows } from "./pipeline-view.ts";

/** The door gives a worker more time than this for its answer. */
const ASK_TIMEOUT_MS = 3_000;

export function issueRoutes(runtime: RepoRuntime): Hono {
  const routes = new Hono();
  routes.get("/pipeline", (context) => context.json({ items: pipelineRows(runtime) }));
  routes.get("/issues/:number", async (context) => {
    const number = readIssueNumber(context.req.param("number"));
    if (!number.ok) return problemResponse(number.failure);
    const signal = AbortSignal.any([context.req.raw.signal, AbortSignal.timeout(ASK_TIMEOUT_MS)]);
    const view = issueView(runtime, number.value, await askGitHub(runtime, number.value, signal));
    return view === undefined
      ? problemResponse({ code: "not_found", message: `no issue ${number.value} is known here` })
      : context.json(view);
  });
  return routes;
}
