// Says where each issue stands now: its place in the queues, whether it could move, and why it does not. Memory is all
// that it reads.

import { type Stage, STAGES, stageLabelsOf } from "../../core/domain/stage.ts";
import type { Issue } from "../github/port/github.ts";
import type { IssueStore } from "../issues/issue-store.ts";
import { isWaiting } from "../pipeline/backoff.ts";
import { isDecided } from "../pipeline/question-record.ts";
import type { IssueRunner } from "./issue-runner.ts";
import type { StageContext } from "../pipeline/stage-context.ts";
import type { Standing, StallWatch } from "../waits/stall-watch.ts";
import type { WaitBook } from "../waits/wait-book.ts";
import { explain, type Place, type Seen } from "./explain.ts";
import { pauseOf, questionOf, runOf } from "../state/issue-way.ts";

export interface WhereaboutsOptions {
  readonly context: StageContext;
  readonly store: IssueStore;
  readonly runner: Pick<IssueRunner, "isInFlight" | "isWorking" | "heldBy">;
  readonly waits: WaitBook;
  readonly slotsOf: (stage: Stage) => number;
  readonly isOpen: () => boolean;
}

/** Holds what the worker says of itself as a whole. */
export interface Said {
  /** It says that an operator wants no new issue taken. An explanation shows it, and the notice does not. */
  readonly drained: readonly string[];
  readonly holds: readonly string[];
  readonly notes: readonly string[];
}

export class Whereabouts {
  readonly #options: WhereaboutsOptions;

  constructor(options: WhereaboutsOptions) {
    this.#options = options;
  }

  placeOf(number: number): Place | null {
    const { store, slotsOf } = this.#options;
    const queues = store.queues();
    for (const stage of STAGES) {
      const { queued, active } = queues[stage];
      const isActive = active.some((issue) => issue.number === number);
      const position = queued.findIndex((issue) => issue.number === number) + 1;
      if (!isActive && position === 0) continue;
      return { stage, isActive, position, queued: queued.length, slots: slotsOf(stage), busy: active.length };
    }
    return null;
  }

  /** Says whether no loop could take the issue now, because it waits for a person, another worker or its next try. */
  isWaiting(number: number, stage: Stage): boolean {
    const { context, runner, waits } = this.#options;
    const known = context.state.issue(number);
    const hitl = questionOf(known);
    const now = context.clock.now();
    if (stage === "hitl" && (hitl === null || !isDecided(hitl))) return true;
    const ends = [waits.of(number)?.until, runner.heldBy(number)?.until];
    return isWaiting(pauseOf(known)?.until, now) || ends.some((end) => end !== undefined && end > now);
  }

  /** Says how each of our issues stands. It is empty while nothing new may be begun. */
  standings(): Map<number, Standing> {
    const { store, slotsOf, isOpen, waits } = this.#options;
    const standings = new Map<number, Standing>();
    if (!isOpen()) return standings;
    // An issue that the reconciler cannot bring to its end is in no queue.
    for (const issue of waits.issues)
      if (store.find(issue) === undefined && waits.of(issue) !== null) standings.set(issue, "movable");
    const queues = store.queues();
    for (const stage of STAGES) {
      const { queued, active } = queues[stage];
      const isFull = active.length >= slotsOf(stage);
      for (const { number } of [...active, ...queued]) standings.set(number, this.#standingOf(number, stage, isFull));
    }
    return standings;
  }

  /** `seen` is what GitHub shows of an issue that is in no queue. */
  explain(number: number, { drained, holds, notes }: Said, watch: StallWatch, seen: Seen): string[] {
    const { context, store, runner, waits } = this.#options;
    const { labelPrefix } = context.config;
    const issue = store.find(number);
    return explain({
      state: context.state.issue(number),
      now: context.clock.now(),
      holds: [...drained, ...holds],
      notes,
      lastSync: store.lastSync,
      labelPrefix,
      place: this.placeOf(number),
      seen: issue?.state ?? seen,
      heldBy: runner.heldBy(number),
      wait: waits.of(number),
      stalledSince: watch.stalledSince(number),
      labels: issue === undefined ? [] : stageLabelsOf(issue.labels, labelPrefix),
    });
  }

  #standingOf(issue: Issue["number"], stage: Stage, isFull: boolean): Standing {
    const { context, runner, waits } = this.#options;
    if (runner.isInFlight(issue)) return runner.isWorking(issue) ? "busy" : "movable";
    const known = context.state.issue(issue);
    const hitl = questionOf(known);
    const now = context.clock.now();
    const heldBy = runner.heldBy(issue);
    const step = runOf(known)?.step.at ?? "begun";
    const wait = waits.of(issue);
    if (step !== "settling") {
      if (stage === "hitl" && (hitl === null || !isDecided(hitl))) return "waiting";
      if (heldBy !== null && heldBy.until > now) return "waiting";
      if (context.agentPause.current !== null && step !== "approved") return "waiting";
      if (isFull && wait === null) return "waiting";
    }
    const isPutDown = isWaiting(wait === null ? pauseOf(known)?.until : wait.until.toISOString(), now);
    return isPutDown && (wait === null || wait.hasEnd) ? "waiting" : "movable";
  }
}
