// Answers a worker's requests: with the app behind its HTTP listener, and with WebSocket upgrades, which pass the app's
// guard as every other request does.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Duplex } from "node:stream";
import { getRequestListener } from "@hono/node-server";
import type { Hono } from "hono";

import { problemResponse } from "../../core/http/problem.ts";
import type { RepoRuntime } from "../runtime/repo-runtime.ts";
import { MAY_UPGRADE_STATUS, readCursor } from "./event-routes.ts";
import { streamEvents } from "./event-stream.ts";
import { createWorkerApp, type WorkerAppOptions } from "./worker-app.ts";

const FRAME_BYTES_MAX = 65_536;

export interface WorkerAnswers {
  answer(incoming: IncomingMessage, outgoing: ServerResponse): void;
  /** `hasOneHost` says that the request has one Host header, and the right one. */
  upgrade(incoming: IncomingMessage, socket: Duplex, head: Buffer, hasOneHost: boolean): Promise<void>;
}

interface UpgradeParts {
  readonly app: Hono;
  readonly runtime: RepoRuntime;
  readonly port: number;
  readonly closing: AbortSignal;
}

interface UpgradeRequest {
  readonly incoming: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly hasOneHost: boolean;
}

/** Event streams end when `closing` aborts. */
export function createAnswers(
  { port, ...options }: Omit<WorkerAppOptions, "port"> & { readonly port: number },
  closing: AbortSignal,
): WorkerAnswers {
  const app = createWorkerApp({ ...options, port: () => port });
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const parts = { app, runtime: options.runtime, port, closing };
  return {
    answer: (incoming, outgoing) => void listener(incoming, outgoing),
    upgrade: (incoming, socket, head, hasOneHost) => upgrade(parts, { incoming, socket, head, hasOneHost }),
  };
}

async function upgrade(
  { app, runtime, port, closing }: UpgradeParts,
  { incoming, socket, head, hasOneHost }: UpgradeRequest,
): Promise<void> {
  const answer = hasOneHost
    ? await app.fetch(requestOf(incoming, port))
    : problemResponse({ code: "forbidden_host", message: "send one Host header" });
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
  const head = [
    `HTTP/1.1 ${answer.status} Refused`,
    `content-type: ${answer.headers.get("content-type") ?? "text/plain"}`,
    `content-length: ${body.length}`,
    "connection: close",
  ];
  socket.end(Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]));
}
