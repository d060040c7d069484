// A response body that is made only as fast as the client takes it, and that ends its source when the client goes.

export function pullStream(
  open: (signal: AbortSignal) => AsyncGenerator<Uint8Array<ArrayBuffer>, void>,
  signal: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> {
  const gone = new AbortController();
  const chunks = open(AbortSignal.any([signal, gone.signal]));
  return new ReadableStream(
    {
      async pull(controller) {
        const next = await chunks.next();
        if (next.done === true) controller.close();
        else controller.enqueue(next.value);
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
