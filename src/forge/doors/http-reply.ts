// An HTTP answer is a value before it is sent, and leaves whole, or broken off as a fault orders.

import type { ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";

export interface HttpReply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | AsyncIterable<Buffer>;
}

const ANY_LENGTH = "64";

export function jsonReply(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...headers },
    body: Buffer.from(JSON.stringify(body)),
  };
}

export function htmlReply(status: number, page: string, headers: Readonly<Record<string, string>> = {}): HttpReply {
  return {
    status,
    headers: { "content-type": "text/html; charset=utf-8", ...headers },
    body: Buffer.from(page),
  };
}

export async function sendReply(outgoing: ServerResponse, reply: HttpReply): Promise<void> {
  if (!Buffer.isBuffer(reply.body)) {
    outgoing.writeHead(reply.status, reply.headers);
    await pipeline(reply.body, outgoing);
    return;
  }
  const hasNoBody = reply.status === 204 || reply.status === 304;
  outgoing.writeHead(reply.status, {
    ...reply.headers,
    ...(hasNoBody ? {} : { "content-length": String(reply.body.length) }),
  });
  outgoing.end(hasNoBody ? undefined : reply.body);
}

/** Promises the whole and sends half. */
export async function sendHalf(outgoing: ServerResponse, reply: HttpReply): Promise<void> {
  const body = await wholeBody(reply);
  outgoing.writeHead(reply.status, {
    ...reply.headers,
    "content-length": body.length === 0 ? ANY_LENGTH : String(body.length),
  });
  await new Promise<void>((resolve) => {
    outgoing.write(body.subarray(0, Math.floor(body.length / 2)), () => resolve());
    if (body.length === 0) outgoing.flushHeaders();
  });
  outgoing.destroy();
}

/** Reads the body to its end, which also ends the work behind it. */
export async function wholeBody(reply: HttpReply): Promise<Buffer> {
  if (Buffer.isBuffer(reply.body)) return reply.body;
  const chunks: Buffer[] = [];
  for await (const chunk of reply.body) chunks.push(chunk);
  return Buffer.concat(chunks);
}
