// skeleton
import type { Clock } from "../core/clock.ts";
import type { Log } from "../core/log.ts";
import type { Redactor } from "../core/redact.ts";
import type { RecordedEvent, WorkerEvent } from "./event.ts";

export interface EventCursor {
  readonly boot: string;
  readonly id: number;
}

export interface EventBusOptions {
  readonly file: string;
  readonly bytesMax: number;
  /** The slug. */
  readonly repo: string;
  readonly boot: string;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly clock: Clock;
}

export class EventBus implements AsyncDisposable {
  static open(_options: EventBusOptions): Promise<EventBus> {
    throw new Error("not there yet");
  }
  tell(_event: WorkerEvent): void {
    throw new Error("not there yet");
  }
  since(_cursor: EventCursor | null, _limit: number): RecordedEvent[] {
    throw new Error("not there yet");
  }
  recent(_limit: number): RecordedEvent[] {
    throw new Error("not there yet");
  }
  subscribe(_signal: AbortSignal): AsyncIterable<RecordedEvent> {
    throw new Error("not there yet");
  }
  [Symbol.asyncDispose](): Promise<void> {
    throw new Error("not there yet");
  }
}
