// The built daemon runs as its own process on free ports, with a state directory of its own, and plain clients of both
// doors.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { type SupervisorPaths, supervisorPaths } from "../../src/core/files/paths.ts";
import type { RepoEntry } from "../../src/core/messages/supervisor-control.ts";
import { CLI } from "./built-program.ts";

const WAIT_MS = 120_000;
const LOOK_MS = 25;

export interface DaemonRigOptions {
  readonly config?: Readonly<Record<string, unknown>>;
  readonly environment?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** The daemon uses this instead of a new directory, and it is kept at the end. */
  readonly directory?: string;
  /** Whoever starts the daemon has this umask, in octal. */
  readonly umask?: string;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
}

export class DaemonRig implements AsyncDisposable {
  readonly directory: string;
  readonly paths: SupervisorPaths;
  readonly #options: DaemonRigOptions;
  #child: ChildProcess | undefined;
  output = "";

  static async start(options: DaemonRigOptions = {}): Promise<DaemonRig> {
    const directory = options.directory ?? (await mkdtemp(join(tmpdir(), "hydraflow-test-")));
    const rig = new DaemonRig(directory, options);
    await mkdir(rig.paths.home, { recursive: true, mode: 0o700 });
    await writeFile(rig.paths.config, JSON.stringify(options.config ?? {}), { mode: 0o600 });
    await rig.launch();
    return rig;
  }

  private constructor(directory: string, options: DaemonRigOptions) {
    this.directory = directory;
    this.paths = supervisorPaths(join(directory, "home"));
    this.#options = options;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error("the daemon is not running");
    return pid;
  }

  /** Starts the daemon and waits until both doors answer. */
  async launch(): Promise<void> {
    const args = [
      CLI,
      "daemon",
      "--home",
      this.paths.home,
      "--tcp-port",
      "0",
      "--http-port",
      "0",
      ...(this.#options.args ?? []),
    ];
    const { umask = "022" } = this.#options;
    const child = spawn("/bin/sh", ["-c", `umask ${umask}; exec "$@"`, "sh", process.execPath, ...args], {
      env: { PATH: process.env["PATH"] ?? "", HOME: this.directory, ...this.#options.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (this.output += chunk.toString()));
    await until(async () => {
      if (child.exitCode !== null) throw new Error(`the daemon exited with ${child.exitCode}: ${this.output}`);
      const state = await this.state();
      if (typeof state["httpPort"] !== "number" || state["httpPort"] === 0) return false;
      const answer = await this.http("GET", "/api/ping").catch(() => undefined);
      return answer?.status === 200;
    });
  }

  async state(): Promise<Record<string, unknown>> {
    return JSON.parse(await readFile(this.paths.state, "utf8").catch(() => "{}")) as Record<string, unknown>;
  }

  async token(): Promise<string> {
    return (await readFile(this.paths.token, "utf8")).trim();
  }

  async port(name: "port" | "httpPort"): Promise<number> {
    return Number((await this.state())[name]);
  }

  async http(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<HttpAnswer> {
    const response = await fetch(`http://127.0.0.1:${await this.port("httpPort")}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${await this.token()}`,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(WAIT_MS),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : { text },
    };
  }

  /**
   * Sends bytes to the TCP door, as they are, and resolves with everything that came back until it closed or `lines`
   * are there.
   */
  async tcp(bytes: string | Uint8Array, lines = Number.POSITIVE_INFINITY): Promise<string> {
    const socket = connect(await this.port("port"), "127.0.0.1");
    let answer = "";
    socket.on("error", () => undefined);
    socket.write(bytes);
    if (lines === Number.POSITIVE_INFINITY) socket.end();
    for await (const chunk of socket) {
      answer += String(chunk);
      if (answer.split("\n").length > lines) break;
    }
    socket.destroy();
    return answer;
  }

  async repositories(): Promise<RepoEntry[]> {
    return (await this.http("GET", "/api/repos")).body["repos"] as RepoEntry[];
  }

  /** Sends SIGKILL to the daemon alone. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** Sends SIGTERM; resolves with the exit code. */
  async stop(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    child.kill("SIGTERM");
    await once(child, "exit");
    return child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (this.#options.directory === undefined)
      await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Looks again and again until the condition holds; fails when it does not within a minute. */
export async function until(condition: () => boolean | Promise<boolean>, what = "the condition"): Promise<void> {
  const deadline = Date.now() + WAIT_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what} did not come true within ${WAIT_MS} ms`);
    await delay(LOOK_MS);
  }
}
