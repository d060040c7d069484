// Puts together what a worker says of itself: what keeps it from beginning anything, then what else a person should
// know. `list`, `status` and `explain` show it, and each change is an event.

import type { Clock } from "../../core/base/clock.ts";
import type { EventBus } from "../events/event-bus.ts";
import type { AgentPause } from "../pipeline/agent-pause.ts";
import type { Orchestrator } from "../orchestrator/orchestrator.ts";
import type { Said } from "../orchestrator/whereabouts.ts";

const LOOK_MS = 5_000;
const CHARACTERS_MAX = 2_000;
const NEXT_TRY = /; tried until it works, next at [\dTZ:.-]{1,30}/g;

export interface SaidFacts {
  readonly isStopped: boolean;
  readonly isOpen: boolean;
  /** It says what keeps the pipeline from starting. */
  readonly problem: string | null;
  /** It says what is wrong with disk, checkout or repository. */
  readonly preconditions: string | null;
  readonly pause: AgentPause["said"];
  /** It is null while the pipeline is not up. */
  readonly orchestrator: Pick<Orchestrator, "store" | "watch" | "waits" | "bugs"> | null;
  readonly notes: readonly (string | null)[];
}

export function saidOf({ isStopped, isOpen, problem, preconditions, pause, orchestrator, notes }: SaidFacts): Said {
  const holds = [
    isStopped ? "stopped by an operator; start it again to go on" : null,
    problem,
    preconditions,
    pause === null ? null : pauseLine(pause),
  ];
  const ofWork = orchestrator === null ? [] : workNotes(orchestrator);
  const drained = isOpen ? [] : ["takes no new issues until it is restarted or told to go on"];
  return { drained, holds: holds.filter(isSaid), notes: [...ofWork, ...notes].filter(isSaid) };
}

/**
 * Joins all lines, because one that hid behind another would be found only when that one has ended. A drain is left
 * out, because it is shown as such.
 */
export function noticeOf({ holds, notes }: Said): string | null {
  const lines = [...holds, ...notes];
  return lines.length === 0 ? null : lines.join("; also: ").slice(0, CHARACTERS_MAX);
}

export class NoticeEmitter {
  readonly #bus: Pick<EventBus, "emit">;
  readonly #clock: Clock;
  readonly #notice: () => string | null;
  #emitted: string | null = null;

  constructor(bus: Pick<EventBus, "emit">, clock: Clock, notice: () => string | null) {
    this.#bus = bus;
    this.#clock = clock;
    this.#notice = notice;
  }

  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      this.emit();
      await this.#clock.sleep(LOOK_MS, signal).catch(() => undefined);
    }
  }

  /** Emits the notice if it has changed in more than the time of the agent's next try. */
  emit(): void {
    const notice = this.#notice();
    const same = notice?.replace(NEXT_TRY, "") ?? null;
    if (same === this.#emitted) return;
    this.#emitted = same;
    this.#bus.emit({ type: "worker.notice", notice });
  }
}

function pauseLine({ reason, until, hasEnd }: NonNullable<AgentPause["said"]>): string {
  return `${reason}; ${hasEnd ? "tried again at" : "tried until it works, next at"} ${until.toISOString()}`;
}

function workNotes({
  store: { lastSync },
  watch,
  waits,
  bugs,
}: NonNullable<SaidFacts["orchestrator"]>): (string | null)[] {
  const isSilent = lastSync.at !== null && !lastSync.ok && !watch.isSyncStale;
  return [isSilent ? `GitHub cannot be asked: ${lastSync.problem}` : null, ...watch.alarms, waits.notice, bugs.notice];
}

function isSaid(line: string | null): line is string {
  return line !== null;
}
