// A GitHub whose every answer a test writes. `asked` has the requests; a request without an answer gets a 404.

import { once } from "node:events";
import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";

import { systemClock } from "../../../src/core/base/clock.ts";
import type { WorkerEvent } from "../../../src/worker/events/event.ts";
import { type Credential, fixedCredential } from "../../../src/worker/github/port/credential.ts";
import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { createGitHub } from "../../../src/worker/github/calls/octokit-github.ts";

export interface Asked {
  readonly method: string;
  /** The path without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Scripted {
  readonly status?: number;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export class ScriptedGitHub implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly events: WorkerEvent[] = [];
  /** Answers by method and path, for instance `GET /repos/acme/web/issues/1`. */
  readonly answers = new Map<string, Scripted | ((asked: Asked) => Scripted | undefined)>();
  readonly url: string;
  readonly #server: Server;

  static async start(): Promise<ScriptedGitHub> {
    const server = createServer();
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return new ScriptedGitHub(server);
  }

  private constructor(server: Server) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v3`;
    server.on("request", (request, response) => void this.#answer(request, response));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = Buffer.concat(await request.toArray()).toString();
    const url = new URL(request.url ?? "", this.url);
    const path = url.pathname.replace("/api/v3", "");
    const asked = { method: request.method ?? "", path, query: url.searchParams, headers: request.headers, body };
    this.asked.push(asked);
    const written = this.answers.get(`${asked.method} ${path}`);
    const answer = typeof written === "function" ? written(asked) : written;
    const { status = 200, body: value, headers } = answer ?? { status: 404, body: { message: "Not Found" } };
    response.writeHead(status, { "content-type": "application/json", ...headers });
    response.end(value === undefined ? undefined : JSON.stringify(value));
  }

  connect(credential: Credential = fixedCredential("a-token")): GitHub {
    return createGitHub({
      apiUrl: this.url,
      repository: { owner: "acme", name: "web", fullName: "acme/web" },
      credential,
      userAgent: "hydraflow-test",
      clock: systemClock,
      onFailure: (event) => this.events.push(event),
      limits: { repeatDelayMs: 1 },
    });
  }

  /** Answers a GraphQL query that holds `word`. */
  graphql(word: string, answer: Scripted): void {
    const before = this.answers.get("POST /api/graphql");
    this.answers.set("POST /api/graphql", (asked) =>
      asked.body.includes(word) ? answer : typeof before === "function" ? before(asked) : undefined,
    );
  }

  /** Returns `GET /repos/acme/web/issues/1`, as often as it was asked. */
  count(request: string): number {
    return this.asked.filter(({ method, path }) => `${method} ${path}` === request).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}

export function repositoryJson(more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  return { id: 7, full_name: "acme/web", default_branch: "main", ...more };
}

export function issueJson(number: number, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const html_url = `https://github.test/acme/web/issues/${number}`;
  const created_at = "2026-01-01T00:00:00Z";
  const user = { login: "ann" };
  return {
    number,
    title: "T",
    body: "B",
    labels: [],
    state: "open",
    user,
    html_url,
    created_at,
    updated_at: created_at,
    ...more,
  };
}

export function pullJson(number: number, more: Readonly<Record<string, unknown>> = {}): Record<string, unknown> {
  const html_url = `https://github.test/acme/web/pull/${number}`;
  const head = { ref: "work", sha: "a".repeat(40) };
  const rest = { node_id: `PR_${number}`, html_url, head, base: { ref: "main", repo: { full_name: "acme/web" } } };
  return { ...issueJson(number), ...rest, merged_at: null, mergeable: null, draft: false, ...more };
}
