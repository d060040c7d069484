// When "passed" is believed. Checks come into being one by one: a licence bot is green within a second, the build has no
// check run before a runner is free. So two looks in a row must agree, and every check that is known to report here must
// have reported; where none is known, what there is must stay as it is for a while. Pure.

import type { ExpectedChecks } from "../github/github.ts";

/** What was green at the last looks in a row. */
export interface GreenLooks {
  readonly names: readonly string[];
  /** ISO: since when nothing has changed. */
  readonly since: string;
  readonly count: number;
}

export type Belief =
  | { readonly kind: "believed" }
  | { readonly kind: "not-yet"; readonly reason: string }
  | { readonly kind: "missing"; readonly names: readonly string[] };

export interface GreenFacts {
  readonly looks: GreenLooks;
  /** Null where GitHub does not show what it expects. */
  readonly expected: ExpectedChecks | null;
  /** The setting `requiredChecks`; takes the place of what has been seen. */
  readonly configured: readonly string[] | undefined;
  readonly waived: readonly string[];
  readonly settleMs: number;
  readonly now: Date;
}

const LOOKS_MIN = 2;

export function nextLooks(before: GreenLooks | null, names: readonly string[], now: Date): GreenLooks {
  const sorted = [...new Set(names)].toSorted();
  if (before !== null && before.names.join("\n") === sorted.join("\n")) return { ...before, count: before.count + 1 };
  return { names: sorted, since: now.toISOString(), count: 1 };
}

export function believe(facts: GreenFacts): Belief {
  const { looks, expected, configured, waived, settleMs, now } = facts;
  const wanted = [...(expected?.required ?? []), ...(configured ?? expected?.seen ?? [])];
  const missing = [...new Set(wanted)].filter((name) => !looks.names.includes(name) && !waived.includes(name));
  if (missing.length > 0) return { kind: "missing", names: missing.toSorted() };
  if (looks.count < LOOKS_MIN) return { kind: "not-yet", reason: "its checks are green, and are looked at once more" };
  const stableMs = now.getTime() - Date.parse(looks.since);
  if (wanted.length === 0 && stableMs < settleMs)
    return {
      kind: "not-yet",
      reason: `its checks are green, and nothing says which others may come, so they are watched for ${settleMs / 1_000} s`,
    };
  return { kind: "believed" };
}
