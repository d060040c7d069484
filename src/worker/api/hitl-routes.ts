// Serves `/api/hitl`: the questions that wait for a person, and the person's answers. A skip and a close need a reason.

import { Hono } from "hono";

import { readJsonBody } from "../../core/http/json-body.ts";
import { problemResponse } from "../../core/http/problem.ts";
import { fail } from "../../core/base/result.ts";
import { z } from "../../core/base/schema.ts";
import type { ControlResult } from "../../core/messages/supervisor-control.ts";
import type { HitlInbox } from "../orchestrator/hitl-inbox.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";
import { ANSWER_CHARACTERS_MAX } from "../issues/hitl-answer.ts";
import { readIssueNumber } from "./issue-number.ts";
import { hitlRows } from "./pipeline-view.ts";

/** Nobody but the operator's token gets here. */
const OPERATOR = "operator";

const text = z.string().check(z.trim(), z.minLength(1), z.maxLength(ANSWER_CHARACTERS_MAX));
const answerBody = z.strictObject({ text });
const reasonBody = z.strictObject({ reason: text });

type Decide = (inbox: HitlInbox, issue: number) => Promise<ControlResult<undefined>>;

export function hitlRoutes(runtime: RepoRuntime): Hono {
  const routes = new Hono();
  routes.get("/hitl", (context) => context.json({ items: hitlRows(runtime) }));
  routes.post("/hitl/:number/correct", async (context) => {
    const body = await readJsonBody(context.req.raw, answerBody);
    return body.ok
      ? decide(runtime, context.req.param("number"), (inbox, issue) => inbox.answer(issue, body.value.text, OPERATOR))
      : problemResponse(body.failure);
  });
  for (const decision of ["skip", "close"] as const) {
    routes.post(`/hitl/:number/${decision}`, async (context) => {
      const body = await readJsonBody(context.req.raw, reasonBody);
      if (!body.ok) return problemResponse(body.failure);
      return decide(runtime, context.req.param("number") ?? "", (inbox, issue) =>
        inbox.end(issue, decision, body.value.reason, OPERATOR),
      );
    });
  }
  return routes;
}

async function decide(runtime: RepoRuntime, numberText: string, act: Decide): Promise<Response> {
  const number = readIssueNumber(numberText);
  if (!number.ok) return problemResponse(number.failure);
  const { orchestrator } = runtime;
  const decided =
    orchestrator === null
      ? fail({ code: "busy", message: "the pipeline is not up yet" } as const)
      : await act(orchestrator.inbox, number.value);
  if (!decided.ok) return problemResponse(decided.failure);
  orchestrator?.notify();
  return Response.json({ issue: number.value, accepted: true });
}
