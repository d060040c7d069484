// The forge has one listener, on loopback only. It reads requests, strikes them with planned faults, sends answers,
// counts and logs. Behind it lie REST, git, pages for people, and the forge's own control.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";

import type { Clock } from "../../core/base/clock.ts";
import { assertNever, HydraError, messageOf } from "../../core/base/errors.ts";
import { type ControlDoor, isControlPath } from "./control-door.ts";
import type { Fault, FaultPlan } from "./fault-plan.ts";
import type { ForgeLog } from "../kernel/forge-log.ts";
import { type GitDoor, isGitPath } from "./git-door.ts";
import { htmlReply, type HttpReply, jsonReply, sendHalf, sendReply, wholeBody } from "./http-reply.ts";
import type { PageDoor } from "./page-door.ts";
import { type RateLimiter, rateLimitHeaders } from "../api/rate-limiter.ts";
import { type RestDoor, restPath } from "./rest-door.ts";
import { readAuthorization, type TokenRegistry } from "../store/token-registry.ts";

const HOST = "127.0.0.1";
const BODY_BYTES_MAX = 1_048_576;
/** A closing forge lets requests in flight come to their end for so long. */
const DRAIN_MS = 2_000;

export interface RequestCounts {
  total: number;
  reads: number;
  writes: number;
  git: number;
  notModified: number;
  /** So many were answered with 400 or above, planned faults included. */
  refused: number;
  /** So many were struck by a planned fault. */
  faulted: number;
}

export interface Doors {
  readonly rest: RestDoor;
  readonly git: GitDoor;
  readonly pages: PageDoor;
  readonly control: ControlDoor;
}

export interface HttpServerParts {
  readonly faults: FaultPlan;
  readonly limiter: RateLimiter;
  readonly tokens: TokenRegistry;
  readonly clock: Clock;
  readonly log: ForgeLog;
}

export class HttpServer implements AsyncDisposable {
  readonly counts: RequestCounts = { total: 0, reads: 0, writes: 0, git: 0, notModified: 0, refused: 0, faulted: 0 };
  readonly #parts: HttpServerParts;
  readonly #server: Server;
  readonly #inFlight = new Set<Promise<void>>();
  readonly #closing = new AbortController();
  #doors: Doors | undefined;

  constructor(parts: HttpServerParts) {
    this.#parts = parts;
    this.#server = createServer((incoming, outgoing) => this.#take(incoming, outgoing));
  }

  /** Resolves to the port. The doors may need it, so `open` brings them afterwards. */
  async listen(port: number): Promise<number> {
    this.#server.listen(port, HOST);
    try {
      await once(this.#server, "listening");
    } catch (thrown) {
      throw new HydraError("FORGE_PORT", `the forge cannot listen on ${HOST}:${port}: ${messageOf(thrown)}`, {
        cause: thrown,
      });
    }
    return (this.#server.address() as AddressInfo).port;
  }

  open(doors: Doors): void {
    this.#doors = doors;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    this.#closing.abort();
    const closed = once(this.#server, "close");
    this.#server.close();
    this.#server.closeIdleConnections();
    const drained = new AbortController();
    await Promise.race([
      Promise.all(this.#inFlight),
      this.#parts.clock.sleep(DRAIN_MS, drained.signal).catch(() => undefined),
    ]);
    drained.abort();
    this.#server.closeAllConnections();
    await closed;
  }

  #take(incoming: IncomingMessage, outgoing: ServerResponse): void {
    const work = this.#handle(incoming, outgoing).finally(() => this.#inFlight.delete(work));
    this.#inFlight.add(work);
  }

  /** Never rejects. */
  async #handle(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { clock, log, tokens } = this.#parts;
    const startedMs = clock.monotonicMs();
    const method = incoming.method ?? "GET";
    const url = URL.parse(incoming.url ?? "/", `http://${HOST}`) ?? new URL(`http://${HOST}/`);
    const path = restPath(url);
    const token = readAuthorization(incoming.headers.authorization);
    const login = token === undefined ? undefined : tokens.loginOf(token);
    const fault = isControlPath(url) ? undefined : this.#parts.faults.take(method, path);
    try {
      await this.#send(outgoing, () => this.#answer(incoming, url), { fault, login });
    } catch (thrown) {
      log({ type: "request.broken", method, path, reason: messageOf(thrown) });
      if (outgoing.headersSent) outgoing.destroy();
      else await sendReply(outgoing, jsonReply(500, { message: "Server Error" }));
    }
    this.#count(method, url, outgoing.statusCode, fault);
    const durationMs = Math.round(clock.monotonicMs() - startedMs);
    log({
      type: "request",
      method,
      path,
      status: outgoing.statusCode,
      login: login ?? null,
      durationMs,
      fault: fault?.kind ?? null,
    });
  }

  async #answer(incoming: IncomingMessage, url: URL): Promise<HttpReply> {
    const doors = this.#doors;
    if (doors === undefined) return jsonReply(503, { message: "Starting" });
    if (isGitPath(url)) return await doors.git.answer(incoming, url);
    if (incoming.headers.accept?.includes("text/html") === true) {
      const page = await doors.pages.answer(url);
      if (page !== undefined) return page;
    }
    const body = await readBytes(incoming);
    if (body === undefined) return jsonReply(413, { message: "Payload Too Large" }, { connection: "close" });
    const request = { method: incoming.method ?? "GET", url, headers: incoming.headers, body };
    return isControlPath(url) ? await doors.control.answer(request) : await doors.rest.answer(request);
  }

  async #send(
    outgoing: ServerResponse,
    work: () => Promise<HttpReply>,
    { fault, login }: { fault: Fault | undefined; login: string | undefined },
  ): Promise<void> {
    switch (fault?.kind) {
      case undefined:
        return await sendReply(outgoing, await work());
      case "stall":
        await this.#parts.clock.sleep(fault.ms, this.#closing.signal);
        return await sendReply(outgoing, await work());
      case "half-body":
        return await sendHalf(outgoing, await work());
      case "after-effect-500":
        await wholeBody(await work());
        return await sendReply(outgoing, jsonReply(500, { message: "Server Error" }));
      case "reset":
        outgoing.socket?.resetAndDestroy();
        return;
      case "secondary-page":
        return await sendReply(outgoing, secondaryPage());
      case "status":
      case "rate-limited":
      case "secondary-limit":
        return await sendReply(outgoing, this.#refuse(fault, login ?? ""));
      default:
        return assertNever(fault);
    }
  }

  #refuse(fault: Extract<Fault, { kind: "status" | "rate-limited" | "secondary-limit" }>, login: string): HttpReply {
    const budget = this.#parts.limiter.budget(login);
    if (fault.kind === "rate-limited") {
      const headers = rateLimitHeaders({ ...budget, used: budget.limit, remaining: 0 });
      return jsonReply(403, { message: `API rate limit exceeded for user ${login}.` }, headers);
    }
    const retryAfter = fault.retryAfter === undefined ? {} : { "retry-after": String(fault.retryAfter) };
    const headers = { ...rateLimitHeaders(budget), ...retryAfter };
    if (fault.kind === "secondary-limit") return jsonReply(403, { message: SECONDARY_LIMIT_MESSAGE }, headers);
    if (typeof fault.body === "string") return htmlReply(fault.status, fault.body, headers);
    return jsonReply(fault.status, fault.body ?? { message: "A planned fault" }, headers);
  }

  #count(method: string, url: URL, status: number, fault: Fault | undefined): void {
    if (isControlPath(url)) return;
    this.counts.total += 1;
    if (isGitPath(url)) this.counts.git += 1;
    else if (method === "GET") this.counts.reads += 1;
    else this.counts.writes += 1;
    if (status === 304) this.counts.notModified += 1;
    if (status >= 400) this.counts.refused += 1;
    if (fault !== undefined) this.counts.faulted += 1;
  }
}

const SECONDARY_LIMIT_MESSAGE =
  "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";

function secondaryPage(): HttpReply {
  return htmlReply(403, `<!DOCTYPE html><html><body><p>${SECONDARY_LIMIT_MESSAGE}</p></body></html>`);
}

/** Gives undefined above the limit, and leaves the rest unread. */
async function readBytes(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of incoming.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}
