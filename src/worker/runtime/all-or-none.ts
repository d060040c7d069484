// Parts that run together until they are aborted.

export interface Running {
  run(signal: AbortSignal): Promise<void>;
}

/**
 * Where one of them throws, the others have ended when this rejects: nothing of theirs runs beside what comes next. A bug
 * counts more than that somebody was stopped, whichever came first.
 */
export async function allOrNone(parts: readonly Running[], signal: AbortSignal): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const running = parts.map(async (part) => {
    try {
      await part.run(either);
    } catch (thrown) {
      failed.abort();
      throw thrown;
    }
  });
  const ended = await Promise.allSettled(running);
  const thrown = ended.flatMap((end) => (end.status === "rejected" ? [end.reason as unknown] : []));
  if (thrown.length === 0) return;
  const bugs = thrown.filter((one) => !isEndOf(one, either));
  throw bugs.length > 0 ? bugs[0] : thrown[0];
}

/** Whether this was thrown because of that signal, and tells of nothing else. */
export function isEndOf(thrown: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  return thrown === signal.reason || (thrown instanceof Error && thrown.cause === signal.reason);
}
