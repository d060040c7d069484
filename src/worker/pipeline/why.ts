// Answers "why is it not moving" for one issue: every reason that holds now, the most telling one first. Pure.

import type { Stage } from "../../core/stage.ts";
import type { IssueState } from "../issue-state.ts";
import type { LastSync } from "../issue-store.ts";
import { isWaiting } from "./backoff.ts";
import { isDecided } from "./hitl-inbox.ts";
import { readStep } from "./run-step.ts";

export interface WhyFacts {
  readonly state: IssueState;
  readonly now: Date;
  /** Of the whole worker; null when nothing keeps it from working. */
  readonly notice: string | null;
  /** Null before the pipeline is up. */
  readonly lastSync: LastSync | null;
  readonly labelPrefix: string;
  /** Null when GitHub shows no such open issue, or one without a label of ours. */
  readonly place: Place | null;
  readonly isKnown: boolean;
  readonly heldBy: { readonly owner: string; readonly until: Date } | null;
  /** Why this process put it off before anything was begun. */
  readonly putOff: string | null;
}

export interface Place {
  readonly stage: Stage;
  readonly isActive: boolean;
  /** In the stage's queue, from 1; 0 for an active one. */
  readonly position: number;
  readonly queued: number;
  readonly slots: number;
  readonly busy: number;
}

export function explain(facts: WhyFacts): string[] {
  const { state, place, notice, labelPrefix, isKnown } = facts;
  const reasons = [
    place?.isActive === false ? facts.putOff : null,
    place === null ? null : placeReason(place, facts),
    ...(place?.isActive === true ? [] : waitReasons(facts)),
  ];
  if (place === null && state.outcome !== null)
    reasons.push(`it has ended as ${state.outcome.kind}: ${state.outcome.reason}`);
  else if (place === null && isKnown)
    reasons.push(`it has no label of HydraFlow; add \`${labelPrefix}-find\` to have it worked on`);
  else if (place === null) reasons.push("GitHub shows no open issue with this number");
  if (notice !== null) reasons.push(notice);
  return reasons.filter((reason) => reason !== null);
}

function placeReason(place: Place, { state, now }: WhyFacts): string | null {
  if (place.isActive) return activeReason(place, state);
  if (place.stage === "hitl" && state.hitl !== null && !isDecided(state.hitl)) {
    return `waits for a person's answer since ${state.hitl.askedAt} (${state.hitl.cause}): ${state.hitl.question}`;
  }
  if (isWaiting(state.retryAt, now)) return null;
  return `number ${place.position} of ${place.queued} in the queue of ${place.stage}, which has ${place.slots} slots, ${place.busy} of them busy`;
}

function activeReason(place: Place, { run }: IssueState): string {
  if (run === null) return `${place.stage} has just taken it`;
  const step = readStep(run.step);
  return `${place.stage} works on it since ${run.startedAt}, attempt ${run.attempt}, step ${step.at}`;
}

function waitReasons({ state, now, lastSync, heldBy }: WhyFacts): (string | null)[] {
  const isSettling = state.run !== null && readStep(state.run.step).at === "settling";
  return [
    isWaiting(state.retryAt, now) ? `waits until ${state.retryAt}: ${state.retryReason ?? "no reason noted"}` : null,
    isSettling ? "what was decided is still being carried out on GitHub" : null,
    heldBy !== null && heldBy.until > now ? `held by ${heldBy.owner} until ${heldBy.until.toISOString()}` : null,
    lastSync?.at !== null && lastSync?.ok === false
      ? `GitHub did not answer at ${lastSync.at}: ${lastSync.problem}`
      : null,
  ];
}
