// The sender delivers events as GitHub does: one POST each, signed with the webhook's secret, not tried again. It goes
// to loopback only, in order for each webhook; where a receiver is too slow it drops the newest and logs that.

import { createHmac, randomUUID } from "node:crypto";
import { request } from "node:http";

import { messageOf } from "../../core/base/errors.ts";
import type { ForgeLog } from "./forge-log.ts";
import type { WebhookRecord } from "../store/repository-record.ts";

const DELIVERY_TIMEOUT_MS = 10_000;
const QUEUE_LENGTH_MAX = 1_000;
const LOOPBACK_HOSTS: ReadonlySet<string> = new Set(["127.0.0.1", "localhost", "[::1]"]);

interface Queue {
  length: number;
  tail: Promise<void>;
}

export class WebhookSender {
  readonly #log: ForgeLog;
  readonly #signal: AbortSignal;
  readonly #queues = new Map<number, Queue>();

  constructor(log: ForgeLog, signal: AbortSignal) {
    this.#log = log;
    this.#signal = signal;
  }

  send(webhooks: readonly WebhookRecord[], event: string, payload: unknown): void {
    const body = JSON.stringify(payload);
    for (const webhook of webhooks) {
      if (webhook.events.includes("*") || webhook.events.includes(event)) this.#enqueue(webhook, event, body);
    }
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    const isBusy = (): boolean => [...this.#queues.values()].some((queue) => queue.length > 0);
    while (isBusy()) await Promise.all([...this.#queues.values()].map((queue) => queue.tail));
  }

  #enqueue(webhook: WebhookRecord, event: string, body: string): void {
    const queue = this.#queues.get(webhook.id) ?? { length: 0, tail: Promise.resolve() };
    this.#queues.set(webhook.id, queue);
    if (queue.length >= QUEUE_LENGTH_MAX) {
      this.#log({ type: "webhook.dropped", webhook: webhook.id, event });
      return;
    }
    queue.length += 1;
    queue.tail = queue.tail.then(async () => {
      await this.#deliver(webhook, event, body);
      queue.length -= 1;
    });
  }

  async #deliver(webhook: WebhookRecord, event: string, body: string): Promise<void> {
    try {
      const status = await post(webhook.url, webhookHeaders(webhook, event, body), body, this.#signal);
      this.#log({ type: "webhook.delivered", webhook: webhook.id, event, status });
    } catch (thrown) {
      this.#log({ type: "webhook.failed", webhook: webhook.id, event, reason: messageOf(thrown) });
    }
  }
}

export function isLoopbackUrl(url: string): boolean {
  const parsed = URL.parse(url);
  return parsed !== null && parsed.protocol === "http:" && LOOPBACK_HOSTS.has(parsed.hostname);
}

function webhookHeaders(webhook: WebhookRecord, event: string, body: string): Record<string, string | number> {
  return {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
    "user-agent": "GitHub-Hookshot/forge",
    "x-github-hook-id": webhook.id,
    "x-github-event": event,
    "x-github-delivery": randomUUID(),
    "x-hub-signature-256": `sha256=${createHmac("sha256", webhook.secret).update(body).digest("hex")}`,
  };
}

function post(
  url: string,
  headers: Record<string, string | number>,
  body: string,
  signal: AbortSignal,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(DELIVERY_TIMEOUT_MS)]);
    const call = request(url, { method: "POST", headers, signal: limit, agent: false }, (response) => {
      response.resume();
      response.on("end", () => resolve(response.statusCode ?? 0));
      response.on("error", reject);
    });
    call.on("error", reject);
    call.end(body);
  });
}
