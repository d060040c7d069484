// Tells of each run once when it starts and once when it ends, however often it is put down and taken up in between.

import type { RunState } from "../state/issue-state.ts";
import { readStep } from "../pipeline/run-step.ts";
import type { StageContext } from "../pipeline/stage-context.ts";

export class RunTeller {
  readonly #context: Pick<StageContext, "tell" | "clock">;
  readonly #told = new Map<number, { readonly run: string; readonly startedMs: number }>();

  constructor(context: Pick<StageContext, "tell" | "clock">) {
    this.#context = context;
  }

  started(issue: number, { id, stage, attempt, step }: RunState): void {
    if (this.#told.get(issue)?.run === id) return;
    const { tell, clock } = this.#context;
    this.#told.set(issue, { run: id, startedMs: clock.monotonicMs() });
    tell({ type: "run.started", issue, stage, run: id, attempt, resumed: readStep(step).at !== "begun" });
  }

  ended(issue: number, { id, stage }: RunState, outcome: string): void {
    const { tell, clock } = this.#context;
    const told = this.#told.get(issue);
    this.#told.delete(issue);
    const durationMs = told?.run === id ? Math.round(clock.monotonicMs() - told.startedMs) : 0;
    tell({ type: "run.ended", issue, stage, run: id, outcome, durationMs });
  }
}
