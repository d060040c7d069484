// What a worker has in hand, as a person reads it.

import type { WorkerView } from "./repo-supervisor.ts";

const NAMED_MAX = 10;

/** Null when there is nothing. */
export function inWork({ inFlight, work = [] }: Pick<WorkerView, "inFlight" | "work">): string | null {
  if (inFlight === 0) return null;
  const named = work.slice(0, NAMED_MAX).map(({ issue, stage }) => `#${issue} (${stage})`);
  const others = inFlight - named.length;
  if (named.length === 0) return `${inFlight} ${inFlight === 1 ? "issue" : "issues"}`;
  return `${named.join(", ")}${others > 0 ? ` and ${others} more` : ""}`;
}
