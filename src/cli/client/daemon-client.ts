// Speaks to the daemon's HTTP door. Every answer that is not the one asked for becomes a line for the operator and an
// exit code. node:http and not fetch: a client command lives for a tenth of a second, and fetch takes half of that.

import { type IncomingMessage, request as requestHttp } from "node:http";

import { errnoOf, messageOf } from "../../core/base/errors.ts";
import { LineSplitter } from "../../core/files/json-lines.ts";
import { ok, type Result } from "../../core/base/result.ts";
import { VERSION } from "../../core/base/version.ts";
import { z } from "../../core/base/schema.ts";
import { withoutTrailing } from "../../core/base/trim-end.ts";
import { type DaemonAddress, findDaemon, noDaemonAt } from "./daemon-address.ts";
import type { ClientOptions } from "../grammar/command.ts";
import { type CliFailure, failWith } from "../print/failure.ts";
import { refusalOf } from "./refusal.ts";
import type { Terminal } from "../print/terminal.ts";

const REPLY_TIMEOUT_MS = 30_000;
/** Starting a worker takes up to a minute, stopping one some seconds. */
export const LIFECYCLE_TIMEOUT_MS = 120_000;
/** A rolling restart finishes first what is in flight. */
export const ROLLING_TIMEOUT_MS = 240_000;
/** Adding may clone the repository first. */
export const ADD_TIMEOUT_MS = 15 * 60_000;
const REPLY_BYTES_MAX = 64 * 1024 * 1024;
const LOG_LINE_BYTES_MAX = 1024 * 1024;

type Method = "GET" | "POST" | "DELETE";

export interface Call<T> {
  readonly method?: Method;
  /** The path with its query, every part encoded. */
  readonly path: string;
  readonly body?: unknown;
  readonly reply: z.core.$ZodType<T>;
  readonly timeoutMs?: number;
}

export async function connect(
  options: Pick<ClientOptions, "home" | "url">,
  terminal: Terminal,
): Promise<Result<DaemonClient, CliFailure>> {
  const address = await findDaemon(options, terminal.environment);
  return address.ok ? ok(new DaemonClient(address.value)) : address;
}

export class DaemonClient {
  readonly #address: DaemonAddress;

  constructor(address: DaemonAddress) {
    this.#address = address;
  }

  async call<T>(call: Call<T>, signal: AbortSignal): Promise<Result<T, CliFailure>> {
    const deadline = AbortSignal.timeout(call.timeoutMs ?? REPLY_TIMEOUT_MS);
    const limits = AbortSignal.any([signal, deadline]);
    try {
      const response = await this.#send(call.method ?? "GET", call.path, call.body, limits);
      const text = await readText(response);
      const status = response.statusCode ?? 0;
      if (status >= 400) return refusalOf(status, text, this.#address);
      const reply = z.safeParse(call.reply, parseJson(text));
      return reply.success ? ok(reply.data) : this.#notUnderstood();
    } catch (error) {
      return this.#failureOf(error, deadline.aborted);
    }
  }

  /** Calls `onLine` for each line of an endless or long answer; ends well when `signal` is aborted. */
  async readLines(
    path: string,
    onLine: (line: string) => void,
    signal: AbortSignal,
  ): Promise<Result<undefined, CliFailure>> {
    try {
      const response = await this.#send("GET", path, undefined, signal);
      const status = response.statusCode ?? 0;
      if (status >= 400) return refusalOf(status, await readText(response), this.#address);
      const splitter = new LineSplitter(LOG_LINE_BYTES_MAX);
      for await (const chunk of response) {
        const lines = splitter.push(chunk as Uint8Array);
        if (!lines.ok) return this.#notUnderstood();
        for (const line of lines.value) onLine(line);
      }
      const rest = splitter.rest();
      if (rest !== "") onLine(rest);
      return ok();
    } catch (error) {
      return signal.aborted ? ok() : this.#failureOf(error, false);
    }
  }

  async #send(method: Method, path: string, body: unknown, signal: AbortSignal): Promise<IncomingMessage> {
    const { url, token } = this.#address;
    const content = body === undefined ? undefined : JSON.stringify(body);
    const headers = {
      accept: "application/json, application/x-ndjson",
      "user-agent": `hydraflow/${VERSION}`,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(content === undefined
        ? {}
        : { "content-type": "application/json", "content-length": Buffer.byteLength(content) }),
    };
    const target = new URL(`${withoutTrailing(url.pathname, "/")}${path}`, url);
    const send = url.protocol === "https:" ? (await import("node:https")).request : requestHttp;
    return new Promise((resolve, reject) => {
      send(target, { method, headers, signal, agent: false }).on("response", resolve).on("error", reject).end(content);
    });
  }

  #failureOf(error: unknown, timedOut: boolean): Result<never, CliFailure> {
    const place = this.#address.url.host;
    if (timedOut)
      return failWith("tryAgain", `the daemon at ${place} did not answer in time; its log says what it is doing`);
    const code = errnoOf(error);
    if (code === "ABORT_ERR") return failWith("failure", "interrupted; what was asked may still be carried out");
    if (code === "ECONNRESET")
      return failWith("tryAgain", `the daemon at ${place} closed the connection; it may be stopping`);
    if (code === undefined || code.startsWith("HPE_")) return failWith("failure", `${place}: ${messageOf(error)}`);
    return noDaemonAt(place);
  }

  #notUnderstood(): Result<never, CliFailure> {
    return failWith(
      "failure",
      `the answer of ${this.#address.url.host} is not understood; is that a HydraFlow ${VERSION} daemon?`,
    );
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    const piece = chunk as Uint8Array;
    bytes += piece.length;
    if (bytes > REPLY_BYTES_MAX) throw new Error(`the answer is larger than ${REPLY_BYTES_MAX} bytes`);
    chunks.push(piece);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
