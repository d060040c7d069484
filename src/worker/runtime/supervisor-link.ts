// The worker's end of the channel to its supervisor: says hello, takes the start message, says ready, then proves to be
// alive. Every message it sends carries the nonce of this birth; what comes with another nonce is not for us.

import { z } from "../../core/schema.ts";
import { type FromWorker, HEARTBEAT_INTERVAL_MS, type StartWorker, toWorkerSchema } from "../../core/worker-message.ts";

export interface SupervisorChannel {
  readonly pid: number;
  /** Calls back when the message has left, or cannot. */
  send(message: FromWorker, done: () => void): void;
  onMessage(listener: (message: unknown) => void): void;
}

export interface Vitals {
  readonly inFlight: number;
  readonly rssBytes: number;
  readonly notice: string | null;
}

export class SupervisorLink implements Disposable {
  /** Resolves with the supervisor's first word. */
  readonly start: Promise<StartWorker>;
  readonly #channel: SupervisorChannel;
  #nonce: string | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(channel: SupervisorChannel, onStop: () => void) {
    this.#channel = channel;
    const started = Promise.withResolvers<StartWorker>();
    this.start = started.promise;
    channel.onMessage((raw) => {
      const parsed = z.safeParse(toWorkerSchema, raw);
      if (!parsed.success) return;
      if (parsed.data.type === "start" && this.#nonce === undefined) {
        this.#nonce = parsed.data.nonce;
        started.resolve(parsed.data);
      } else if (parsed.data.type === "stop" && parsed.data.nonce === this.#nonce) onStop();
    });
    channel.send({ type: "hello", pid: channel.pid }, () => undefined);
  }

  ready(port: number, vitals: () => Vitals): void {
    const nonce = this.#nonce;
    if (nonce === undefined) return;
    const beat = (): void => this.#channel.send({ type: "heartbeat", nonce, ...vitals() }, () => undefined);
    this.#channel.send({ type: "ready", nonce, port }, () => undefined);
    beat();
    this.#timer = setInterval(beat, HEARTBEAT_INTERVAL_MS);
  }

  /** Resolves when it has been said: the process ends behind it. */
  failed(reason: string): Promise<void> {
    const nonce = this.#nonce;
    if (nonce === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#channel.send({ type: "failed", nonce, reason }, resolve));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
