// Speaks HTTP to one worker: loopback only, one connection per call, no redirects, with the token of this generation. A
// connection is never kept: after a restart the port may belong to somebody else.

import { type IncomingMessage, request } from "node:http";

import { assertNever, errnoOf } from "../../core/base/errors.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";

export interface WorkerAddress {
  readonly port: number;
  readonly token: string;
}

export interface WorkerCall {
  readonly method: string;
  /** The path with its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

export type WorkerFailure =
  | { readonly kind: "too-slow"; readonly afterMs: number }
  | { readonly kind: "unreachable"; readonly errno: string }
  | { readonly kind: "too-large"; readonly bytesMax: number };

/** Resolves with the head of the answer; its body is the caller's to read or to destroy. */
export async function callWorker(
  address: WorkerAddress,
  call: WorkerCall,
  deadlineMs: number,
  signal: AbortSignal,
): Promise<Result<IncomingMessage, WorkerFailure>> {
  const outgoing = request({
    host: "127.0.0.1",
    port: address.port,
    method: call.method,
    path: call.path,
    headers: {
      ...call.headers,
      ...(call.body === undefined ? {} : { "content-length": String(call.body.length) }),
      authorization: `Bearer ${address.token}`,
      connection: "close",
    },
    agent: false,
    signal,
  });
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      resolve(fail({ kind: "too-slow", afterMs: deadlineMs }));
      outgoing.destroy();
    }, deadlineMs);
    outgoing.on("error", (error) => {
      clearTimeout(timer);
      resolve(fail({ kind: "unreachable", errno: errnoOf(error) ?? "EUNKNOWN" }));
    });
    outgoing.on("response", (answer) => {
      clearTimeout(timer);
      // Whoever reads the body sees its error; a body that nobody reads must not end the process with one.
      answer.on("error", () => undefined);
      resolve(ok(answer));
    });
    outgoing.end(call.body);
  });
}

/** Reads the whole body, and stops reading at the limit. */
export async function readAnswer(
  answer: IncomingMessage,
  bytesMax: number,
): Promise<Result<Uint8Array, WorkerFailure>> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > bytesMax) return fail({ kind: "too-large", bytesMax });
      chunks.push(chunk);
    }
  } catch (error) {
    return fail({ kind: "unreachable", errno: errnoOf(error) ?? "EUNKNOWN" });
  }
  return ok(Buffer.concat(chunks));
}

/** Says in one line for people what failed; it is never the text of an exception. */
export function describeWorkerFailure(failure: WorkerFailure): string {
  switch (failure.kind) {
    case "too-slow":
      return `the worker did not answer within ${failure.afterMs} ms`;
    case "unreachable":
      return `the worker does not answer (${failure.errno})`;
    case "too-large":
      return `the worker's answer is larger than ${failure.bytesMax} bytes`;
    default:
      return assertNever(failure);
  }
}
