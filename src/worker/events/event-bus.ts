// Feeds the event log, the stream, the counters' readers and the log by one call of `emit`.
//
// I1 Ids rise by one within a boot, so that (repo, boot, id) names an event for ever.
// I2 Nothing waits for a slow reader or a slow disk: a reader that falls behind is ended with EVENT_GAP and catches up
//    by `since`; records that the disk does not take are counted and said.

import { AppendLog } from "../../core/files/append-log.ts";
import type { Clock } from "../../core/base/clock.ts";
import { removeTemporaries } from "../../core/files/durable-file.ts";
import { HydraError } from "../../core/base/errors.ts";
import type { Log, LogLevel } from "../../core/logs/log.ts";
import type { Redactor } from "../../core/logs/redact.ts";
import type { RecordedEvent, WorkerEvent } from "./event.ts";
import { EventQueue } from "./event-queue.ts";

const HISTORY_MAX = 5_000;
const SUBSCRIBERS_MAX = 1_000;
/** Records beyond this many on their way to the disk are dropped (I2). */
const UNWRITTEN_MAX = 10_000;
const TEXT_CHARACTERS_MAX = 4_096;

export interface EventCursor {
  readonly boot: string;
  readonly id: number;
}

export interface EventBusOptions {
  readonly file: string;
  readonly bytesMax: number;
  /** It is the slug. */
  readonly repo: string;
  readonly boot: string;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly clock: Clock;
  /** It sees every event as it is emitted, before anything is shortened. */
  readonly observe?: (event: WorkerEvent) => void;
}

export class EventBus implements AsyncDisposable {
  readonly #options: EventBusOptions;
  readonly #file: AppendLog<RecordedEvent>;
  readonly #history: RecordedEvent[];
  readonly #queues = new Set<EventQueue>();
  /** I1: each start has a boot of its own, in which ids begin anew. */
  #nextId = 1;
  #unwritten = 0;
  #dropped = 0;

  static async open(options: EventBusOptions): Promise<EventBus> {
    const file = await AppendLog.open<RecordedEvent>(options.file, { bytesMax: options.bytesMax });
    await removeTemporaries(options.file);
    return new EventBus(options, file);
  }

  private constructor(options: EventBusOptions, file: AppendLog<RecordedEvent>) {
    this.#options = options;
    this.#file = file;
    this.#history = file.records.slice(-HISTORY_MAX);
    const { damagedLines } = file.damage;
    if (damagedLines > 0)
      options.log.write("warn", "events.damaged", { damagedLines, evidence: `${options.file}.damaged` });
  }

  /** Counts the records that never reached events.jsonl. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Counts live readers, and the events that the slowest of them has not read. */
  get backlog(): { readers: number; unread: number } {
    return { readers: this.#queues.size, unread: Math.max(0, ...[...this.#queues].map(({ unread }) => unread)) };
  }

  emit(event: WorkerEvent): void {
    const { repo, boot, clock, log, observe } = this.#options;
    observe?.(event);
    const clean = this.#clean(event);
    const recorded: RecordedEvent = { ...clean, id: this.#nextId++, boot, repo, at: clock.now().toISOString() };
    this.#history.push(recorded);
    if (this.#history.length >= 2 * HISTORY_MAX) this.#history.splice(0, this.#history.length - HISTORY_MAX);
    const { type, ...fields } = clean;
    log.write(levelOf(event), type, fields);
    this.#write(recorded);
    for (const queue of this.#queues) queue.push(recorded);
  }

  /**
   * Returns what came after the cursor, oldest first. When the cursor is null or not kept any more, it begins at the
   * oldest event that is kept.
   */
  since(cursor: EventCursor | null, limit: number): RecordedEvent[] {
    const kept = this.#history.slice(-HISTORY_MAX);
    const seen = cursor === null ? -1 : kept.findLastIndex(({ boot, id }) => boot === cursor.boot && id <= cursor.id);
    return kept.slice(seen + 1, seen + 1 + limit);
  }

  /** Returns the newest events, oldest first. */
  recent(limit: number): RecordedEvent[] {
    return limit <= 0 ? [] : this.#history.slice(-Math.min(limit, HISTORY_MAX));
  }

  /**
   * Yields events from now on, until the signal aborts or the bus ends. Throws EVENT_GAP once to a reader that fell
   * behind.
   */
  subscribe(signal: AbortSignal): AsyncIterable<RecordedEvent> {
    if (this.#queues.size >= SUBSCRIBERS_MAX)
      throw new HydraError("EVENT_SUBSCRIBERS", `there are ${SUBSCRIBERS_MAX} readers already`);
    const queue = new EventQueue(signal, () => this.#queues.delete(queue));
    this.#queues.add(queue);
    return queue;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const queue of this.#queues) queue.end();
    await this.#file[Symbol.asyncDispose]();
  }

  #write(event: RecordedEvent): void {
    if (this.#unwritten >= UNWRITTEN_MAX) return this.#drop("the disk is too slow");
    this.#unwritten += 1;
    this.#file
      .append(event, "buffered")
      .catch((error: unknown) => this.#drop(String(error)))
      .finally(() => {
        this.#unwritten -= 1;
      });
  }

  /** Logs 1, 2, 4, 8 … dropped records, so that a full disk does not flood the log. */
  #drop(reason: string): void {
    this.#dropped += 1;
    const isPowerOfTwo = (this.#dropped & (this.#dropped - 1)) === 0;
    if (isPowerOfTwo) this.#options.log.write("error", "events.dropped", { dropped: this.#dropped, reason });
  }

  #clean(event: WorkerEvent): WorkerEvent {
    const { redactor } = this.#options;
    const entries = Object.entries(event).map(([name, value]) => [
      name,
      typeof value === "string" ? redactor.redact(shorten(value)) : value,
    ]);
    return Object.fromEntries(entries) as WorkerEvent;
  }
}

function shorten(text: string): string {
  return text.length <= TEXT_CHARACTERS_MAX ? text : `${text.slice(0, TEXT_CHARACTERS_MAX)}…`;
}

function levelOf(event: WorkerEvent): LogLevel {
  switch (event.type) {
    case "worker.bug":
      return "error";
    case "run.failed":
    case "github.failed":
    case "github.paused":
    case "hitl.asked":
    case "issue.waiting":
      return "warn";
    case "agent.said":
    case "agent.tool":
    case "store.synced":
      return "debug";
    case "worker.alarm":
      return event.isOn ? "error" : "info";
    case "worker.notice":
      return event.notice === null ? "info" : "warn";
    default:
      return "info";
  }
}
