// Keeps what a loop caught before it went on. A bug is emitted as an event, which log and counter get; a shortage of
// the machine is not. The newest of either is a notice for a while, because a repository that works on with a bug in it
// looks as well as any other.

import type { Clock } from "../../core/base/clock.ts";
import { messageOf } from "../../core/base/errors.ts";
import { shortageOf } from "../../core/processes/shortage.ts";
import type { WorkerEvent } from "../events/event.ts";
import { later } from "../pipeline/backoff.ts";
import { Deadline } from "../../core/base/deadline.ts";
import type { NewWait } from "./wait-book.ts";

const NOTICE_MS = 600_000;

type Caught = Pick<NewWait, "reason" | "until"> & { readonly cause: "bug" | "machine" };

export class BugBook {
  readonly #clock: Clock;
  readonly #emit: (event: WorkerEvent) => void;
  #newest: { readonly line: string; readonly end: Deadline } | null = null;

  constructor(clock: Clock, emit: (event: WorkerEvent) => void) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** `issue` is null where it is nobody's. Returns what an issue that met it waits for. */
  note(where: string, issue: number | null, thrown: unknown): Caught {
    const short = shortageOf(thrown);
    if (short !== null) {
      const reason = `this machine is short: ${short}`;
      // The line is the same whoever meets it, because a notice that reads anew is emitted anew.
      this.#keep(`${reason}; what met that is tried again`);
      return { cause: "machine", reason, until: null };
    }
    const problem = messageOf(thrown);
    const stack = thrown instanceof Error ? (thrown.stack ?? null) : null;
    this.#emit({ type: "worker.bug", where, issue, problem, stack });
    const about = issue === null ? "" : ` for issue ${issue}`;
    this.#keep(`a bug in ${where}${about}: ${problem}; the log has the details`);
    return { cause: "bug", reason: `a bug: ${problem}`, until: null };
  }

  /** It is one line for people, and null when nothing has happened for a while. */
  get notice(): string | null {
    return this.#newest === null || this.#newest.end.hasPassed() ? null : this.#newest.line;
  }

  #keep(line: string): void {
    this.#newest = { line, end: new Deadline(later(this.#clock.now(), NOTICE_MS), this.#clock) };
  }
}
