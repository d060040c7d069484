// This scripted server stands in for a model provider, so that a REAL agent CLI can be driven without account or
// network: it answers Anthropic's Messages API on loopback, streaming or not, and keeps every request for the test to
// look at.
//
// The request itself decides which turn answers it: the first rule whose `match` is found in what the user said, and in
// it the turn after as many answers as the conversation already holds. So retries repeat a turn, conversations running
// side by side do not disturb each other, and a resumed session goes on where it was.

import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

/**
 * A turn is one answer of the model. `${cwd}` in inputs becomes the working directory that the CLI names in its prompt.
 */
export interface StubTurn {
  readonly text?: string;
  readonly tools?: readonly { readonly name: string; readonly input: Readonly<Record<string, unknown>> }[];
  readonly delayMs?: number;
  /** The server takes the request and never answers it. */
  readonly hang?: boolean;
  readonly fail?: {
    readonly status: number;
    readonly type: string;
    readonly message: string;
    readonly headers?: Record<string, string>;
  };
}

export interface StubRule {
  /** It is searched in the text of all that the user said, by lines; an absent one matches always. */
  readonly match?: RegExp;
  readonly turns: readonly StubTurn[];
}

interface Block {
  readonly type: string;
  readonly text?: string;
}

export interface MessagesRequest {
  readonly model: string;
  readonly stream?: boolean;
  readonly system?: unknown;
  readonly messages: readonly { readonly role: string; readonly content: string | readonly Block[] }[];
  readonly tools?: readonly { readonly name: string }[];
}

export interface StubModelServer extends AsyncDisposable {
  readonly url: string;
  /** They stand in the order they came; requests without tools (titles, summaries) are left out. */
  readonly requests: readonly MessagesRequest[];
}

export async function startStubModelServer(rules: readonly StubRule[]): Promise<StubModelServer> {
  const requests: MessagesRequest[] = [];
  const server = createServer((request, response) => {
    void answer(request, response, { rules, requests }).catch((thrown: unknown) => response.destroy(thrown as Error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

interface Stub {
  readonly rules: readonly StubRule[];
  readonly requests: MessagesRequest[];
}

async function answer(request: IncomingMessage, response: ServerResponse, { rules, requests }: Stub): Promise<void> {
  const path = new URL(request.url ?? "/", "http://stub").pathname;
  if (request.method !== "POST" || !path.endsWith("/v1/messages")) {
    const known = path === "/" || path.endsWith("/count_tokens");
    sendJson(
      response,
      known ? 200 : 404,
      known ? { input_tokens: 1 } : { type: "error", error: { type: "not_found_error", message: path } },
    );
    return;
  }
  const body = (await json(request)) as MessagesRequest;
  const isSide = (body.tools ?? []).length === 0;
  if (!isSide) requests.push(body);
  const turn = isSide ? { text: "ok" } : turnFor(body, rules);
  if (turn.hang === true) return;
  if (turn.delayMs !== undefined) await delay(turn.delayMs);
  if (turn.fail !== undefined) {
    const { status, type, message, headers = {} } = turn.fail;
    sendJson(response, status, { type: "error", error: { type, message } }, headers);
  } else if (body.stream === true) sendStream(response, messageOf(body, turn));
  else sendJson(response, 200, messageOf(body, turn));
}

/** Claude Code puts this into the model's mouth when it resumes a session. */
const RESUME_FILLER = "No response requested.";

function turnFor(body: MessagesRequest, rules: readonly StubRule[]): StubTurn {
  const said = body.messages
    .filter(({ role }) => role === "user")
    .map(textOf)
    .join("\n");
  const answers = body.messages.filter(
    (message) => message.role === "assistant" && textOf(message) !== RESUME_FILLER,
  ).length;
  const rule = rules.find(({ match }) => match === undefined || match.test(said));
  return rule?.turns[answers] ?? { text: "done" };
}

function textOf({ content }: MessagesRequest["messages"][number]): string {
  return typeof content === "string" ? content : content.map((block) => block.text ?? "").join("\n");
}

interface Message {
  readonly id: string;
  readonly content: readonly (Block & { readonly input?: unknown })[];
  readonly usage: { readonly input_tokens: number; readonly output_tokens: number };
  readonly [field: string]: unknown;
}

let count = 0;

function idOf(kind: string): string {
  count += 1;
  return `${kind}_stub${count}`;
}

function messageOf(body: MessagesRequest, turn: StubTurn): Message {
  const cwd =
    /working director(?:y|ies):?(?: is)?[\s:`]*(\/[^\s"`\\<]+)/i.exec(
      JSON.stringify([body.system, body.messages]),
    )?.[1] ?? "";
  const calls = (turn.tools ?? []).map(({ name, input }) => {
    const filled: unknown = JSON.parse(JSON.stringify(input).replaceAll("${cwd}", cwd));
    return { type: "tool_use", id: idOf("toolu"), name, input: filled };
  });
  return {
    id: idOf("msg"),
    type: "message",
    role: "assistant",
    model: body.model,
    content: [...(turn.text === undefined ? [] : [{ type: "text", text: turn.text }]), ...calls],
    stop_reason: calls.length > 0 ? "tool_use" : "end_turn",
    stop_sequence: null,
    usage: { input_tokens: 100, output_tokens: 10 },
  };
}

function sendStream(response: ServerResponse, message: Message): void {
  const send = (event: { type: string; [field: string]: unknown }): void =>
    void response.write(`event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`);
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  send({ type: "message_start", message: { ...message, content: [], stop_reason: null } });
  for (const [index, block] of message.content.entries()) {
    const isText = block.type === "text";
    send({
      type: "content_block_start",
      index,
      content_block: isText ? { type: "text", text: "" } : { ...block, input: {} },
    });
    const delta = isText
      ? { type: "text_delta", text: block.text }
      : { type: "input_json_delta", partial_json: JSON.stringify(block.input) };
    send({ type: "content_block_delta", index, delta });
    send({ type: "content_block_stop", index });
  }
  send({
    type: "message_delta",
    delta: { stop_reason: message["stop_reason"], stop_sequence: null },
    usage: { output_tokens: message.usage.output_tokens },
  });
  send({ type: "message_stop" });
  response.end();
}

function sendJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}
