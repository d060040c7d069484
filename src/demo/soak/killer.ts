// The killer ends one process at a time with SIGKILL, at a fixed interval: a worker of any repository, every fourth
// time the daemon.

import type { DaemonKeeper } from "../daemon-keeper.ts";
import type { Door } from "../door.ts";

const DAEMON_EVERY = 4;
/** This kill of each row is the daemon's: an early one, so that a short run has it too. */
const DAEMON_AT = 1;

export interface KillerParts {
  readonly door: Door;
  readonly keeper: DaemonKeeper;
  /** It gives at least 0 and below 1. */
  readonly random: () => number;
  readonly everyMs: number;
  readonly emit: (line: string) => void;
}

export class Killer {
  readonly #parts: KillerParts;
  #dueMs: number;
  workers = 0;
  daemons = 0;

  constructor(parts: KillerParts, startMs: number) {
    this.#parts = parts;
    this.#dueMs = startMs + parts.everyMs;
  }

  /** Kills when it is time. The kill stays due where nothing runs just now. */
  async strikeIfDue(nowMs: number, signal: AbortSignal): Promise<void> {
    if (nowMs < this.#dueMs) return;
    const isDaemon = (this.workers + this.daemons) % DAEMON_EVERY === DAEMON_AT;
    if (isDaemon ? this.#killDaemon() : await this.#killWorker(signal)) this.#dueMs = nowMs + this.#parts.everyMs;
  }

  #killDaemon(): boolean {
    if (!this.#parts.keeper.kill()) return false;
    this.daemons += 1;
    this.#parts.emit("killed the daemon");
    return true;
  }

  async #killWorker(signal: AbortSignal): Promise<boolean> {
    const { door, random, emit } = this.#parts;
    const running = (await door.repositories(signal)).filter(({ running: runs, pid }) => runs && pid !== null);
    const victim = running[Math.floor(random() * running.length)];
    if (victim === undefined || victim.pid === null) return false;
    process.kill(victim.pid, "SIGKILL");
    this.workers += 1;
    emit(`killed the worker of ${victim.slug}`);
    return true;
  }
}
