// The workspace is a directory that is thrown away, with checkouts and state directories made in it. Workers get an
// address for GitHub where nobody listens, so they come up, say so, and stay idle.

import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EMPTY_DOCUMENT, encodeDocument } from "../src/daemon/registry/registry-document.ts";

const NOBODY = "http://127.0.0.1:9";

export class Workspace {
  #checkouts = 0;
  #homes = 0;

  static async create() {
    return new Workspace(mkdtempSync(join(tmpdir(), "hydraflow-bench-")));
  }

  constructor(directory) {
    this.directory = directory;
    mkdirSync(join(directory, "checkouts"));
    const template = join(directory, "template");
    execFileSync("git", ["init", "-q", "--template=", template]);
  }

  /** Every daemon and worker has this environment; nothing else of the caller's is handed on. */
  get environment() {
    return {
      PATH: process.env.PATH,
      HOME: this.directory,
      GITHUB_TOKEN: "bench-token",
      HYDRAFLOW_GITHUB_API_URL: NOBODY,
      HYDRAFLOW_RESPAWN_DELAY_MS: "0",
      HYDRAFLOW_RESPAWN_COUNT_MAX: "10000",
      HYDRAFLOW_RESPAWN_WINDOW_MS: "1000",
    };
  }

  /** Makes a checkout whose origin names `bench/r<n>`. */
  checkout() {
    this.#checkouts += 1;
    const name = `r${this.#checkouts}`;
    const path = join(this.directory, "checkouts", name);
    cpSync(join(this.directory, "template"), path, { recursive: true });
    const origin = `[remote "origin"]\n\turl = ${NOBODY}/bench/${name}.git\n`;
    writeFileSync(join(path, ".git", "config"), `[core]\n\trepositoryformatversion = 0\n${origin}`);
    return { path, repo: `bench/${name}`, slug: `bench-${name}` };
  }

  /**
   * Makes a state directory with so many repositories registered; `desired` says whether a start of the daemon starts
   * them.
   */
  home(count, desired = "running") {
    this.#homes += 1;
    const home = join(this.directory, `home${this.#homes}`);
    mkdirSync(home, { mode: 0o700 });
    const checkouts = Array.from({ length: count }, () => this.checkout());
    const repos = checkouts.map((checkout) => recordOf(home, checkout, desired));
    writeFileSync(join(home, "supervisor-state.json"), encodeDocument({ ...EMPTY_DOCUMENT, repos }), { mode: 0o600 });
    return { home, checkouts };
  }

  /** Gives the message that a supervisor would start this worker with, and its environment. */
  worker({ path, repo, slug }, home) {
    const dataRoot = join(home, slug);
    mkdirSync(dataRoot, { recursive: true, mode: 0o700 });
    const { GITHUB_TOKEN, HYDRAFLOW_GITHUB_API_URL, PATH, HOME } = this.environment;
    const start = {
      type: "start",
      nonce: `nonce-${slug}`,
      generation: 1,
      repo,
      slug,
      checkout: path,
      dataRoot,
      acceptedTokenHashes: ["0".repeat(64)],
      githubToken: GITHUB_TOKEN,
      config: { file: null, environment: { HYDRAFLOW_GITHUB_API_URL }, commandLine: {} },
    };
    const environment = {
      PATH,
      HOME,
      NODE_COMPILE_CACHE: join(HOME, ".cache", "hydraflow"),
      HYDRAFLOW_HOME: dataRoot,
      HYDRAFLOW_TREE: "bench",
      HYDRAFLOW_BIRTH: `bench-${slug}`,
    };
    return { start, dataRoot, environment };
  }

  async [Symbol.asyncDispose]() {
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10 });
  }
}

function recordOf(home, { path, repo, slug }, desired) {
  return {
    path,
    slug,
    port: 0,
    dashboard_url: "http://localhost:0",
    log_file: join(home, slug, "logs", "worker.log"),
    repo,
    repo_slug: false,
    desired,
    quarantine: null,
    added_at: "2026-01-01T00:00:00.000Z",
  };
}
