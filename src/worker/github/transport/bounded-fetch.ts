// Sends every request to GitHub: to the configured origin alone, with a deadline per attempt, a limit on the answer,
// and no request at all while GitHub has told this worker to wait. It has the form that Octokit asks of a fetch, over
// Node's own client: the global fetch would cost every worker 5 MiB more. An answer is read to its end before anybody
// sees it, because Octokit takes an answer that was cut on its way for an empty text.

import { type Agent, type IncomingMessage, request as requestOpen } from "node:http";
import { request as requestSecure } from "node:https";
import { pipeline } from "node:stream";
import { createGunzip } from "node:zlib";

import { messageOf } from "../../../core/base/errors.ts";

const REQUEST_TIMEOUT_MS = 30_000;
const ANSWER_BYTES_MAX = 32 * 1_048_576;
const REDIRECTS_MAX = 5;

/**
 * GitHub asks to repeat the request as it was at the new address, whatever its method (REST best practices, "Follow
 * redirects").
 */
const REDIRECTS: ReadonlySet<number | undefined> = new Set([301, 302, 307, 308]);

/** This header marks an answer that we made ourselves because of a pause. */
export const PAUSED_HEADER = "x-hydraflow-paused";
export const PAUSED_MESSAGE = "GitHub told this worker to wait";

export type Fetch = (address: string, request?: FetchRequest) => Promise<FetchAnswer>;

export interface BoundedFetchOptions {
  readonly origin: string;
  readonly pausedUntil: () => Date | null;
  /** Says whether the new address stands for what was asked for. By default any redirect on the origin is followed. */
  readonly mayFollow?: (from: URL, to: URL, request: FetchRequest) => Promise<boolean>;
  /** The agent connects through the operator's proxy; without one the connection is direct. */
  readonly agent?: Agent | undefined;
  readonly timeoutMs?: number;
  readonly answerBytesMax?: number;
}

export interface FetchRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal?: AbortSignal;
}

/** Octokit reads this much of a Response. */
export interface FetchAnswer {
  readonly status: number;
  /** The address after redirects. */
  readonly url: string;
  readonly headers: ReadonlyMap<string, string>;
  text(): Promise<string>;
  arrayBuffer(): Promise<ArrayBuffer>;
}

export function boundedFetch(options: BoundedFetchOptions): Fetch {
  return async (address, request = {}) => {
    const deadline = AbortSignal.timeout(options.timeoutMs ?? REQUEST_TIMEOUT_MS);
    const signal = request.signal ? AbortSignal.any([request.signal, deadline]) : deadline;
    let url = new URL(address);
    for (let redirects = 0; ; redirects += 1) {
      // Next pages come as whole URLs from the answer; the credential must not follow them elsewhere.
      if (url.origin !== options.origin)
        throw new TypeError(`refused to ask ${url.origin}, which is not the configured API`);
      if (options.pausedUntil() !== null) return pausedAnswer(url);
      const incoming = await send(url, { ...request, signal }, options.agent);
      const { location } = incoming.headers;
      if (!REDIRECTS.has(incoming.statusCode) || location === undefined || redirects === REDIRECTS_MAX)
        return await answerOf(url, incoming, { signal, bytesMax: options.answerBytesMax ?? ANSWER_BYTES_MAX });
      incoming.resume();
      const next = new URL(location, url);
      const mayFollow = next.origin !== options.origin || (await options.mayFollow?.(url, next, request)) !== false;
      if (!mayFollow) return ownAnswer(url, 410, "it was moved or transferred to another place");
      url = next;
    }
  };
}

function send(
  url: URL,
  { method = "GET", headers = {}, body, signal }: FetchRequest & { readonly signal: AbortSignal },
  agent: Agent | undefined,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = url.protocol === "https:" ? requestSecure : requestOpen;
  const connection = agent === undefined ? {} : { agent };
  const sent = request(url, { method, headers: { ...headers, "accept-encoding": "gzip" }, signal, ...connection });
  sent.on("response", resolve);
  sent.on("error", (error) => reject(signal.aborted ? (signal.reason as Error) : withMessage(error)));
  sent.end(body);
  return promise;
}

/** When none of a host's several addresses answers, Node's error has no message. */
function withMessage(error: Error & { readonly code?: string }): Error {
  return error.message === "" ? new Error(error.code ?? error.name, { cause: error }) : error;
}

/** Rejects where the answer is cut: nothing can be said of it, and the request may have been carried out. */
async function answerOf(
  url: URL,
  incoming: IncomingMessage,
  { signal, bytesMax }: { readonly signal: AbortSignal; readonly bytesMax: number },
): Promise<FetchAnswer> {
  const headers = Object.entries(incoming.headersDistinct).map(
    ([name, values]) => [name, (values ?? []).join(", ")] as const,
  );
  try {
    const body = await readBody(incoming, bytesMax);
    // A proxy in between may cut an answer and still send what is left as a whole one.
    if (body.length > 0 && /^application\/json\b/i.test(incoming.headers["content-type"] ?? ""))
      JSON.parse(body.toString());
    return fetchAnswer({ url: url.href, status: incoming.statusCode ?? 0, headers: new Map(headers) }, body);
  } catch (error) {
    throw signal.aborted ? signal.reason : new Error(`no whole answer came: ${messageOf(error)}`, { cause: error });
  }
}

async function readBody(incoming: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const isPacked = incoming.headers["content-encoding"] === "gzip";
  // An error on the way ends the last stream, and with it the loop.
  const body: AsyncIterable<Buffer> = isPacked ? pipeline(incoming, createGunzip(), () => undefined) : incoming;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > bytesMax) throw new RangeError(`the answer has more than ${bytesMax} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function pausedAnswer(url: URL): FetchAnswer {
  return ownAnswer(url, 429, PAUSED_MESSAGE, [[PAUSED_HEADER, "1"]]);
}

/** Makes an answer in GitHub's form to a request that was not sent. */
function ownAnswer(
  url: URL,
  status: number,
  message: string,
  headers: readonly (readonly [string, string])[] = [],
): FetchAnswer {
  const given = new Map([["content-type", "application/json"], ...headers]);
  return fetchAnswer({ url: url.href, status, headers: given }, Buffer.from(JSON.stringify({ message })));
}

function fetchAnswer(head: Pick<FetchAnswer, "url" | "status" | "headers">, body: Buffer): FetchAnswer {
  return {
    ...head,
    text: () => Promise.resolve(body.toString()),
    arrayBuffer: () => Promise.resolve(new Uint8Array(body).buffer),
  };
}
