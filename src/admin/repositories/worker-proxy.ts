// Forwards a call to the API of one worker. Only paths below /api/ of that worker can be named, only listed headers go
// through in either direction, the caller's credentials never reach the worker, and redirects are not followed.

import type { IncomingMessage } from "node:http";
import type { Context } from "hono";

import { BODY_BYTES_MAX } from "../../core/http/http-guard.ts";
import type { Log } from "../../core/logs/log.ts";
import { problemResponse } from "../../core/http/problem.ts";
import { fail, ok } from "../../core/base/result.ts";
import type { ControlFailure, ControlResult, SupervisorControl } from "../../core/messages/supervisor-control.ts";
import { type ByteSource, pullStream } from "./pull-stream.ts";
import { type Method, readSlug, type Route } from "../routes/route.ts";
import { callWorker, describeWorkerFailure, type WorkerCall } from "./worker-client.ts";

/** The limit until the head of the worker's answer; a body may stream for longer. */
const HEAD_DEADLINE_MS = 30_000;
export const PROXY_ANSWER_BYTES_MAX = 67_108_864;

const PATH = "/api/repos/{slug}/worker/{rest}";
const METHODS: readonly Method[] = ["GET", "POST", "PUT", "PATCH", "DELETE"];
const REQUEST_HEADERS = ["accept", "content-type", "if-none-match", "last-event-id", "user-agent"];
const ANSWER_HEADERS = ["cache-control", "content-disposition", "content-type", "etag", "retry-after"];
const SEGMENT = /^(?!\.{1,2}$)[A-Za-z0-9._~-]{1,200}$/;
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304]);

export function workerProxyRoute(control: SupervisorControl, log: Log, closing: AbortSignal): Route {
  return {
    methods: METHODS,
    path: PATH,
    access: "token",
    summary: "Forwarded to `/api/{rest}` of that repository's worker, with its query and body",
    query: undefined,
    body: undefined,
    replies: [{ status: 200, description: "The worker's answer, whatever its status" }],
    respond: async (context) => {
      const answer = await forward(control, context, AbortSignal.any([context.req.raw.signal, closing]));
      if (!answer.ok) return problemResponse(answer.failure);
      return responseOf(answer.value, (body) => pullStream(context, log, closing, () => body));
    },
  };
}

async function forward(
  control: SupervisorControl,
  context: Context,
  signal: AbortSignal,
): Promise<ControlResult<IncomingMessage>> {
  const slug = readSlug(context, PATH);
  if (!slug.ok) return slug;
  const path = targetOf(new URL(context.req.url));
  if (!path.ok) return path;
  const address = control.workerAddress(slug.value);
  if (!address.ok) return address;
  const body = await readBody(context.req.raw);
  if (!body.ok) return body;
  const call: WorkerCall = {
    method: context.req.method,
    path: path.value,
    headers: Object.fromEntries(REQUEST_HEADERS.flatMap((name) => headerEntry(name, context.req.header(name)))),
    body: body.value,
  };
  const answer = await callWorker(address.value, call, HEAD_DEADLINE_MS, signal);
  if (!answer.ok) return fail(unavailable(describeWorkerFailure(answer.failure)));
  return checkAnswer(answer.value);
}

/** The path is decoded once, its slashes collapsed, every part checked against a list of characters, and put together
 * anew. */
function targetOf(url: URL): ControlResult<string> {
  const rest = /^\/api\/repos\/[^/]+\/worker\/(.+)$/.exec(url.pathname)?.[1];
  const segments = decoded(rest)
    ?.split("/")
    .filter((segment) => segment !== "");
  if (segments === undefined || segments.length === 0 || !segments.every((segment) => SEGMENT.test(segment))) {
    return fail({
      code: "bad_request",
      message: "the path behind /worker/ must be plain parts below the worker's /api/",
    });
  }
  return ok(`/api/${segments.join("/")}${url.search}`);
}

function decoded(path: string | undefined): string | undefined {
  try {
    return path === undefined ? undefined : decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

async function readBody(request: Request): Promise<ControlResult<Uint8Array | undefined>> {
  if (request.body === null) return ok(undefined);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request.body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return fail({ code: "too_large", message: `send at most ${BODY_BYTES_MAX} bytes` });
    chunks.push(chunk);
  }
  return ok(Buffer.concat(chunks));
}

function checkAnswer(answer: IncomingMessage): ControlResult<IncomingMessage> {
  const status = answer.statusCode ?? 0;
  const isRedirect = status >= 300 && status < 400 && status !== 304;
  // A worker never redirects, and it knows the token that we sent: either answer comes from something else.
  if (status < 200 || isRedirect || status === 401 || status > 599) {
    answer.destroy();
    return fail(unavailable(`the worker answered with status ${status}`));
  }
  if (Number(answer.headers["content-length"] ?? 0) > PROXY_ANSWER_BYTES_MAX) {
    answer.destroy();
    return fail(unavailable(`the worker's answer is larger than ${PROXY_ANSWER_BYTES_MAX} bytes`));
  }
  return ok(answer);
}

function responseOf(answer: IncomingMessage, stream: (body: ByteSource) => ReadableStream): Response {
  const status = answer.statusCode ?? 0;
  const headers = Object.fromEntries(ANSWER_HEADERS.flatMap((name) => headerEntry(name, answer.headers[name])));
  if (!BODILESS.has(status)) return new Response(stream(chunksOf(answer)), { status, headers });
  answer.resume();
  return new Response(null, { status, headers });
}

async function* chunksOf(answer: IncomingMessage): ByteSource {
  let bytes = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array<ArrayBuffer>>) {
    bytes += chunk.length;
    if (bytes > PROXY_ANSWER_BYTES_MAX) throw new RangeError("the worker's answer is larger than the limit");
    yield chunk;
  }
}

function headerEntry(name: string, value: unknown): [string, string][] {
  return typeof value === "string" ? [[name, value]] : [];
}

function unavailable(message: string): ControlFailure {
  return { code: "worker_unavailable", message };
}
