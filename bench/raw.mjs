// No boot can be faster than this: a shell starts the worker's bundle once for each repository, all at once, and waits.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DIST, poll, WORKER_FLAGS } from "./program.mjs";

export const ALONE = join(import.meta.dirname, "limits", "alone.cjs");

export class Raw {
  constructor(workspace, checkouts) {
    this.count = checkouts.length;
    this.directory = mkdtempSync(join(workspace.directory, "raw-"));
    this.ready = join(this.directory, "ready");
    this.environment = workspace.environment;
    const commands = checkouts.map((checkout) => this.#command(workspace.worker(checkout, this.directory)));
    this.script = join(this.directory, "start.sh");
    writeFileSync(this.script, `${commands.join("\n")}\nwait\n`);
  }

  #command({ start, dataRoot, environment }) {
    const file = join(dataRoot, "start.json");
    writeFileSync(file, JSON.stringify(start));
    const variables = Object.entries({ ...environment, BENCH_START: file, BENCH_READY: this.ready });
    const words = [process.execPath, ...WORKER_FLAGS, "--require", ALONE, join(DIST, "worker.js")];
    return `${variables.map(([name, value]) => `${name}='${value}'`).join(" ")} ${words.map((word) => `'${word}'`).join(" ")} &`;
  }

  /** Gives the milliseconds from the shell's start; all workers are gone again when it resolves. */
  async start() {
    writeFileSync(this.ready, "");
    const startedMs = performance.now();
    const { PATH, HOME } = this.environment;
    const shell = spawn("/bin/sh", [this.script], { detached: true, env: { PATH, HOME }, stdio: "ignore" });
    const killAll = () => process.kill(-Number(shell.pid), "SIGKILL");
    process.on("exit", killAll);
    const allMs =
      (await poll(() => (statSync(this.ready).size >= this.count ? performance.now() : undefined))) - startedMs;
    const ended = once(shell, "exit");
    process.off("exit", killAll);
    process.kill(-Number(shell.pid), "SIGTERM");
    await ended;
    await poll(() => (isGroupGone(shell.pid) ? true : undefined));
    return { allMs };
  }
}

function isGroupGone(leader) {
  try {
    process.kill(-leader, 0);
    return false;
  } catch {
    return true;
  }
}
