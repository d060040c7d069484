// A real door on a free port with everything around it, and plain HTTP and socket clients for it.

import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingHttpHeaders, type IncomingMessage, request, type RequestListener } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { AdminDeps } from "../../src/admin/admin-app.ts";
import { startAdminServer } from "../../src/admin/admin-server.ts";
import { hashToken } from "../../src/core/http/bearer-token.ts";
import { ok } from "../../src/core/base/result.ts";
import { FakeControl } from "./fake-control.ts";
import { FakeDrain } from "../support/fake-drain.ts";

export const TOKEN = "test-token-0123456789-abcdefghijklmnop";
export const METRICS_TOKEN = "metrics-token-0123456789-abcdefghijklm";
export const BEARER = { authorization: `Bearer ${TOKEN}` };

export interface LogRecord {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface Door extends AsyncDisposable {
  readonly port: number;
  readonly directory: string;
  readonly control: FakeControl;
  readonly records: LogRecord[];
  close(): Promise<void>;
}

export async function openDoor(changes: Partial<AdminDeps> = {}): Promise<Door> {
  const directory = await mkdtemp(join(tmpdir(), "hydraflow-admin-"));
  const control = new FakeControl();
  const records: LogRecord[] = [];
  const deps: AdminDeps = {
    control,
    drain: new FakeDrain(),
    reload: () => Promise.resolve(ok({ changed: ["maxWorkers"], needs_restart: [], restarting: ["acme-web"] })),
    tokenHashes: () => [hashToken(TOKEN)],
    metricsTokenHashes: () => [hashToken(METRICS_TOKEN)],
    log: {
      write: (level, message, fields = {}) => void records.push({ level, message, fields }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    paths: { logFile: join(directory, "supervisor.log") },
    readiness: () => ({ ready: true, draining: false, problems: [] }),
    readUsage: () => ({ rssBytes: 50_000_000, heapUsedBytes: 9_000_000, cpuSeconds: 1.5 }),
    logDroppedBytes: () => 0,
    workerLogFile: (slug) => join(directory, `${slug}.log`),
    ...changes,
  };
  const server = await startAdminServer({ ...deps, port: 0 }, new AbortController().signal);
  return {
    port: server.port,
    directory,
    control,
    records,
    close: async () => server[Symbol.asyncDispose](),
    [Symbol.asyncDispose]: async () => {
      await server[Symbol.asyncDispose]();
      await rm(directory, { recursive: true });
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | readonly Uint8Array[];
}

/** With a list of chunks the body is sent chunked, without a length. */
export async function ask(
  port: number,
  path: string,
  { method = "GET", headers = BEARER, body }: Ask = {},
): Promise<Answer> {
  const outgoing = request({ host: "127.0.0.1", port, path, method, headers, agent: false });
  // A door that refuses early closes while we still write; what it answered is what counts.
  const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
  outgoing.on("error", () => undefined);
  if (typeof body === "string") outgoing.end(body);
  else {
    for (const chunk of body ?? []) outgoing.write(chunk);
    outgoing.end();
  }
  const [answer] = await answered;
  return { status: answer.statusCode ?? 0, headers: answer.headers, text: await textOf(answer) };
}

export async function askJson(
  port: number,
  path: string,
  options: Ask = {},
): Promise<{ status: number; body: unknown }> {
  const { status, text } = await ask(port, path, options);
  return { status, body: JSON.parse(text) };
}

/** A JSON body with the headers that go with it. */
export function json(value: unknown, method = "POST"): Ask {
  return { method, headers: { ...BEARER, "content-type": "application/json" }, body: JSON.stringify(value) };
}

/** Everything the door answers to these bytes, until it closes the connection. */
export async function askRaw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  socket.write(bytes);
  await once(socket, "close");
  return text;
}

export interface StandIn extends AsyncDisposable {
  readonly port: number;
  readonly seen: IncomingMessage[];
}

/** A small worker: what it is asked is recorded, what it answers is up to the test. */
export async function standInWorker(answer: RequestListener): Promise<StandIn> {
  const seen: IncomingMessage[] = [];
  const server = createServer((incoming, outgoing) => {
    seen.push(incoming);
    answer(incoming, outgoing);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    seen,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export async function textOf(answer: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of answer.setEncoding("utf8")) text += String(chunk);
  return text;
}
