// Debian's supervisord starts the same bundle from its configuration.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { DIST, poll, WORKER_FLAGS } from "../program.mjs";
import { ALONE } from "../raw.mjs";

const PROGRAM = "supervisord";
const run = promisify(execFile);

export class Supervisord {
  goal = {};

  /** Says why in one line when it cannot be had. */
  static async fetch(workspace, checkouts) {
    try {
      if (!(await isThere())) {
        if (process.geteuid?.() !== 0) return "supervisord (not installed, and only root can install it)";
        await run("apt-get", ["update", "-qq"]);
        await run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", "supervisor"], {
          env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
        });
      }
      const { stdout } = await run(PROGRAM, ["--version"]);
      return new Supervisord(workspace, checkouts, stdout.trim());
    } catch (error) {
      return `supervisord (${error.message.split("\n", 1)[0]})`;
    }
  }

  constructor(workspace, checkouts, version) {
    this.name = `supervisord ${version}, same bundle`;
    this.count = checkouts.length;
    const home = join(workspace.directory, "supervisord");
    mkdirSync(home);
    this.ready = join(home, "ready");
    this.config = join(home, "supervisord.conf");
    const programs = checkouts.map((checkout) => this.#program(checkout.slug, workspace.worker(checkout, home)));
    const main = `[supervisord]\nnodaemon=true\nuser=${process.getuid?.() === 0 ? "root" : process.env.USER}\nlogfile=${join(home, "log")}\npidfile=${join(home, "pid")}\n`;
    writeFileSync(this.config, [main, ...programs].join("\n"));
    const { PATH, HOME } = workspace.environment;
    this.environment = { PATH, HOME };
  }

  #program(name, { start, dataRoot, environment }) {
    const file = join(dataRoot, "start.json");
    writeFileSync(file, JSON.stringify(start));
    const variables = Object.entries({ ...environment, BENCH_START: file, BENCH_READY: this.ready });
    const command = [process.execPath, ...WORKER_FLAGS, "--require", ALONE, join(DIST, "worker.js")].join(" ");
    const env = variables.map(([key, value]) => `${key}="${value}"`).join(",");
    return `[program:${name}]\ncommand=${command}\ndirectory=${dataRoot}\nenvironment=${env}\nstdout_logfile=NONE\nstderr_logfile=NONE\n`;
  }

  async restore() {
    writeFileSync(this.ready, "");
    const startedMs = performance.now();
    const child = spawn(PROGRAM, ["-c", this.config], { env: this.environment, stdio: "ignore" });
    const endedMs = await poll(() => (statSync(this.ready).size >= this.count ? performance.now() : undefined));
    child.kill("SIGTERM");
    await once(child, "exit");
    return endedMs - startedMs;
  }
}

async function isThere() {
  return run(PROGRAM, ["--version"]).then(
    () => true,
    () => false,
  );
}
