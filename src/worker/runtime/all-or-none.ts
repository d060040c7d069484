// Runs parts together until they are aborted.

export interface Running {
  run(signal: AbortSignal): Promise<void>;
}

/**
 * When a part throws, the others are stopped, and this rejects once they have ended, so that nothing of theirs runs
 * beside what comes next. A bug is thrown rather than an abort, whichever came first.
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

/** Says whether `thrown` comes from the abort of that signal and from nothing else. */
export function isEndOf(thrown: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  return thrown === signal.reason || (thrown instanceof Error && thrown.cause === signal.reason);
}
