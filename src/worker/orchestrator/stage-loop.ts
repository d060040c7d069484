// Runs one stage's loop: it fills the free slots with issues that may be taken, then waits for a notification. A slot
// is filled as soon as it is free, without waiting for a batch, and nothing that happens in a slot ends the loop.

import { messageOf } from "../../core/base/errors.ts";
import type { Stage } from "../../core/domain/stage.ts";
import type { Issue } from "../github/port/github.ts";
import type { Notifier } from "./notifier.ts";

export interface StageLoopOptions {
  readonly stage: Stage;
  readonly slots: number;
  readonly notifier: Notifier;
  readonly pollIntervalMs: number;
  readonly queue: StageQueue;
  readonly worker: SlotWorker;
}

/** A loop gets its issues from here. */
export interface StageQueue {
  /** It claims nothing yet, but the issue is in flight from then on. */
  take(): Issue | undefined;
  /** It says how long it takes until the next queued issue may be taken. */
  nextDueMs(): number;
}

/** A loop has the work of its slots done here. */
export interface SlotWorker {
  work(issue: Issue, signal: AbortSignal): Promise<void>;
  /** It hears of a bug in `work`, which deals with every expected failure itself, and of one in the queue. */
  noteBug(thrown: unknown): void;
}

export interface StageLoopState {
  readonly stage: Stage;
  readonly slots: number;
  readonly active: readonly number[];
  /** It counts the issues worked on since the start. */
  readonly runs: number;
  readonly problem: string | null;
}

export class StageLoop {
  readonly #options: StageLoopOptions;
  readonly #running = new Map<number, Promise<void>>();
  #runs = 0;
  #problem: string | null = null;

  constructor(options: StageLoopOptions) {
    this.#options = options;
  }

  get state(): StageLoopState {
    const { stage, slots } = this.#options;
    return { stage, slots, active: [...this.#running.keys()], runs: this.#runs, problem: this.#problem };
  }

  /** Returns when aborted and every slot is empty. */
  async run(signal: AbortSignal): Promise<void> {
    const { notifier, pollIntervalMs, queue } = this.#options;
    while (!signal.aborted) {
      let waitMs = pollIntervalMs;
      try {
        this.#fill(signal);
        waitMs = Math.min(waitMs, queue.nextDueMs());
      } catch (thrown) {
        this.#note(thrown);
      }
      await notifier.wait(waitMs, signal);
    }
    await Promise.all(this.#running.values());
  }

  #fill(signal: AbortSignal): void {
    while (this.#running.size < this.#options.slots) {
      const issue = this.#options.queue.take();
      if (issue === undefined) return;
      this.#running.set(issue.number, this.#work(issue, signal));
    }
  }

  async #work(issue: Issue, signal: AbortSignal): Promise<void> {
    this.#runs += 1;
    try {
      await this.#options.worker.work(issue, signal);
      this.#problem = null;
    } catch (thrown) {
      this.#note(thrown);
    } finally {
      this.#running.delete(issue.number);
      this.#options.notifier.notify();
    }
  }

  #note(thrown: unknown): void {
    this.#problem = messageOf(thrown);
    this.#options.worker.noteBug(thrown);
  }
}
