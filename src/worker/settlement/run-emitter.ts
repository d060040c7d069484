// Emits one event when a run starts and one when it ends, however often the run is put down and taken up in between.

import type { RunState } from "../state/issue-state.ts";
import type { StageContext } from "../pipeline/stage-context.ts";

export class RunEmitter {
  readonly #context: Pick<StageContext, "emit" | "clock">;
  readonly #started = new Map<number, { readonly run: string; readonly startedMs: number }>();

  constructor(context: Pick<StageContext, "emit" | "clock">) {
    this.#context = context;
  }

  started(issue: number, { id, stage, attempt, step }: RunState): void {
    if (this.#started.get(issue)?.run === id) return;
    const { emit, clock } = this.#context;
    this.#started.set(issue, { run: id, startedMs: clock.monotonicMs() });
    emit({ type: "run.started", issue, stage, run: id, attempt, resumed: step.at !== "begun" });
  }

  ended(issue: number, { id, stage }: Pick<RunState, "id" | "stage">, outcome: string): void {
    const { emit, clock } = this.#context;
    const begun = this.#started.get(issue);
    this.#started.delete(issue);
    const durationMs = begun?.run === id ? Math.round(clock.monotonicMs() - begun.startedMs) : 0;
    emit({ type: "run.ended", issue, stage, run: id, outcome, durationMs });
  }
}
