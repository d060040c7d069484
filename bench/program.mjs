// A process under measurement gives its JSON lines with the time they came, its /proc figures, and its end.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { root } from "../scripts/runtime.mjs";

export const DIST = join(root, "dist");
/** The daemon starts its workers with these (src/daemon/main.ts). */
export const WORKER_FLAGS = ["--v8-pool-size=0", "--max-semi-space-size=1", "--disable-warning=ExperimentalWarning"];
const WAIT_MS = 180_000;
const LOOK_MS = 2;

export class Program {
  #listeners = new Set();
  #rest = "";

  constructor(args, options) {
    this.startedMs = performance.now();
    this.child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], ...options });
    this.child.stdout?.setEncoding("utf8").on("data", (text) => this.#read(text));
  }

  get pid() {
    return this.child.pid;
  }

  /** Resolves with the time at which so many lines with this message had come since the call. */
  async until(message, count = 1, { waitMs = WAIT_MS } = {}) {
    let left = count;
    const { promise, resolve, reject } = Promise.withResolvers();
    const listener = (line, atMs) => {
      if (line.msg === message && --left === 0) resolve(atMs);
    };
    const onExit = (code) => reject(new Error(`ended with ${code} before ${count} × ${message}`));
    this.#listeners.add(listener);
    this.child.once("exit", onExit);
    const timer = setTimeout(() => reject(new Error(`${left} of ${count} × ${message} are missing`)), waitMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.child.off("exit", onExit);
      this.#listeners.delete(listener);
    }
  }

  onLine(listener) {
    this.#listeners.add(listener);
  }

  #read(text) {
    const atMs = performance.now();
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop();
    for (const line of lines.filter((each) => each.startsWith("{"))) {
      const parsed = JSON.parse(line);
      for (const listener of this.#listeners) listener(parsed, atMs);
    }
  }

  async stop() {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    this.child.kill("SIGTERM");
    await once(this.child, "exit");
  }
}

/** The shipped daemon runs on free ports. */
export class Daemon extends Program {
  constructor(home, environment, { dist = DIST, nodeFlags = [] } = {}) {
    const doors = ["--tcp-port", "0", "--http-port", "0"];
    super([...nodeFlags, join(dist, "cli.js"), "daemon", "--home", home, ...doors], { env: environment, cwd: home });
    this.home = home;
  }

  static async start(home, environment, options) {
    const daemon = new Daemon(home, environment, options);
    await daemon.until("daemon.ready");
    return daemon;
  }

  get state() {
    return JSON.parse(readFileSync(join(this.home, "supervisor-state.json"), "utf8"));
  }

  get token() {
    return readFileSync(join(this.home, "token"), "utf8").trim();
  }

  /** Sends one request of the TCP protocol on a connection of its own. */
  async ask(request) {
    const socket = createConnection(this.state.port, "127.0.0.1");
    socket.end(`${JSON.stringify({ token: this.token, ...request })}\n`);
    let text = "";
    for await (const chunk of socket.setEncoding("utf8")) text += chunk;
    return JSON.parse(text);
  }
}

/** Looks until the function gives something other than undefined. */
export async function poll(look) {
  const deadlineMs = performance.now() + WAIT_MS;
  for (;;) {
    const found = look();
    if (found !== undefined) return found;
    if (performance.now() > deadlineMs) throw new Error("what was waited for did not come");
    await delay(LOOK_MS);
  }
}

/** Gives the resident memory in MiB. */
export function rssOf(pid) {
  return fieldOf(pid, "status", "VmRSS");
}

/** Gives the anonymous memory in MiB: what each further process of this kind really costs. */
export function privateOf(pid) {
  return fieldOf(pid, "smaps_rollup", "Anonymous");
}

function fieldOf(pid, file, name) {
  const [, kilobytes] = new RegExp(`^${name}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/${file}`, "utf8"));
  return Number(kilobytes) / 1_024;
}

/** Gives the CPU time used so far, in steps of the kernel's clock tick, 10 ms. */
export function cpuMsOf(pid) {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

export function childrenOf(pid) {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(" ").filter(Boolean).map(Number);
}
