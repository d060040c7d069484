// Answers a caller whose signal is aborted, while the work that it asked for goes on.

import { fail } from "../../core/base/result.ts";
import type { ControlResult } from "../../core/messages/supervisor-control.ts";

export function raceAbort<T>(work: Promise<ControlResult<T>>, signal: AbortSignal): Promise<ControlResult<T>> {
  const gone = Promise.withResolvers<ControlResult<T>>();
  const leave = (): void =>
    gone.resolve(fail({ code: "shutting_down", message: "the daemon does not wait for the outcome any more" }));
  if (signal.aborted) leave();
  signal.addEventListener("abort", leave, { once: true });
  return Promise.race([work, gone.promise]).finally(() => signal.removeEventListener("abort", leave));
}
