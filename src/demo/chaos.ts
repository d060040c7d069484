// Chaos kills while work is in flight: every worker at least once in each of implement, review and hitl, and the
// supervisor twice. Nobody is told beforehand; what is lost must come back from journals, labels and git alone.

import type { DaemonKeeper } from "./daemon-keeper.ts";
import type { DemoWorld } from "./demo-world.ts";
import type { Door, PipelineRow } from "./door.ts";

const STAGES_TO_KILL = ["implement", "review", "hitl"] as const;
const SUPERVISOR_KILLS = 2;

export class Chaos {
  readonly #world: DemoWorld;
  readonly #door: Door;
  readonly #keeper: DaemonKeeper;
  readonly #emit: (line: string) => void;
  readonly #workerKills = new Map<string, number>();
  #supervisorKills = 0;

  constructor(world: DemoWorld, door: Door, keeper: DaemonKeeper, emit: (line: string) => void) {
    this.#world = world;
    this.#door = door;
    this.#keeper = keeper;
    this.#emit = emit;
  }

  get workerKills(): number {
    return [...this.#workerKills.values()].reduce((sum, kills) => sum + kills, 0);
  }

  get supervisorKills(): number {
    return this.#supervisorKills;
  }

  /** Names in words what has not been killed yet; it is empty at the end of a full run. */
  get missing(): string[] {
    const workers = this.#world.repositories.flatMap(({ slug }) =>
      STAGES_TO_KILL.map((stage) => `${slug} in ${stage}`),
    );
    const missing = workers.filter((target) => !this.#workerKills.has(target));
    return this.#supervisorKills < SUPERVISOR_KILLS ? [...missing, "the supervisor"] : missing;
  }

  /** Takes one look and makes at most one kill per worker. `progress` is the share of issues that are done. */
  async strike(rows: readonly PipelineRow[], progress: number, signal: AbortSignal): Promise<void> {
    const targets = this.#targetsAmong(rows);
    if (targets.size > 0) await this.#killWorkers(targets, signal);
    else if (
      progress >= (this.#supervisorKills + 1) / (SUPERVISOR_KILLS + 1) &&
      this.#supervisorKills < SUPERVISOR_KILLS &&
      this.#keeper.kill()
    ) {
      this.#supervisorKills += 1;
      this.#emit("killed the supervisor");
    }
  }

  #targetsAmong(rows: readonly PipelineRow[]): Map<string, string> {
    const targets = new Map<string, string>();
    for (const { repo, stage, status } of rows) {
      const target = `${repo} in ${stage}`;
      if (status === "active" && this.missing.includes(target)) targets.set(repo, target);
    }
    return targets;
  }

  async #killWorkers(targets: ReadonlyMap<string, string>, signal: AbortSignal): Promise<void> {
    for (const { slug, pid, running } of await this.#door.repositories(signal)) {
      const target = targets.get(slug);
      if (target === undefined || pid === null || !running) continue;
      process.kill(pid, "SIGKILL");
      this.#workerKills.set(target, (this.#workerKills.get(target) ?? 0) + 1);
      this.#emit(`killed the worker of ${target}`);
    }
  }
}
