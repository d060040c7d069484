// What the daemon's tests share: a temporary directory with real checkouts, a daemon in it, a client of the TCP door,
// and waiting for conditions. Everything is gone when the rig is disposed.

import { execFile, type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, realpath, rm, writeFile, mkdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { isSameProcess, processIdentity } from "../../src/core/processes/process-tree.ts";
import type { RepoEntry } from "../../src/core/messages/supervisor-control.ts";
import type { StartWorker } from "../../src/core/messages/worker-message.ts";
import { type Daemon, type DaemonOptions, startDaemon } from "../../src/daemon/daemon.ts";

const DEADLINE_MS = 120_000;
const POLL_MS = 20;
const AGAIN_MS = 200;

export const NEVER = new AbortController().signal;

export type Reply = Record<string, unknown> & { status: string; error?: string; code?: string };

export function fixtureWorker(name: string): string {
  return fileURLToPath(new URL(`../fixtures/workers/${name}.mjs`, import.meta.url));
}

/** Workers start again soon after they ended. */
export const QUICK = { respawnDelayMs: 20, respawnDelayMaxMs: 40 };
/** They are short enough to wait for, long enough for a slow machine to start a worker. */
export const TIMINGS = { startupMs: 120_000, heartbeatTimeoutMs: 120_000, stopGraceMs: 300 };

/** A worker that reports what it was given leaves this in its data root. */
export interface Given {
  readonly start: StartWorker;
  readonly secrets: { readonly githubToken: boolean; readonly hashes: number };
  readonly environment: Record<string, string>;
  readonly arguments: readonly string[];
}

/** Polls until the condition holds; fails with `what` when it does not in time. */
export async function until<T>(
  what: string,
  condition: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const endMs = Date.now() + DEADLINE_MS;
  for (;;) {
    const value = await condition();
    if (value !== undefined && value !== false) return value;
    if (Date.now() > endMs) throw new Error(`not in time: ${what}`);
    await delay(POLL_MS);
  }
}

/** Resolves when the process with this pid, as it is now, has ended. */
export async function ended(pid: number): Promise<void> {
  const identity = await processIdentity(pid);
  if (identity === null) return;
  await until(`the end of process ${pid}`, async () => !(await isSameProcess(identity)));
}

/** Registers `acme/<name>` as `acme-<name>`; the name may choose the kind of worker. */
export async function add(daemon: RigDaemon, name: string): Promise<Reply> {
  const path = await daemon.rig.checkout(name, `https://github.com/acme/${name}.git`);
  return daemon.ask({ action: "add_repo", path });
}

export async function slugs(daemon: RigDaemon): Promise<string[]> {
  const { repos } = await daemon.ask({ action: "list_repos" });
  return (repos as { slug: string }[]).map(({ slug }) => slug);
}

export async function isAlive(pid: number): Promise<boolean> {
  return (await processIdentity(pid)) !== null;
}

/** One request and its reply on a connection of its own, as clients of the first implementation do it. Throws when the
 * connection ends without a reply. */
export async function ask(port: number, request: object): Promise<Reply> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.write(`${JSON.stringify(request)}\n`);
  const hangsUp = closed(socket).then(() => Promise.reject(new Error("the connection ended without a reply")));
  const [line] = (await Promise.race([once(createInterface(socket), "line"), hangsUp])) as [string];
  socket.destroy();
  return JSON.parse(line) as Reply;
}

/** Sends bytes, ends our side when `half` says so, and resolves with all that came until the other side closed. */
export async function exchange(port: number, bytes: string | Uint8Array, half = true): Promise<string> {
  const socket: Socket = connect({ host: "127.0.0.1", port });
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.on("error", () => undefined);
  if (half) socket.end(bytes);
  else socket.write(bytes);
  await closed(socket);
  return Buffer.concat(chunks).toString("utf8");
}

/** Resolves when the socket is closed, by whomever and however. */
export function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
  });
}

export class Rig implements AsyncDisposable {
  readonly directory: string;
  readonly home: string;
  readonly #owned = new AsyncDisposableStack();
  readonly #children: ChildProcess[] = [];
  readonly #checkouts = new Map<string, Promise<string>>();

  private constructor(directory: string) {
    this.directory = directory;
    this.home = join(directory, "home");
  }

  static async make(): Promise<Rig> {
    return new Rig(await realpath(await mkdtemp(join(tmpdir(), "hydraflow-daemon-"))));
  }

  /** A checkout at `<directory>/<where>`, made once; without an origin when it is null. */
  checkout(where: string, origin: string | null): Promise<string> {
    const made = this.#checkouts.get(where) ?? makeCheckout(join(this.directory, where), origin);
    this.#checkouts.set(where, made);
    return made;
  }

  async file(where: string, content: string): Promise<string> {
    const path = join(this.directory, where);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return path;
  }

  /** A daemon within this process; its doors take any free port and its TCP door no token. */
  async daemon(
    settings: Record<string, unknown> = {},
    options: Partial<DaemonOptions> = {},
    force = NEVER,
  ): Promise<RigDaemon> {
    const lines: string[] = [];
    const daemon = await startDaemon(
      {
        home: this.home,
        environment: { PATH: process.env["PATH"] },
        commandLine: { tcpPort: 0, httpPort: 0, tcpAuth: "none", ...settings },
        worker: { runtime: process.execPath, flags: [], entry: fixtureWorker("by-slug") },
        mirror: { write: (line) => lines.push(line) },
        readUsage: () => ({ rssBytes: 0, heapUsedBytes: 0, cpuSeconds: 0 }),
        ...options,
      },
      { stop: NEVER, force },
    );
    const running = new RigDaemon(this, daemon, lines);
    this.#owned.use(running);
    return running;
  }

  /** A daemon as a process of its own, ready. */
  async daemonProcess(
    settings: Record<string, unknown> = {},
    environment: Record<string, string> = {},
  ): Promise<DaemonProcess> {
    const started = this.spawnDaemon(settings, environment);
    const port = await until("a daemon that answers", async () => {
      if (started.child.exitCode !== null) throw new Error(`the daemon exited: ${started.output()}`);
      if (!started.output().includes('"daemon.ready"')) return undefined;
      return Number(await readFile(join(this.home, "supervisor-port"), "utf8"));
    });
    return { ...started, port };
  }

  spawnDaemon(
    settings: Record<string, unknown> = {},
    environment: Record<string, string> = {},
  ): Omit<DaemonProcess, "port"> {
    const commandLine = { tcpPort: 0, httpPort: 0, tcpAuth: "none", ...settings };
    const script = fileURLToPath(new URL("daemon-process.ts", import.meta.url));
    const child = spawn(process.execPath, [script, this.home, fixtureWorker("by-slug"), JSON.stringify(commandLine)], {
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#children.push(child);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (text: string) => (output += text));
    const exited = once(child, "close").then(([code]) => code as number | null);
    return { child, pid: child.pid ?? 0, output: () => output, exited };
  }

  /** A file that the fixture of this repository left in its data root. */
  async given<T>(slug: string, name: string): Promise<T> {
    return JSON.parse(await readFile(join(this.home, slug, name), "utf8")) as T;
  }

  async state(): Promise<Record<string, unknown>> {
    return JSON.parse(await readFile(join(this.home, "supervisor-state.json"), "utf8")) as Record<string, unknown>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      // The second signal cuts the grace of stubborn workers short.
      const again = setInterval(() => child.kill("SIGTERM"), AGAIN_MS);
      child.kill("SIGTERM");
      await once(child, "exit");
      clearInterval(again);
    }
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function makeCheckout(path: string, origin: string | null): Promise<string> {
  await mkdir(path, { recursive: true });
  const git = (...args: string[]): Promise<unknown> => promisify(execFile)("git", args, { cwd: path });
  await git("init", "-q");
  if (origin !== null) await git("remote", "add", "origin", origin);
  return path;
}

export interface DaemonProcess {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly port: number;
  readonly output: () => string;
  readonly exited: Promise<number | null>;
}

export class RigDaemon implements AsyncDisposable {
  /** The daemon's checkouts lie in this rig. */
  readonly rig: Rig;
  readonly port: number;
  readonly httpPort: number;
  readonly #daemon: Daemon;
  readonly #lines: string[];
  #stopped: Promise<void> | undefined;

  constructor(rig: Rig, daemon: Daemon, lines: string[]) {
    this.rig = rig;
    this.#daemon = daemon;
    this.#lines = lines;
    this.port = daemon.tcpPort;
    this.httpPort = daemon.httpPort;
  }

  ask(request: object): Promise<Reply> {
    return ask(this.port, request);
  }

  /** As SIGHUP does. */
  reload(): Promise<unknown> {
    return this.#daemon.reload();
  }

  async entry(slug: string): Promise<RepoEntry> {
    return (await this.ask({ action: "repo_status", slug })) as unknown as RepoEntry;
  }

  /** The entry as soon as the condition holds for it. */
  entryWhen(slug: string, what: string, condition: (entry: RepoEntry) => boolean): Promise<RepoEntry> {
    return until(`${slug}: ${what}`, async () => {
      const entry = await this.entry(slug);
      return condition(entry) ? entry : undefined;
    });
  }

  /** Log records of one event, oldest first. */
  events(message: string): Record<string, unknown>[] {
    return this.#lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter(({ msg }) => msg === message);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await (this.#stopped ??= this.#daemon[Symbol.asyncDispose]() as Promise<void>);
  }
}
