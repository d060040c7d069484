// Stands in for systemd in the demo: starts the built daemon and starts it again when it dies, however it died.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

const RESTART_DELAY_MS = 300;
const STOP_WAIT_MS = 35_000;

export interface DaemonCommand {
  readonly runtime: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** What the daemon prints. */
  readonly outputFile: string;
}

export class DaemonKeeper implements AsyncDisposable {
  readonly #command: DaemonCommand;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #kept: Promise<void> = Promise.resolve();
  /** How often the daemon was started. */
  starts = 0;

  constructor(command: DaemonCommand) {
    this.#command = command;
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
