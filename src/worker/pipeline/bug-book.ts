// Bugs that ended nothing: a loop caught one and went on. Each is an event, which log and counter are fed by, and the newest
// is a notice for a while, because a repository that works on with a bug in it looks as well as any other.

import type { Clock } from "../../core/clock.ts";
import { messageOf } from "../../core/errors.ts";
import type { WorkerEvent } from "../event.ts";
import { later } from "./backoff.ts";
import { WaitEnd } from "../wait-end.ts";

const NOTICE_MS = 600_000;

export class BugBook {
  readonly #clock: Clock;
  readonly #tell: (event: WorkerEvent) => void;
  #newest: { readonly line: string; readonly end: WaitEnd } | null = null;

  constructor(clock: Clock, tell: (event: WorkerEvent) => void) {
    this.#clock = clock;
    this.#tell = tell;
  }

  /** `issue` null where it is nobody's. */
  note(where: string, issue: number | null, thrown: unknown): void {
    const problem = messageOf(thrown);
    const stack = thrown instanceof Error ? (thrown.stack ?? null) : null;
    this.#tell({ type: "worker.bug", where, issue, problem, stack });
    const about = issue === null ? "" : ` for issue ${issue}`;
    const end = new WaitEnd(later(this.#clock.now(), NOTICE_MS), this.#clock);
    this.#newest = { line: `a bug in ${where}${about}: ${problem}; the log has the details`, end };
  }

  /** One line for people; null when nothing has happened for a while. */
  get notice(): string | null {
    return this.#newest === null || this.#newest.end.hasCome() ? null : this.#newest.line;
  }
}
