// Error bodies of both HTTP servers: RFC 9457 problem documents with our stable code.

import { CONTROL_CODES, type ControlFailure } from "../messages/supervisor-control.ts";

export const PROBLEM_TYPE = "application/problem+json";

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
}

export function problemOf(failure: ControlFailure): Problem {
  const { status, meaning } = CONTROL_CODES[failure.code];
  return {
    type: `urn:hydraflow:problem:${failure.code}`,
    title: meaning,
    status,
    detail: failure.message,
    code: failure.code,
  };
}

/** Makes a response, also outside a Hono context. */
export function problemResponse(failure: ControlFailure): Response {
  const problem = problemOf(failure);
  const headers: Record<string, string> = { "content-type": PROBLEM_TYPE };
  if (problem.status === 401) headers["www-authenticate"] = 'Bearer realm="hydraflow"';
  return new Response(JSON.stringify(problem), { status: problem.status, headers });
}
