// Whether the disks that a run writes to have room for one. A run that is not begun costs nothing; one that ends half-way
// for want of space has cost an agent's time, and its outcome cannot be written down.

import { statfs } from "node:fs/promises";

import type { Clock } from "../../core/clock.ts";

const ROOM_BYTES_MIN = 268_435_456;
const LOOK_EVERY_MS = 5_000;

export interface DiskRoomOptions {
  /** The data root, and the checkout, beside which worktrees lie. */
  readonly paths: readonly string[];
  readonly clock: Clock;
  /** With the line for people, or null when there is room again. */
  readonly onChange: (problem: string | null) => void;
}

export class DiskRoom {
  /** Null as long as there is room. */
  problem: string | null = null;
  readonly #options: DiskRoomOptions;

  constructor(options: DiskRoomOptions) {
    this.#options = options;
  }

  /** Looks until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.look();
      await this.#options.clock.sleep(LOOK_EVERY_MS, signal).catch(() => undefined);
    }
  }

  async look(): Promise<void> {
    const short = (await Promise.all(this.#options.paths.map(isShort))).indexOf(true);
    const problem =
      short === -1
        ? null
        : `no new issue is taken: the disk of ${this.#options.paths[short]} has less than ${ROOM_BYTES_MIN / 1_048_576} MiB free`;
    if (problem === this.problem) return;
    this.problem = problem;
    this.#options.onChange(problem);
  }
}

/** What cannot be asked is no reason to stop: whoever writes there will say what is wrong. */
async function isShort(path: string): Promise<boolean> {
  const found = await statfs(path).catch(() => undefined);
  return found !== undefined && found.bavail * found.bsize < ROOM_BYTES_MIN;
}
