// Says what a worker has in flight, as a person reads it.

import type { WorkerView } from "../workers/worker-view.ts";

const NAMED_MAX = 10;

/** Says why a repository must not be removed now; null when it may be. `worker` is null when it did not answer. */
export function busyReason(slug: string, worker: WorkerView | null): string | null {
  if (worker === null) return `the worker of '${slug}' does not say what it has in flight`;
  const work = describeWork(worker);
  return work === null ? null : `'${slug}' has work in flight: ${work}`;
}

/** Names the issues in flight; null when there are none. */
function describeWork({ inFlight, work }: Pick<WorkerView, "inFlight" | "work">): string | null {
  if (inFlight === 0) return null;
  const named = work.slice(0, NAMED_MAX).map(({ issue, stage }) => `#${issue} (${stage})`);
  const others = inFlight - named.length;
  if (named.length === 0) return `${inFlight} ${inFlight === 1 ? "issue" : "issues"}`;
  return `${named.join(", ")}${others > 0 ? ` and ${others} more` : ""}`;
}
