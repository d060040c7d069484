// The rig has a forge on a directory of its own, with clients of it. Closing the rig fails when any request or answer
// was not as GitHub's OpenAPI description has it; a test that provokes such a request takes the problems itself.

import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { Octokit } from "@octokit/rest";

import { type Clock, systemClock } from "../../src/core/base/clock.ts";
import { type Forge, type ForgeOptions, startForge } from "../../src/forge/forge.ts";
import { type CheckExchange, ExchangeRecorder, loadOpenapiCheck } from "../support/openapi-check.ts";

let check: Promise<CheckExchange> | undefined;

export const REPO = { owner: "acme", repo: "web" };
export const NAME = "acme/web";

/** Wall time stands still until it is moved; waiting is real, unless it is held. */
class MovableClock implements Clock {
  /** They stand in the order in which they were asked for. */
  readonly slept: number[] = [];
  readonly #held = new Map<number, Promise<void>>();
  #offsetMs = 0;

  now(): Date {
    return new Date(Date.UTC(2026, 0, 1) + this.#offsetMs);
  }

  advance(ms: number): void {
    this.#offsetMs += ms;
  }

  monotonicMs(): number {
    return systemClock.monotonicMs();
  }

  /** Waits of exactly this length last until the function that it gives is called. */
  hold(ms: number): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#held.set(ms, promise);
    return resolve;
  }

  async sleep(ms: number, signal: AbortSignal): Promise<void> {
    this.slept.push(ms);
    const held = this.#held.get(ms);
    if (held === undefined) return await systemClock.sleep(ms, signal);
    const aborted = once(signal, "abort").then(() => signal.throwIfAborted());
    return await Promise.race([held, aborted]);
  }
}

export class ForgeRig implements AsyncDisposable {
  readonly directory: string;
  readonly clock = new MovableClock();
  readonly recorder: ExchangeRecorder;
  readonly #options: Partial<ForgeOptions>;
  #forge: Forge | undefined;

  private constructor(directory: string, recorder: ExchangeRecorder, options: Partial<ForgeOptions>) {
    this.directory = directory;
    this.recorder = recorder;
    this.#options = options;
  }

  /** Starts the forge with the public repository acme/web. */
  static async start(options: Partial<ForgeOptions> = {}): Promise<ForgeRig> {
    check ??= loadOpenapiCheck();
    const directory = await mkdtemp(join(tmpdir(), "forge-test-"));
    const rig = new ForgeRig(directory, new ExchangeRecorder(await check), options);
    try {
      await rig.restart();
      await rig.forge.createRepository({ owner: "acme", name: "web" });
      return rig;
    } catch (thrown) {
      await rig[Symbol.asyncDispose]();
      throw thrown;
    }
  }

  get forge(): Forge {
    if (this.#forge === undefined) throw new Error("the forge is stopped");
    return this.#forge;
  }

  /** Starts the forge again on the same data, at another port. */
  async restart(): Promise<void> {
    await this.#forge?.[Symbol.asyncDispose]();
    const dataDir = join(this.directory, "data");
    this.#forge = await startForge({
      port: 0,
      dataDir,
      clock: this.clock,
      observe: this.recorder.observe,
      ...this.#options,
    });
  }

  /** Makes a client with this token, the default one when absent. */
  client(token = this.forge.token, baseUrl = this.forge.url): Octokit {
    const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    return new Octokit({ auth: token, baseUrl, log });
  }

  /** Makes a client of somebody else. */
  async clientOf(login: string): Promise<Octokit> {
    const token = `token-of-${login}`;
    await this.forge.addToken(token, login);
    return this.client(token);
  }

  /** Opens a pull request of `branch`, which gets one commit with one file. */
  async openPull(branch: string, { body = "", files = { [`${branch}.txt`]: `${branch}\n` } } = {}): Promise<number> {
    await this.forge.commitFiles(NAME, { branch, message: `Work on ${branch}`, files });
    const pull = await this.client().pulls.create({
      ...REPO,
      head: branch,
      base: "main",
      title: `Title of ${branch}`,
      body,
    });
    return pull.data.number;
  }

  /** Sends a plain request, for what the client would not send. */
  async fetch(
    path: string,
    init: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ): Promise<Response> {
    const headers = { authorization: `Bearer ${this.forge.token}`, accept: "application/json", ...init.headers };
    return await fetch(this.forge.url + path, { ...init, headers });
  }

  /** Runs git as a user of the forge; the token travels in the environment. */
  async git(
    args: readonly string[],
    { cwd = this.directory, token = this.forge.token }: { cwd?: string; token?: string | null } = {},
  ): Promise<string> {
    const identity = {
      GIT_AUTHOR_NAME: "Ann",
      GIT_AUTHOR_EMAIL: "ann@example.com",
      GIT_COMMITTER_NAME: "Ann",
      GIT_COMMITTER_EMAIL: "ann@example.com",
    };
    const basic = Buffer.from(`x-access-token:${token}`).toString("base64");
    const credential =
      token === null
        ? {}
        : {
            GIT_CONFIG_COUNT: "1",
            GIT_CONFIG_KEY_0: `http.${this.forge.url}/.extraHeader`,
            GIT_CONFIG_VALUE_0: `Authorization: Basic ${basic}`,
          };
    const environment = {
      PATH: process.env["PATH"] ?? "",
      HOME: this.directory,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      LC_ALL: "C",
    };
    const { stdout } = await promisify(execFile)("git", args, {
      cwd,
      env: { ...environment, ...identity, ...credential },
    });
    return stdout.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forge?.[Symbol.asyncDispose]();
    await rm(this.directory, { recursive: true, force: true });
    const problems = this.recorder.takeProblems();
    if (problems.length > 0) throw new Error(`not as GitHub describes it:\n${problems.join("\n")}`);
  }
}

/** Gives the status a refused request was answered with, and the message. */
export async function refusalOf(call: Promise<unknown>): Promise<{ status: number; message: string }> {
  const thrown: unknown = await call.then(
    () => undefined,
    (error: unknown) => error,
  );
  if (thrown instanceof Error && "status" in thrown && typeof thrown.status === "number")
    return { status: thrown.status, message: thrown.message };
  throw new Error("the request was not refused", { cause: thrown });
}
