// Parts that run together until they are aborted.

export interface Running {
  run(signal: AbortSignal): Promise<void>;
}

/** Where one of them throws, the others have ended when this rejects: nothing of theirs runs beside what comes next. */
export async function allOrNone(parts: readonly Running[], signal: AbortSignal): Promise<void> {
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  const running = parts.map((part) => part.run(either));
  try {
    await Promise.all(running);
  } finally {
    failed.abort();
    await Promise.allSettled(running);
  }
}
