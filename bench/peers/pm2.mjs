// PM2 restores the same bundle, as `pm2 resurrect` does after a reboot, with its defaults. PM2 imports a script, so the
// copy of the bundle that it gets also starts when it is imported.

import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { root } from "../../scripts/runtime.mjs";
import { DIST, poll, WORKER_FLAGS } from "../program.mjs";
import { ALONE } from "../raw.mjs";

const VERSION = "7.0.4";
const run = promisify(execFile);

export class Pm2 {
  name = `\`pm2 resurrect\` (PM2 ${VERSION}), same bundle`;
  goal = { atMost: 0.5 };

  /** Says why in one line when it cannot be had. */
  static async fetch(workspace, checkouts) {
    const cache = join(root, "node_modules", ".cache", "hydraflow-bench");
    const program = join(cache, "node_modules", "pm2", "bin", "pm2");
    mkdirSync(cache, { recursive: true });
    try {
      const options = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts", "--prefix", cache];
      if (statSync(program, { throwIfNoEntry: false }) === undefined)
        await run("npm", ["install", ...options, `pm2@${VERSION}`]);
    } catch (error) {
      return `PM2 (npm: ${error.message.split("\n", 1)[0]})`;
    }
    return new Pm2(workspace, checkouts, program);
  }

  constructor(workspace, checkouts, program) {
    this.program = program;
    this.count = checkouts.length;
    this.home = join(workspace.directory, "pm2");
    this.ready = join(this.home, "ready");
    const { PATH, HOME } = workspace.environment;
    this.environment = { PATH, HOME, PM2_HOME: this.home };
    const dist = join(workspace.directory, "dist");
    cpSync(DIST, dist, { recursive: true });
    const entry = join(dist, "worker.js");
    writeFileSync(entry, readFileSync(entry, "utf8").replace("import.meta.main", "true"));
    writeFileSync(join(dist, "package.json"), '{"type":"module"}');
    const apps = checkouts.map((checkout) => this.#app(entry, checkout.slug, workspace.worker(checkout, this.home)));
    writeFileSync(join(this.home, "fleet.json"), JSON.stringify({ apps }));
  }

  #app(script, name, { start, dataRoot, environment }) {
    const file = join(dataRoot, "start.json");
    writeFileSync(file, JSON.stringify(start));
    const env = { ...environment, BENCH_START: file, BENCH_READY: this.ready };
    const node_args = [...WORKER_FLAGS, "--require", ALONE];
    return { name, script, cwd: dataRoot, interpreter: process.execPath, node_args, env };
  }

  /** Gives the milliseconds until all are ready, with no PM2 running before. */
  async restore() {
    if (!this.isSaved) {
      writeFileSync(this.ready, "");
      await this.#call("start", join(this.home, "fleet.json"));
      await this.#allReady();
      await this.#call("save");
      await this.#call("kill");
      this.isSaved = true;
    }
    writeFileSync(this.ready, "");
    const startedMs = performance.now();
    const restored = this.#call("resurrect");
    const endedMs = await this.#allReady();
    await restored;
    await this.#call("kill");
    return endedMs - startedMs;
  }

  #allReady() {
    return poll(() => (statSync(this.ready).size >= this.count ? performance.now() : undefined));
  }

  #call(...args) {
    return run(process.execPath, [this.program, ...args], { env: this.environment, maxBuffer: 1e8 });
  }
}
