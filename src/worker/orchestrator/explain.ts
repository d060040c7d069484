// Explains why one issue is not moving: every reason that holds now, the most telling one first. Pure.

import type { Stage } from "../../core/domain/stage.ts";
import type { IssueState } from "../state/issue-state.ts";
import { outcomeOf, pauseOf, questionOf, runOf } from "../state/issue-way.ts";
import type { LastSync } from "../issues/issue-store.ts";
import { isWaiting } from "../pipeline/backoff.ts";
import type { Wait } from "../waits/wait-book.ts";

export interface ExplainFacts {
  readonly state: IssueState;
  readonly now: Date;
  /** Each line says what keeps the whole worker from beginning anything. */
  readonly holds: readonly string[];
  /** Each line says something else of the worker that a person should know. */
  readonly notes: readonly string[];
  /** It is null before the pipeline is up. */
  readonly lastSync: LastSync | null;
  readonly labelPrefix: string;
  /** It is null when no stage has it. */
  readonly place: Place | null;
  readonly seen: Seen;
  readonly heldBy: { readonly owner: string; readonly until: Date } | null;
  readonly wait: Wait | null;
  /** It could have moved since then and did not; null when it is not stalled. */
  readonly stalledSince: Date | null;
  /** These stage labels are on the issue, without their prefix. */
  readonly labels: readonly string[];
}

/** Says what GitHub shows of the issue. It is `unknown` before the pipeline is up, and where GitHub did not answer. */
export type Seen = "open" | "closed" | "gone" | "unknown";

export interface Place {
  readonly stage: Stage;
  readonly isActive: boolean;
  /** It counts from 1 in the stage's queue, and is 0 for an issue that is worked on. */
  readonly position: number;
  readonly queued: number;
  readonly slots: number;
  readonly busy: number;
}

export function explain(facts: ExplainFacts): string[] {
  const { place, holds, notes, stalledSince } = facts;
  const isActive = place?.isActive === true;
  const own = isActive ? [activeReason(place, facts)] : ownReasons(facts);
  const reasons = [
    ...own,
    ...(isActive ? [] : holds),
    stalledSince === null ? null : `stalled: it could have moved, and has not since ${stalledSince.toISOString()}`,
    ...(own.length > 0 || isActive ? [] : [restReason(facts)]),
    ...(isActive ? holds : []),
    ...notes,
  ];
  return [...new Set(reasons.filter((reason) => reason !== null))];
}

/** Returns what stands in this issue's own way; nothing where it only queues. */
function ownReasons(facts: ExplainFacts): string[] {
  const { state, now, heldBy, wait, place, labels, lastSync } = facts;
  const pause = pauseOf(state);
  const step = runOf(state)?.step;
  const own = [
    wait !== null && wait.until > now ? waitReason(wait) : null,
    wait === null && pause !== null && isWaiting(pause.until, now)
      ? `waits until ${pause.until}: ${pause.reason}`
      : null,
    step?.at === "settling" ? `what was decided (${step.outcome.kind}) is still being carried out on GitHub` : null,
    place?.stage === "hitl" ? questionReason(state) : null,
    heldBy !== null && heldBy.until > now ? `held by ${heldBy.owner} until ${heldBy.until.toISOString()}` : null,
    lastSync?.at !== null && lastSync?.ok === false
      ? `GitHub did not answer at ${lastSync.at}: ${lastSync.problem}`
      : null,
    wait !== null && wait.until <= now ? waitReason(wait) : null,
    labels.length > 1 && place !== null
      ? `it has several stage labels (${labels.join(", ")}); the one that is furthest on counts, the others go when it is taken up`
      : null,
  ];
  return own.filter((reason) => reason !== null);
}

function waitReason({ until, since, times, reason }: Wait): string {
  return `waits until ${until.toISOString()}: ${reason} (since ${since.toISOString()}, ${times} times)`;
}

function questionReason(state: IssueState): string | null {
  const hitl = questionOf(state);
  if (hitl === null) return null;
  if (hitl.said === null) return `waits for a person's answer since ${hitl.askedAt} (${hitl.cause}): ${hitl.question}`;
  const { said } = hitl;
  const word = said.is === "end" ? `a person decided: ${said.decision}` : `answered by ${said.by} at ${said.at}`;
  return `${word}; that is worked in when a slot of hitl is free`;
}

/** Says where an issue rests that nothing of its own holds. */
function restReason({ place, state, seen, labelPrefix }: ExplainFacts): string | null {
  if (place !== null) return queueReason(place);
  const outcome = outcomeOf(state);
  if (outcome !== null) return `it has ended as ${outcome.kind}: ${outcome.reason}`;
  switch (seen) {
    case "open":
      return `it has no label of HydraFlow; add \`${labelPrefix}-find\` to have it worked on`;
    case "closed":
      return "it is closed on GitHub";
    case "gone":
      return "GitHub shows no issue with this number: it was transferred or deleted, or never was";
    default:
      return null;
  }
}

function queueReason({ stage, position, queued, slots, busy }: Place): string {
  return `number ${position} of ${queued} in the queue of ${stage}, which has ${slots} slots, ${busy} of them busy`;
}

function activeReason(place: Place, { state, wait }: ExplainFacts): string {
  const run = runOf(state);
  if (run?.by !== "stage") return `${place.stage} has just taken it`;
  const again = wait === null ? "" : `; before that it waited since ${wait.since.toISOString()}: ${wait.reason}`;
  return `${place.stage} works on it since ${run.startedAt}, attempt ${run.attempt}, step ${run.step.at}${again}`;
}
