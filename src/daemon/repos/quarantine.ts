// The form of a quarantine that is kept over restarts of the daemon; the reducer beside it decides about it.

import type { RepoRecord } from "../registry/registry-document.ts";

export interface Quarantine extends Pick<NonNullable<RepoRecord["quarantine"]>, "reason" | "exit"> {
  readonly wasTried: boolean;
}

/** Returns null also for a repository that an operator stopped while it was being quarantined: it stays stopped. */
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
