// What ended nothing: a loop caught it and went on. A bug is an event, which log and counter are fed by; that the machine is
// short of something is none. The newest of either is a notice for a while, because a repository that works on with a bug
// in it looks as well as any other.

import type { Clock } from "../../core/base/clock.ts";
import { messageOf } from "../../core/base/errors.ts";
import { shortageOf } from "../../core/processes/shortage.ts";
import type { WorkerEvent } from "../events/event.ts";
import { later } from "../pipeline/backoff.ts";
import { Deadline } from "../state/deadline.ts";
import type { NewWait } from "./wait-book.ts";

const NOTICE_MS = 600_000;

type Caught = Pick<NewWait, "reason" | "until"> & { readonly cause: "bug" | "machine" };

export class BugBook {
  readonly #clock: Clock;
  readonly #tell: (event: WorkerEvent) => void;
  #newest: { readonly line: string; readonly end: Deadline } | null = null;

  constructor(clock: Clock, tell: (event: WorkerEvent) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** `issue` null where it is nobody's. Answers what an issue waits for that met it. */
  note(where: string, issue: number | null, thrown: unknown): Caught {
    const short = shortageOf(thrown);
    if (short !== null) {
      const reason = `this machine is short: ${short}`;
      // Whoever meets it says the same: a notice that reads anew is told anew.
      this.#keep(`${reason}; what met that is tried again`);
      return { cause: "machine", reason, until: null };
    }
    const problem = messageOf(thrown);
    const stack = thrown instanceof Error ? (thrown.stack ?? null) : null;
    this.#tell({ type: "worker.bug", where, issue, problem, stack });
    const about = issue === null ? "" : ` for issue ${issue}`;
    this.#keep(`a bug in ${where}${about}: ${problem}; the log has the details`);
    return { cause: "bug", reason: `a bug: ${problem}`, until: null };
  }

  /** One line for people; null when nothing has happened for a while. */
  get notice(): string | null {
    return this.#newest === null || this.#newest.end.hasPassed() ? null : this.#newest.line;
  }

  #keep(line: string): void {
    this.#newest = { line, end: new Deadline(later(this.#clock.now(), NOTICE_MS), this.#clock) };
  }
}
