// This server stands in for GitHub where one request is to go wrong, and for nothing else: a worker sends the request
// that was struck here, with the fault's name in a header. The forge does what GitHub would have done by then.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

export const FAULTS = [
  "500",
  "502-page",
  "429",
  "403-secondary",
  "half-body",
  "done-then-reset",
  "done-then-500",
  "reset",
  "401",
  "404",
  "stall",
] as const;
type Fault = (typeof FAULTS)[number];

const PAGE = { "content-type": "text/html" };
const JSON_TYPE = { "content-type": "application/json; charset=utf-8" };
const SOON = { "retry-after": "1" };

export class FaultServer implements AsyncDisposable {
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;

  static async start(forgeUrl: string): Promise<FaultServer> {
    const server = createServer((incoming, outgoing) => {
      answer(forgeUrl, incoming, outgoing).catch(() => outgoing.destroy());
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new FaultServer(server);
  }

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }
}

async function answer(forgeUrl: string, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  const fault = String(incoming.headers["x-fault"]) as Fault;
  switch (fault) {
    case "500":
      return say(outgoing, 500, JSON_TYPE, '{"message":"Server Error"}');
    case "502-page":
      return say(outgoing, 502, PAGE, "<html><body><h1>502 Bad Gateway</h1></body></html>");
    case "429":
      return say(outgoing, 429, { ...JSON_TYPE, ...SOON }, '{"message":"Too many requests"}');
    case "403-secondary":
      return say(outgoing, 403, { ...JSON_TYPE, ...SOON }, '{"message":"You have exceeded a secondary rate limit"}');
    case "401":
      return say(outgoing, 401, JSON_TYPE, '{"message":"Bad credentials"}');
    case "404":
      return say(outgoing, 404, JSON_TYPE, '{"message":"Not Found"}');
    case "reset":
      incoming.socket.resetAndDestroy();
      return;
    default:
  }
  const { status, headers, body } = await forward(forgeUrl, incoming);
  switch (fault) {
    case "done-then-500":
      return say(outgoing, 500, JSON_TYPE, '{"message":"Server Error"}');
    case "done-then-reset":
      incoming.socket.resetAndDestroy();
      return;
    case "half-body":
      outgoing.writeHead(status, { ...headers, "content-length": String(body.length + 1) });
      outgoing.write(body.subarray(0, body.length / 2));
      await delay(20);
      outgoing.destroy();
      return;
    case "stall":
      // The work is done, and no answer ever comes; the worker gives it up.
      return;
    default:
      throw new Error(`no fault is called ${String(fault)}`);
  }
}

function say(outgoing: ServerResponse, status: number, headers: Record<string, string>, body: string | Buffer): void {
  outgoing.writeHead(status, headers);
  outgoing.end(status === 204 || status === 304 ? undefined : body);
}

async function forward(forgeUrl: string, incoming: IncomingMessage) {
  const body = await buffer(incoming);
  const kept = ["authorization", "accept", "content-type", "if-none-match", "x-github-api-version"];
  const headers = Object.fromEntries(
    kept.flatMap((name) => [[name, incoming.headers[name]]]).filter(([, value]) => value),
  );
  const method = incoming.method ?? "GET";
  const answered = await fetch(`${forgeUrl}${incoming.url}`, {
    method,
    headers: headers as Record<string, string>,
    ...(method === "GET" || method === "HEAD" ? {} : { body: new Uint8Array(body) }),
  });
  const passed = ["content-type", "link", "etag"].flatMap((name) => {
    const value = answered.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return {
    status: answered.status,
    headers: Object.fromEntries(passed) as Record<string, string>,
    body: Buffer.from(await answered.arrayBuffer()),
  };
}
