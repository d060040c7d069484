// skeleton
import type { Clock } from "../core/clock.ts";

export interface LegacyAdoption {
  /** What was moved, as paths beneath the data root's `legacy` directory. */
  readonly moved: readonly string[];
}

/** Call before anything in the data root is opened. */
export function adoptLegacyLayout(_options: {
  readonly sharedHome: string;
  readonly dataRoot: string;
  readonly slug: string;
  /** `owner/name`. */
  readonly repo: string;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}): Promise<LegacyAdoption> {
  throw new Error("not there yet");
}
