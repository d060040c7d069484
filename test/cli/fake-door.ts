// An HTTP door that answers as told, remembers what it was asked, and has a state directory as a daemon leaves it.

import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type ControlCode, CONTROL_CODES } from "../../src/core/messages/supervisor-control.ts";

export const TOKEN = "a-token-of-the-tests";

export interface Seen {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

type Answer = (response: ServerResponse, seen: Seen) => void;

export class FakeDoor {
  readonly home: string;
  readonly seen: Seen[] = [];
  readonly #server: Server;
  readonly #answers: Readonly<Record<string, Answer>>;

  static async open(answers: Readonly<Record<string, Answer>>, slugs: readonly string[] = []): Promise<FakeDoor> {
    const home = await mkdtemp(join(tmpdir(), "hydraflow-cli-"));
    const door = new FakeDoor(home, answers);
    await new Promise<void>((resolve) => door.#server.listen(0, "127.0.0.1", resolve));
    await writeFile(join(home, "token"), `${TOKEN}\n`, { mode: 0o600 });
    const state = { schema: 1, revision: 1, port: 1, httpPort: door.port, repos: slugs.map((slug) => ({ slug })) };
    await writeFile(join(home, "supervisor-state.json"), JSON.stringify(state));
    return door;
  }

  private constructor(home: string, answers: Readonly<Record<string, Answer>>) {
    this.home = home;
    this.#answers = answers;
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  get environment(): Record<string, string> {
    return { HYDRAFLOW_HOME: this.home };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const { method = "", url = "", headers } = request;
    const seen = {
      method,
      url,
      authorization: headers.authorization,
      body: text === "" ? undefined : JSON.parse(text),
    };
    this.seen.push(seen);
    const answer = this.#answers[`${method} ${url}`];
    if (answer === undefined) problem("not_found", `no answer planned for ${method} ${url}`)(response, seen);
    else answer(response, seen);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
    await rm(this.home, { recursive: true });
  }
}

export function json(value: unknown, status = 200): Answer {
  return (response) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
}

export function problem(code: ControlCode, detail: string): Answer {
  const { status, meaning } = CONTROL_CODES[code];
  return (response) => {
    response
      .writeHead(status, { "content-type": "application/problem+json" })
      .end(JSON.stringify({ type: `urn:hydraflow:problem:${code}`, title: meaning, status, detail, code }));
  };
}
