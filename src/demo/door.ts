// The demo has its own client of the daemon's HTTP door. It reads port and token anew for every call, since the daemon
// may have been killed and started again in between. An answer that does not come is `undefined`: the caller asks
// again.

import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

import { parseJsonObject } from "../core/files/json-lines.ts";
import { type SupervisorPaths } from "../core/files/paths.ts";
import type { RepoEntry } from "../core/messages/supervisor-control.ts";

const REPLY_TIMEOUT_MS = 70_000;
const ADD_AGAIN_MS = 150;

export interface PipelineRow {
  readonly repo: string;
  readonly issue: number;
  readonly title: string;
  readonly stage: string;
  readonly status: string;
}

export interface QuestionRow {
  readonly repo: string;
  readonly issue: number;
  readonly question: string;
}

export class Door {
  readonly #paths: SupervisorPaths;

  constructor(paths: SupervisorPaths) {
    this.#paths = paths;
  }

  async repositories(signal: AbortSignal): Promise<readonly RepoEntry[]> {
    return ((await this.#call("GET", "/api/repos", undefined, signal))?.["repos"] ?? []) as readonly RepoEntry[];
  }

  async pipeline(signal: AbortSignal): Promise<readonly PipelineRow[]> {
    return ((await this.#call("GET", "/api/pipeline", undefined, signal))?.["items"] ?? []) as readonly PipelineRow[];
  }

  async questions(signal: AbortSignal): Promise<readonly QuestionRow[]> {
    return ((await this.#call("GET", "/api/hitl", undefined, signal))?.["items"] ?? []) as readonly QuestionRow[];
  }

  /** Resolves when the repository is registered. */
  async addUntilTaken(path: string, signal: AbortSignal): Promise<void> {
    while ((await this.#call("POST", "/api/repos", { path }, signal)) === undefined)
      await delay(ADD_AGAIN_MS, undefined, { signal });
  }

  async answer(slug: string, issue: number, text: string, signal: AbortSignal): Promise<boolean> {
    return (
      (await this.#call("POST", `/api/repos/${slug}/worker/hitl/${issue}/correct`, { text }, signal)) !== undefined
    );
  }

  /** Gives the address of the door, once the daemon has written it down. */
  async url(): Promise<string | undefined> {
    const state = parseJsonObject(await readFile(this.#paths.state, "utf8").catch(() => ""));
    const port = state?.["httpPort"];
    return typeof port === "number" && port > 0 ? `http://127.0.0.1:${port}` : undefined;
  }

  async #call(
    method: string,
    path: string,
    body: unknown,
    signal: AbortSignal,
  ): Promise<Record<string, unknown> | undefined> {
    const base = await this.url();
    if (base === undefined) return undefined;
    try {
      const token = (await readFile(this.#paths.token, "utf8")).trim();
      const response = await fetch(base + path, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(REPLY_TIMEOUT_MS)]),
      });
      const text = await response.text();
      return response.ok ? parseJsonObject(text) : undefined;
    } catch {
      signal.throwIfAborted();
      return undefined;
    }
  }
}
