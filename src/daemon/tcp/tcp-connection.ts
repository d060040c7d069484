// One connection of the TCP door: requests are answered in the order they came, one at a time, and while one runs at
// most one chunk more is read. Time limits count from the last whole request, so a peer that drips bytes gains nothing.

import type { Socket } from "node:net";

import {
  HANDSHAKE_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  LINE_BYTES_MAX,
  ONE_SHOT_TIMEOUT_MS,
  REQUESTS_PER_SECOND_MAX,
} from "../../core/messages/control-message.ts";
import { LineSplitter } from "../../core/files/json-lines.ts";
import { type ControlHandler, errorReply } from "./control-handler.ts";

export interface ConnectionLimits {
  /** The time to the first whole request. */
  readonly handshakeMs: number;
  /** The time between the first reply and the second whole request. */
  readonly oneShotMs: number;
  /** The time between any later reply and the next whole request. */
  readonly idleMs: number;
  readonly requestsPerSecond?: number;
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  handshakeMs: HANDSHAKE_TIMEOUT_MS,
  oneShotMs: ONE_SHOT_TIMEOUT_MS,
  idleMs: IDLE_TIMEOUT_MS,
};

const TOO_LARGE = { code: "too_large", message: `a line may have ${LINE_BYTES_MAX} bytes` } as const;

export class TcpConnection {
  readonly #socket: Socket;
  readonly #handle: ControlHandler;
  readonly #limits: ConnectionLimits;
  readonly #signal: AbortSignal;
  readonly #splitter = new LineSplitter(LINE_BYTES_MAX);
  /** A line over the limit stands here as null: it is answered behind those before it, and nothing comes behind it. */
  #lines: (string | null)[] = [];
  #answered = 0;
  #isAnswering = false;
  #hasPeerEnded = false;
  #isClosing = false;
  #timer: NodeJS.Timeout | undefined;
  #second = { startedMs: -Infinity, requests: 0 };

  /** Takes over the socket, which must allow half-open use. Aborting the signal gives up what runs, not
   * the connection. */
  constructor(socket: Socket, handle: ControlHandler, limits: ConnectionLimits, signal: AbortSignal) {
    this.#socket = socket;
    this.#handle = handle;
    this.#limits = limits;
    this.#signal = signal;
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("end", () => this.#onEnd());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => clearTimeout(this.#timer));
    this.#limit(limits.handshakeMs);
  }

  /** Ends the connection, after the reply in flight if there is one. */
  close(): void {
    this.#isClosing = true;
    this.#lines = [];
    if (!this.#isAnswering) this.#end();
  }

  #onData(chunk: Buffer): void {
    if (this.#isClosing || this.#lines.includes(null)) return;
    const lines = this.#splitter.push(chunk);
    this.#lines.push(...(lines.ok ? lines.value : [null]));
    // It does not pause before each request: most are answered before more can come, and two system calls would be
    // lost.
    if (this.#isAnswering) this.#socket.pause();
    else void this.#answerAll();
  }

  /** A last line needs no newline, as from `printf`. */
  #onEnd(): void {
    this.#hasPeerEnded = true;
    const rest = this.#splitter.rest();
    if (rest.trim() !== "" && !this.#isClosing && !this.#lines.includes(null)) this.#lines.push(rest);
    void this.#answerAll();
  }

  async #answerAll(): Promise<void> {
    if (this.#isAnswering) return;
    this.#isAnswering = true;
    for (let line = this.#lines.shift(); line !== undefined; line = this.#lines.shift()) {
      clearTimeout(this.#timer);
      const { reply, endsConnection } = await this.#answer(line);
      await this.#write(reply);
      this.#answered += 1;
      this.#limit(this.#answered === 1 ? this.#limits.oneShotMs : this.#limits.idleMs);
      if (endsConnection || this.#socket.destroyed) this.close();
    }
    this.#isAnswering = false;
    if (this.#isClosing || this.#hasPeerEnded) this.#end();
    else if (this.#socket.isPaused()) this.#socket.resume();
  }

  #answer(line: string | null): ReturnType<ControlHandler> {
    if (line === null) return Promise.resolve({ reply: errorReply(TOO_LARGE), endsConnection: true });
    const nowMs = performance.now();
    if (nowMs - this.#second.startedMs >= 1_000) this.#second = { startedMs: nowMs, requests: 0 };
    this.#second.requests += 1;
    const { requestsPerSecond = REQUESTS_PER_SECOND_MAX } = this.#limits;
    if (this.#second.requests <= requestsPerSecond) return this.#handle(line, this.#signal);
    const reply = errorReply({ code: "too_many", message: `send at most ${requestsPerSecond} requests a second` });
    return Promise.resolve({ reply, endsConnection: false });
  }

  /** Waits for a peer that reads slowly, as long as an idle one may stay. */
  async #write(reply: string | Uint8Array): Promise<void> {
    if (this.#socket.write(typeof reply === "string" ? `${reply}\n` : reply) || this.#socket.destroyed) return;
    this.#limit(this.#limits.idleMs);
    await new Promise<void>((resolve) => {
      const done = (): void => {
        this.#socket.off("drain", done).off("close", done);
        resolve();
      };
      this.#socket.on("drain", done).on("close", done);
    });
  }

  #limit(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.destroy(), ms);
  }

  /** A peer that does not close its side in turn is cut off; unread input is thrown away, or its kernel would reset. */
  #end(): void {
    if (this.#socket.destroyed) return;
    this.#limit(this.#limits.handshakeMs);
    this.#socket.end();
    this.#socket.resume();
  }
}
