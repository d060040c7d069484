// The keeper stands in for systemd in the demo: it starts the built daemon and starts it again when it dies, however it
// died.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import type { DemoWorld } from "./demo-world.ts";

const RESTART_DELAY_MS = 300;
const STOP_WAIT_MS = 90_000;

export interface DaemonCommand {
  readonly runtime: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** The daemon prints into this file. */
  readonly outputFile: string;
}

/** The demo runs in this process. */
export interface DemoHost {
  /** The runtime becomes the `hydraflow` command by these arguments. */
  readonly runtime: string;
  readonly cliArguments: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** `more` goes into the daemon's environment. */
export function daemonCommand(host: DemoHost, world: DemoWorld, more: Readonly<Record<string, string>>): DaemonCommand {
  const inherited = Object.entries(host.environment).filter(
    ([name, value]) => value !== undefined && /^(PATH|HOME|LANG|LC_.*|TMPDIR)$/.test(name),
  );
  return {
    runtime: host.runtime,
    args: [...host.cliArguments, "daemon", "--home", world.paths.home, "--tcp-port", "0", "--http-port", "0"],
    environment: {
      ...(Object.fromEntries(inherited) as Record<string, string>),
      GITHUB_TOKEN: world.githubToken,
      ...more,
    },
    outputFile: join(world.directory, "daemon.out"),
  };
}

export class DaemonKeeper implements AsyncDisposable {
  readonly #command: DaemonCommand;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #kept: Promise<void> = Promise.resolve();
  /** The daemon was started so often. */
  starts = 0;

  constructor(command: DaemonCommand) {
    this.#command = command;
  }

  /** It belongs to the daemon that runs or ran last. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  start(): void {
    this.#kept = this.#keep();
  }

  /** SIGKILLs the daemon; false when it is not running just now. */
  kill(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null && this.#child.kill("SIGKILL");
  }

  /** Resolves to true when the daemon stopped by itself after SIGTERM with exit code 0. */
  async stop(): Promise<boolean> {
    this.#stopping.abort();
    const child = this.#child;
    child?.kill("SIGTERM");
    const clean = await Promise.race([
      this.#kept.then(() => child?.exitCode === 0),
      delay(STOP_WAIT_MS, false, { ref: false }),
    ]);
    if (!clean) child?.kill("SIGKILL");
    await this.#kept;
    return clean;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #keep(): Promise<void> {
    const { runtime, args, environment, outputFile } = this.#command;
    const output = openSync(outputFile, "a", 0o600);
    while (!this.#stopping.signal.aborted) {
      this.#child = spawn(runtime, args, { env: environment, stdio: ["ignore", output, output] });
      this.starts += 1;
      await once(this.#child, "exit");
      await delay(RESTART_DELAY_MS, undefined, { signal: this.#stopping.signal }).catch(() => undefined);
    }
  }
}
