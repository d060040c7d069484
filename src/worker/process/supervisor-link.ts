// The worker's end of the channel to its supervisor: says hello, takes the start message, says ready, then proves to be
// alive. Every message it sends carries the nonce of this spawn; a message with another nonce is not for us.

import { z } from "../../core/base/schema.ts";
import {
  type FromWorker,
  HEARTBEAT_INTERVAL_MS,
  type StartWorker,
  toWorkerSchema,
  WORK_MAX,
} from "../../core/messages/worker-message.ts";

export interface SupervisorChannel {
  readonly pid: number;
  /** Calls back when the message has left, or cannot. */
  send(message: FromWorker, done: () => void): void;
  onMessage(listener: (message: unknown) => void): void;
}

/** Beats come so fast while we drain: the supervisor waits for the last issue in flight. */
const DRAIN_BEAT_MS = 250;

/** A worker with nothing in flight and nothing new skips three beats of four: a hundred idle workers add up. */
const IDLE_SKIPS = 3;

export interface Vitals {
  readonly inFlight: number;
  readonly rssBytes: number;
  readonly notice: string | null;
  readonly work: readonly { readonly issue: number; readonly stage: string }[];
}

export interface LinkedWork {
  readonly vitals: () => Vitals;
  /** A worker that is not open takes no new issue. */
  readonly setOpen: (isOpen: boolean) => void;
}

export class SupervisorLink implements Disposable {
  /** Resolves with the supervisor's first word. */
  readonly start: Promise<StartWorker>;
  readonly #channel: SupervisorChannel;
  #nonce: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #linked: LinkedWork | undefined;
  /** The supervisor may close us before we are ready. */
  #isOpen = true;

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
      } else if (parsed.data.nonce !== this.#nonce) return;
      else if (parsed.data.type === "stop") onStop();
      else if (parsed.data.type === "drain" || parsed.data.type === "resume")
        this.#setOpen(parsed.data.type === "resume");
    });
    channel.send({ type: "hello", pid: channel.pid }, () => undefined);
  }

  ready(port: number, linked: LinkedWork): void {
    const nonce = this.#nonce;
    if (nonce === undefined) return;
    this.#linked = linked;
    if (!this.#isOpen) linked.setOpen(false);
    this.#channel.send({ type: "ready", nonce, port }, () => undefined);
    this.#beat(nonce, linked);
  }

  #setOpen(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (this.#nonce === undefined || this.#linked === undefined) return;
    this.#linked.setOpen(isOpen);
    this.#beat(this.#nonce, this.#linked);
  }

  #beat(nonce: string, linked: LinkedWork): void {
    if (this.#isOpen) this.#beatEvery(nonce, linked, HEARTBEAT_INTERVAL_MS, {});
    else this.#beatEvery(nonce, linked, DRAIN_BEAT_MS, { draining: true });
  }

  #beatEvery(nonce: string, { vitals }: LinkedWork, everyMs: number, extra: { draining?: boolean }): void {
    let told = "";
    let skipped = 0;
    const beat = (): void => {
      const { work, rssBytes, ...rest } = vitals();
      const news = JSON.stringify(rest);
      if (news === told && rest.inFlight === 0 && skipped < IDLE_SKIPS) {
        skipped += 1;
        return;
      }
      told = news;
      skipped = 0;
      this.#channel.send(
        { type: "heartbeat", nonce, ...rest, rssBytes, work: work.slice(0, WORK_MAX), ...extra },
        () => undefined,
      );
    };
    clearInterval(this.#timer);
    beat();
    this.#timer = setInterval(beat, everyMs);
  }

  /** Resolves when the message has left, since the process ends right after it. */
  failed(reason: string, isShortage = false): Promise<void> {
    const nonce = this.#nonce;
    if (nonce === undefined) return Promise.resolve();
    return new Promise((resolve) => this.#channel.send({ type: "failed", nonce, reason, isShortage }, resolve));
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
