// Owns the socket of the worker's API: loopback, any free port, hard limits. The code that answers is loaded at the
// first request: most workers are idle and not asked, and Node's fetch classes alone cost as much memory as the rest of
// the worker.

import { createServer, type IncomingMessage, type Server } from "node:http";

import { isListedHost, setBrowserHeaders } from "../../core/http/http-guard.ts";
import { listenOnLoopback } from "../../core/http/loopback.ts";
import type { RepoRuntimeRegistry } from "../runtime/repo-runtime-registry.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";
import type { WorkerAnswers } from "./worker-answers.ts";

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 5_000;
const HEADER_BYTES_MAX = 16_384;
const CONNECTIONS_MAX = 256;

export interface WorkerServer extends AsyncDisposable {
  readonly port: number;
}

export async function startWorkerServer(
  runtime: RepoRuntime,
  registry: RepoRuntimeRegistry,
  acceptedTokenHashes: readonly string[],
): Promise<WorkerServer> {
  const closing = new AbortController();
  let port = 0;
  const load = once(async () => {
    const { createAnswers } = await import("./worker-answers.ts");
    return createAnswers({ runtime, registry, port, acceptedTokenHashes }, closing.signal);
  });
  const limits = {
    headersTimeout: HEADERS_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: HEADER_BYTES_MAX,
  };
  const server = createServer(limits, (incoming, outgoing) => {
    setBrowserHeaders(outgoing);
    // Node and fetch merge repeated headers; only the raw list shows that there were two.
    const refuse = (status: number): void => void outgoing.writeHead(status, { connection: "close" }).end();
    if (!hasOneHost(incoming, port)) refuse(403);
    else
      load().then(
        (answers) => answers.answer(incoming, outgoing),
        () => refuse(503),
      );
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on("clientError", (_error, socket) => socket.destroy());
  server.on("upgrade", (incoming, socket, head) => {
    socket.on("error", () => socket.destroy());
    load()
      .then((answers) => answers.upgrade(incoming, socket, head, hasOneHost(incoming, port)))
      .catch(() => socket.destroy());
  });
  port = await listenOnLoopback(server, 0);
  return { port, [Symbol.asyncDispose]: () => close(server, closing) };
}

/** A load that failed, for instance in the middle of an upgrade, is tried again at the next request. */
function once(load: () => Promise<WorkerAnswers>): () => Promise<WorkerAnswers> {
  let loading: Promise<WorkerAnswers> | undefined;
  return () =>
    (loading ??= load().catch((error: unknown) => {
      loading = undefined;
      throw error;
    }));
}

function hasOneHost({ rawHeaders }: IncomingMessage, port: number): boolean {
  const hosts = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === "host");
  return hosts.length === 1 && isListedHost(hosts[0], port);
}

async function close(server: Server, closing: AbortController): Promise<void> {
  closing.abort();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
