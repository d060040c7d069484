// A quarantine as it is kept over restarts of the daemon, beside the reducer that decides about it.

import type { Clock } from "../../core/base/clock.ts";
import type { RepoRecord } from "../registry/registry-document.ts";

/** After a write that the disk did not take. */
const SAVE_AGAIN_MS = 5_000;

export interface Quarantine extends Pick<NonNullable<RepoRecord["quarantine"]>, "reason" | "exit"> {
  readonly wasTried: boolean;
}

/** Null also for a repository that an operator stopped while it was being quarantined: it stays stopped. */
export function quarantineOf({ desired, quarantine }: RepoRecord): (Quarantine & { readonly at: string }) | null {
  if (desired !== "running" || quarantine === null) return null;
  const { isFinal: wasTried, ...rest } = quarantine;
  return { ...rest, wasTried };
}

export function quarantineRecord(quarantine: Quarantine | null, now: Date): RepoRecord["quarantine"] {
  if (quarantine === null) return null;
  const { wasTried: isFinal, ...rest } = quarantine;
  return { ...rest, isFinal, at: now.toISOString() };
}

/** Until it is on disk, or is not so any more. `save` tells whether it is. */
export async function untilSaved(save: () => Promise<boolean>, clock: Clock, signal: AbortSignal): Promise<void> {
  while (!signal.aborted && !(await save())) await clock.sleep(SAVE_AGAIN_MS, signal).catch(() => undefined);
}
