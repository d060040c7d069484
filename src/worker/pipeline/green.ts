// Decides when "passed" is believed. Checks come into being one by one: a licence bot is green within a second, the
// build has no check run before a runner is free. So two looks in a row must agree, and every check that is known to
// report here must have reported; where none is known, what there is must stay as it is for a while. Pure.

import type { ExpectedChecks } from "../github/port/github.ts";
import type { GreenLooks } from "../state/run-step.ts";

export type Belief =
  | { readonly kind: "believed" }
  | { readonly kind: "not-yet"; readonly reason: string }
  | { readonly kind: "missing"; readonly names: readonly string[] };

export interface GreenFacts {
  readonly looks: GreenLooks;
  /** It is null where GitHub does not show what it expects. */
  readonly expected: ExpectedChecks | null;
  /** The setting `requiredChecks` takes the place of what has been seen. */
  readonly configured: readonly string[] | undefined;
  readonly waived: readonly string[];
  readonly settleMs: number;
  readonly now: Date;
}

const LOOKS_MIN = 2;
/** Checks that only the base's own commits have are waited for this many times longer than unknown ones. */
const LIKELY_FACTOR = 4;

export function nextLooks(before: GreenLooks | null, names: readonly string[], now: Date): GreenLooks {
  const sorted = [...new Set(names)].toSorted();
  if (before !== null && before.names.join("\n") === sorted.join("\n")) return { ...before, count: before.count + 1 };
  return { names: sorted, since: now.toISOString(), count: 1 };
}

export function believe(facts: GreenFacts): Belief {
  const { looks, expected, configured, waived, settleMs, now } = facts;
  const required = expected?.required ?? [];
  const wanted = [...required, ...(configured ?? (required.length > 0 ? [] : (expected?.seen ?? [])))];
  const missingOf = (names: readonly string[]) =>
    [...new Set(names)].filter((name) => !looks.names.includes(name) && !waived.includes(name)).toSorted();
  const missing = missingOf(wanted);
  if (missing.length > 0) return { kind: "missing", names: missing };
  if (looks.count < LOOKS_MIN) return { kind: "not-yet", reason: "its checks are green, and are looked at once more" };
  const likely = wanted.length > 0 ? [] : missingOf(expected?.likely ?? []);
  const watchMs =
    wanted.length > 0 ? 0 : likely.length > 0 ? settleMs * LIKELY_FACTOR : isSureOf(expected) ? 0 : settleMs;
  if (now.getTime() - Date.parse(looks.since) >= watchMs) return { kind: "believed" };
  const why = likely.length > 0 ? `${likely.join(", ")} may still come` : "nothing says which others may come";
  return { kind: "not-yet", reason: `its checks are green, and ${why}, so they are watched for ${watchMs / 1_000} s` };
}

/** Says whether the base's own commits have checks. Where this is asked, all of those have reported. */
function isSureOf(expected: ExpectedChecks | null): boolean {
  return (expected?.likely ?? []).length > 0;
}
