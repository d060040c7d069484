// The one way out to GitHub: to the configured origin alone, with a deadline per attempt, a limit on the answer, and no
// request at all while GitHub has told this worker to wait.

const REQUEST_TIMEOUT_MS = 30_000;
const ANSWER_BYTES_MAX = 32 * 1_048_576;

/** Marks an answer that we made ourselves because of a pause. */
export const PAUSED_HEADER = "x-hydraflow-paused";

export interface BoundedFetchOptions {
  readonly origin: string;
  readonly pausedUntil: () => Date | null;
  readonly timeoutMs?: number;
  readonly answerBytesMax?: number;
}

export function boundedFetch(
  options: BoundedFetchOptions,
): (input: URL | string | Request, init?: RequestInit) => Promise<Response> {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    // Next pages come as whole URLs from the answer; the credential must not follow them elsewhere.
    if (url.origin !== options.origin)
      throw new TypeError(`refused to ask ${url.origin}, which is not the configured API`);
    if (options.pausedUntil() !== null) return pausedAnswer();
    const deadline = AbortSignal.timeout(options.timeoutMs ?? REQUEST_TIMEOUT_MS);
    const signal = init?.signal ? AbortSignal.any([init.signal, deadline]) : deadline;
    // oxlint-disable-next-line no-restricted-globals -- This is the one way out to GitHub.
    return limitBody(await fetch(url, { ...init, signal }), options.answerBytesMax ?? ANSWER_BYTES_MAX);
  };
}

function pausedAnswer(): Response {
  return Response.json(
    { message: "GitHub told this worker to wait" },
    { status: 429, headers: { [PAUSED_HEADER]: "1" } },
  );
}

function limitBody(response: Response, bytesMax: number): Response {
  if (response.body === null) return response;
  let bytes = 0;
  const limit = new TransformStream<Uint8Array, Uint8Array>({
    transform: (chunk, controller) => {
      bytes += chunk.byteLength;
      if (bytes > bytesMax) controller.error(new RangeError(`the answer has more than ${bytesMax} bytes`));
      else controller.enqueue(chunk);
    },
  });
  const { status, statusText, headers, url } = response;
  // The address after redirects, which the constructor does not take.
  return Object.defineProperty(new Response(response.body.pipeThrough(limit), { status, statusText, headers }), "url", {
    value: url,
  });
}
