// The supervisor's HTTP door on loopback: owns the socket, its limits, and a bounded end. The Host header is checked on
// the raw header list before anything else looks at the request: a merged or parsed one hides a second Host.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Duplex } from "node:stream";

import { errnoOf, messageOf } from "../core/base/errors.ts";
import { listenOnLoopback } from "../core/http/loopback.ts";
import { isListedHost, setBrowserHeaders } from "../core/http/http-guard.ts";
import { problemOf, PROBLEM_TYPE } from "../core/http/problem.ts";
import type { ControlFailure } from "../core/messages/supervisor-control.ts";
import type { AdminDeps } from "./admin-app.ts";
import type { AdminAnswer } from "./admin-answer.ts";

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 5_000;
/** Node looks for connections over those limits this often; its default would let them live half a minute longer. */
const TIMEOUT_CHECK_MS = 2_000;
const HEADER_BYTES_MAX = 16_384;
const CONNECTIONS_MAX = 512;
/** Answers in flight may take this long when the door closes; then their connections are cut. */
const DRAIN_MS = 5_000;

export interface AdminServer extends AsyncDisposable {
  readonly port: number;
}

/** Port 0 binds any free port. Throws PORT_IN_USE or LISTEN_FAILED. Aborting the signal ends streams, not the door. */
export async function startAdminServer(
  deps: AdminDeps & { readonly port: number },
  signal: AbortSignal,
): Promise<AdminServer> {
  signal.throwIfAborted();
  const closing = new AbortController();
  let port = deps.port;
  let answer: AdminAnswer | undefined;
  // The app and its libraries load with the first request: no start waits for them, and a daemon that is driven over
  // TCP alone never carries them.
  const load = async (): Promise<AdminAnswer> => {
    const { createAdminAnswer } = await import("./admin-answer.ts");
    return (answer ??= createAdminAnswer(deps, () => port, AbortSignal.any([signal, closing.signal])));
  };
  const server = createServer(
    {
      requireHostHeader: false,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      maxHeaderSize: HEADER_BYTES_MAX,
    },
    (incoming, outgoing) => {
      setBrowserHeaders(outgoing);
      const refusal = refusalOf(incoming, port);
      if (refusal !== undefined) return refuse(outgoing, refusal);
      // A kept connection would otherwise hold up the end of the door for its whole idle time after its last answer.
      outgoing.once("close", () => {
        if (closing.signal.aborted) setImmediate(() => server.closeIdleConnections());
      });
      if (answer !== undefined) return void answer(incoming, outgoing);
      void load().then(
        (loaded) => loaded(incoming, outgoing),
        (error: unknown) => {
          deps.log.write("error", "admin.not-loaded", { problem: messageOf(error) });
          refuse(outgoing, { code: "internal", message: "the daemon's files have changed under it; restart it" });
        },
      );
    },
  );
  server.maxConnections = CONNECTIONS_MAX;
  server.on("clientError", answerBrokenRequest);
  port = await listenOnLoopback(server, deps.port, "--http-port", (error) =>
    deps.log.write("error", "admin.accept-failed", { error: error.message }),
  );
  let ended: Promise<void> | undefined;
  return { port, [Symbol.asyncDispose]: () => (ended ??= close(server, closing)) };
}

function refusalOf(incoming: IncomingMessage, port: number): ControlFailure | undefined {
  const hosts = incoming.rawHeaders.filter(
    (_, index, raw) => index % 2 === 1 && raw[index - 1]?.toLowerCase() === "host",
  );
  const [host] = hosts;
  if (hosts.length !== 1 || !isListedHost(host, port)) {
    return { code: "forbidden_host", message: `send one Host header, 127.0.0.1:${port} or localhost:${port}` };
  }
  if (incoming.url?.startsWith("/") === true) return undefined;
  return { code: "bad_request", message: "the address of the request is not well formed" };
}

function refuse(outgoing: ServerResponse, failure: ControlFailure): void {
  const problem = problemOf(failure);
  const body = JSON.stringify(problem);
  outgoing.writeHead(problem.status, {
    "content-type": PROBLEM_TYPE,
    "content-length": Buffer.byteLength(body),
    connection: "close",
  });
  outgoing.end(body);
}

/** A request that is no HTTP at all, too slow or too long in its head never reaches the app. */
function answerBrokenRequest(error: Error, socket: Duplex): void {
  if (!socket.writable || errnoOf(error) === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const isTooLarge = errnoOf(error) === "HPE_HEADER_OVERFLOW";
  const problem = problemOf(
    isTooLarge
      ? { code: "too_large", message: `send at most ${HEADER_BYTES_MAX} bytes of headers` }
      : { code: "bad_request", message: "the request is no HTTP/1.1, or was sent too slowly" },
  );
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} Refused\r\ncontent-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}

async function close(server: Server, closing: AbortController): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  closing.abort();
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS);
  await closed;
  clearTimeout(cut);
}
