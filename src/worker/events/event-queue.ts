// Holds what one reader of the stream has not read yet. It is bounded: a reader that lets it fill gets what is in it,
// then one EVENT_GAP, and is ended.

import { HydraError } from "../../core/base/errors.ts";
import type { RecordedEvent } from "./event.ts";

export const QUEUE_LENGTH_MAX = 1_000;

export class EventQueue implements AsyncIterable<RecordedEvent> {
  readonly #signal: AbortSignal;
  readonly #leave: () => void;
  #events: RecordedEvent[] = [];
  #unread = 0;
  #state: "open" | "ended" | "overflowed" = "open";
  #notify: () => void = () => undefined;

  constructor(signal: AbortSignal, leave: () => void) {
    this.#signal = signal;
    this.#leave = leave;
    signal.addEventListener("abort", this.end, { once: true });
    if (signal.aborted) queueMicrotask(this.end);
  }

  get unread(): number {
    return this.#unread;
  }

  push(event: RecordedEvent): void {
    if (this.#state !== "open") return;
    if (this.#events.length >= QUEUE_LENGTH_MAX) this.#close("overflowed");
    else {
      this.#events.push(event);
      this.#unread += 1;
    }
    this.#notify();
  }

  end = (): void => {
    if (this.#state === "open") this.#close("ended");
    this.#notify();
  };

  async *[Symbol.asyncIterator](): AsyncIterator<RecordedEvent> {
    try {
      for (;;) {
        const batch = this.#events.splice(0);
        for (const event of batch) {
          if (this.#signal.aborted) return;
          yield event;
          this.#unread -= 1;
        }
        if (batch.length > 0) continue;
        if (this.#state === "ended") return;
        if (this.#state === "overflowed")
          throw new HydraError("EVENT_GAP", "the reader fell behind; go on with the last id it has");
        await new Promise<void>((resolve) => {
          this.#notify = resolve;
        });
      }
    } finally {
      this.end();
    }
  }

  #close(state: "ended" | "overflowed"): void {
    this.#state = state;
    this.#signal.removeEventListener("abort", this.end);
    this.#leave();
  }
}
