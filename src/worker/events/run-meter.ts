// Counts what the runs and the agents' turns of this process came to. The event bus alone feeds it, so that a figure
// and the log cannot disagree. It is in memory; the state file has what must last.

import type { Clock } from "../../core/base/clock.ts";
import { type Stage, STAGES } from "../../core/domain/stage.ts";
import { RUN_SECONDS_BOUNDS, type WorkerMetrics } from "../../core/domain/worker-metrics.ts";
import type { WorkerEvent } from "./event.ts";

/** The starts of this many runs are remembered; far fewer are in flight at once. */
const STARTED_MAX = 1_000;

/**
 * These are shown from the start, with nothing counted, because a series that begins with 1 hides its first increase.
 */
const OUTCOMES = ["advance", "hand-off", "close", "dropped", "failed"];

interface Durations {
  readonly buckets: number[];
  sum: number;
  count: number;
}

type RunFigures = Pick<
  WorkerMetrics,
  "runs" | "run_seconds" | "agent_turns" | "agent_tokens" | "agent_cost_usd" | "bugs"
>;

export class RunMeter {
  readonly #clock: Clock;
  readonly #startedMs = new Map<string, number>();
  readonly #runs = new Map<string, { readonly stage: Stage; readonly outcome: string; count: number }>();
  readonly #durations = new Map<Stage, Durations>(STAGES.map((stage) => [stage, emptyDurations()]));
  readonly #turns = new Map<string, number>();
  readonly #tokens = { input: 0, output: 0 };
  #costUsd = 0;
  #bugs = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    for (const stage of STAGES) for (const outcome of OUTCOMES) this.#runOf(stage, outcome);
  }

  note(event: WorkerEvent): void {
    switch (event.type) {
      case "run.started":
        return this.#started(event.run);
      case "run.ended":
        return this.#ended(event.stage, event.outcome, event.run);
      case "run.failed":
        return this.#ended(event.stage, "failed", event.run);
      case "agent.ended":
        this.#turns.set(event.outcome, (this.#turns.get(event.outcome) ?? 0) + 1);
        this.#tokens.input += event.inputTokens;
        this.#tokens.output += event.outputTokens;
        this.#costUsd += event.costUsd ?? 0;
        return;
      case "worker.bug":
        this.#bugs += 1;
        return;
      default:
    }
  }

  figures(): RunFigures {
    return {
      runs: [...this.#runs.values()].map((run) => ({ ...run })),
      run_seconds: [...this.#durations].map(([stage, durations]) => ({ stage, ...durations })),
      agent_turns: [...this.#turns].map(([outcome, count]) => ({ outcome, count })),
      agent_tokens: { ...this.#tokens },
      agent_cost_usd: this.#costUsd,
      bugs: this.#bugs,
    };
  }

  #started(run: string): void {
    this.#startedMs.set(run, this.#clock.monotonicMs());
    const oldest = this.#startedMs.keys().next();
    if (this.#startedMs.size > STARTED_MAX && oldest.done !== true) this.#startedMs.delete(oldest.value);
  }

  /**
   * Counts a run's end. One that was never begun here, because a decision is carried out after a restart, has no
   * duration.
   */
  #ended(stage: Stage, outcome: string, run: string): void {
    this.#runOf(stage, outcome).count += 1;
    const startedMs = this.#startedMs.get(run);
    this.#startedMs.delete(run);
    const durations = this.#durations.get(stage);
    if (startedMs !== undefined && durations !== undefined) {
      observe(durations, (this.#clock.monotonicMs() - startedMs) / 1_000);
    }
  }

  #runOf(stage: Stage, outcome: string): { count: number } {
    const key = `${stage} ${outcome}`;
    const run = this.#runs.get(key) ?? { stage, outcome, count: 0 };
    this.#runs.set(key, run);
    return run;
  }
}

function emptyDurations(): Durations {
  return { buckets: RUN_SECONDS_BOUNDS.map(() => 0), sum: 0, count: 0 };
}

function observe(durations: Durations, seconds: number): void {
  for (const [index, bound] of RUN_SECONDS_BOUNDS.entries()) {
    if (seconds <= bound) durations.buckets[index] = (durations.buckets[index] ?? 0) + 1;
  }
  durations.sum += seconds;
  durations.count += 1;
}
