// The socket of the worker's API: loopback, any free port, hard limits. WebSocket upgrades pass the app's guard as every
// other request does.

import { createServer, type IncomingMessage, type Server } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";

import { isListedHost } from "../../core/http-guard.ts";
import { problemResponse } from "../../core/problem.ts";
import type { RepoRuntimeRegistry } from "../runtime/repo-runtime-registry.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";
import { MAY_UPGRADE_STATUS, readCursor } from "./event-routes.ts";
import { streamEvents } from "./event-stream.ts";
import { createWorkerApp } from "./worker-app.ts";

const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 5_000;
const HEADER_BYTES_MAX = 16_384;
const CONNECTIONS_MAX = 256;
const FRAME_BYTES_MAX = 65_536;

export interface WorkerServer extends AsyncDisposable {
  readonly port: number;
}

export async function startWorkerServer(runtime: RepoRuntime, registry: RepoRuntimeRegistry, acceptedTokenHashes: readonly string[]): Promise<WorkerServer> {
  const closing = new AbortController();
  let port = 0;
  const app = createWorkerApp({ runtime, registry, port: () => port, acceptedTokenHashes });
  const answer = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const limits = { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS, keepAliveTimeout: KEEP_ALIVE_MS, maxHeaderSize: HEADER_BYTES_MAX };
  const server = createServer(limits, (incoming, outgoing) => {
    // Node and fetch merge repeated headers; only the raw list shows that there were two.
    if (hasOneHost(incoming, port)) void answer(incoming, outgoing);
    else outgoing.writeHead(403, { connection: "close" }).end();
  });
  server.maxConnections = CONNECTIONS_MAX;
  server.on("clientError", (_error, socket) => socket.destroy());
  server.on("upgrade", (incoming, socket, head) => {
    socket.on("error", () => socket.destroy());
    upgrade({ app, runtime, port, closing: closing.signal }, incoming, socket, head).catch(() => socket.destroy());
  });
  port = await listen(server);
  return { port, [Symbol.asyncDispose]: () => close(server, closing) };
}

interface UpgradeParts {
  readonly app: Hono;
  readonly runtime: RepoRuntime;
  readonly port: number;
  readonly closing: AbortSignal;
}

async function upgrade({ app, runtime, port, closing }: UpgradeParts, incoming: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
  const answer = hasOneHost(incoming, port) ? await app.fetch(requestOf(incoming, port)) : problemResponse({ code: "forbidden_host", message: "send one Host header" });
  if (answer.status !== MAY_UPGRADE_STATUS) return refuse(socket, answer);
  const { WebSocketServer } = await import("ws");
  const sockets = new WebSocketServer({ noServer: true, maxPayload: FRAME_BYTES_MAX, perMessageDeflate: false });
  const cursor = readCursor(new URL(incoming.url ?? "/", "http://worker").searchParams.get("since") ?? undefined);
  sockets.handleUpgrade(incoming, socket, head, (webSocket) => {
    void streamEvents(runtime.bus, webSocket, cursor.ok ? cursor.value : null, closing);
  });
}

function requestOf(incoming: IncomingMessage, port: number): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) if (typeof value === "string") headers.set(name, value);
  return new Request(new URL(incoming.url ?? "/", `http://127.0.0.1:${port}`), { headers });
}

async function refuse(socket: Duplex, answer: Response): Promise<void> {
  const body = Buffer.from(await answer.arrayBuffer());
  const head = [`HTTP/1.1 ${answer.status} Refused`, `content-type: ${answer.headers.get("content-type") ?? "text/plain"}`, `content-length: ${body.length}`, "connection: close"];
  socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
}

function hasOneHost({ rawHeaders }: IncomingMessage, port: number): boolean {
  const hosts = rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === "host");
  return hosts.length === 1 && isListedHost(hosts[0], port);
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host: "127.0.0.1", port: 0 }, () => {
      server.off("error", reject);
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : 0);
    });
  });
}

async function close(server: Server, closing: AbortController): Promise<void> {
  closing.abort();
  await new Promise<void>((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
