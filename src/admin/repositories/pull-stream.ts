// A response body that is made only as fast as the client takes it, and that ends its source when the client goes. When
// the source fails midway, the connection is cut: ending quietly would make half an answer look whole, and handing the
// error on would let the HTTP adaptor print its text to the client.

import type { HttpBindings } from "@hono/node-server";
import type { Context } from "hono";

import { messageOf } from "../../core/base/errors.ts";
import type { Log } from "../../core/logs/log.ts";

export type ByteSource = AsyncGenerator<Uint8Array<ArrayBuffer>, void>;

/** `open` is called at once, but runs only when the client takes the first byte; a HEAD request never does. */
export function pullStream(
  context: Context,
  log: Log,
  closing: AbortSignal,
  open: (signal: AbortSignal) => ByteSource,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const gone = new AbortController();
  const ending = AbortSignal.any([context.req.raw.signal, closing, gone.signal]);
  const chunks = open(ending);
  return new ReadableStream(
    {
      async pull(controller) {
        try {
          const next = await chunks.next();
          if (next.done === true) controller.close();
          else controller.enqueue(next.value);
        } catch (error) {
          if (!ending.aborted)
            log.write("warn", "admin.answer-cut", { path: context.req.path, error: messageOf(error) });
          (context.env as Partial<HttpBindings>).outgoing?.destroy();
          controller.close();
        }
      },
      async cancel() {
        gone.abort();
        await chunks.return();
      },
    },
    // Nothing is read ahead: what the client has not asked for stays on disk or in the worker.
    { highWaterMark: 0 },
  );
}
