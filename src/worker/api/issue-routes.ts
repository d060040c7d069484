// `/api/pipeline` and `/api/issues/{n}`.

import { Hono } from "hono";

import { problemResponse } from "../../core/problem.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";
import { readIssueNumber } from "./issue-number.ts";
import { issueView, pipelineRows } from "./pipeline-view.ts";

export function issueRoutes(runtime: RepoRuntime): Hono {
  const routes = new Hono();
  routes.get("/pipeline", (context) => context.json({ items: pipelineRows(runtime) }));
  routes.get("/issues/:number", (context) => {
    const number = readIssueNumber(context.req.param("number"));
    if (!number.ok) return problemResponse(number.failure);
    const view = issueView(runtime, number.value);
    return view === undefined
      ? problemResponse({ code: "not_found", message: `no issue ${number.value} is known here` })
      : context.json(view);
  });
  return routes;
}
