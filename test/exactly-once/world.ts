// All trials share a forge; each trial has a repository of its own with one issue, a checkout, a home, and a worker
// that lives as often as the trial lets it. The worker is the built program in a process of its own.

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import type { Forge } from "../../src/forge/forge.ts";
import { CLI } from "../support/built-program.ts";
import type { FaultServer } from "./fault-server.ts";
import type { Path } from "./paths.ts";
import { orphansOnDisk } from "./orphans-on-disk.ts";
import { problemsOf, unfinished } from "./verdict.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const BODY = "We need a part that says which issue it belongs to, in a file of its own, so that others can find it.";
const OPERATOR = "operator";
const LOOK_MS = 40;
const runFile = promisify(execFile);
/** The workers that live are known here, so that a run that is ended early leaves none behind. */
const living = new Set<ChildProcess>();
process.once("exit", () => living.forEach((worker) => worker.kill("SIGKILL")));

export interface Strike {
  /**
   * The strike falls at a boundary by its name, the `count`-th time in this life; or at the `nth` of this life,
   * whichever it is.
   */
  readonly name?: string;
  readonly count?: number;
  readonly nth?: number;
  /** Each of these calls goes wrong the first time, by the name of its boundary, and the worker does not die. */
  readonly faults?: Readonly<Record<string, string>>;
}

export interface Life {
  /** Names of the boundaries that the life passed stand in order. */
  readonly passed: readonly string[];
  /** The life was struck at these; it is empty when it never came there. */
  readonly struck: readonly string[];
}

export interface World {
  readonly forge: Forge;
  readonly faults: FaultServer;
  readonly directory: string;
  /** A life is given up when nothing has happened on the forge for so long. */
  readonly patienceMs: number;
  /** The control's worker loses its journal with its life. */
  readonly isForgetful: boolean;
}

export class Trial {
  readonly repo: string;
  readonly path: Path;
  readonly #world: World;
  readonly #directory: string;
  #lives = 0;
  #answered = false;

  static async make(world: World, path: Path, name: string): Promise<Trial> {
    const trial = new Trial(world, path, name);
    await trial.#prepare();
    return trial;
  }

  private constructor(world: World, path: Path, name: string) {
    this.#world = world;
    this.path = path;
    this.repo = `acme/${name}`;
    this.#directory = join(world.directory, name);
  }

  /** Agents were paid for these turns, by role. */
  get turns(): readonly string[] {
    return linesOf(join(this.#directory, "turns"));
  }

  /** Lets the worker live once: until it is struck dead, or until nothing is left to do. */
  async live(strike: Strike | null): Promise<Life> {
    this.#lives += 1;
    const log = join(this.#directory, `life-${this.#lives}`);
    const { promise, resolve } = Promise.withResolvers<void>();
    const worker = this.#spawn(log, strike);
    worker.once("exit", () => {
      living.delete(worker);
      resolve();
    });
    await this.#untilFinished(() => !living.has(worker));
    if (living.has(worker)) worker.kill("SIGTERM");
    await promise;
    if (this.#world.isForgetful) await rm(this.#journal, { force: true });
    const passed = linesOf(log);
    const struck = passed.filter((_line, index) => passed[index + 1] === "struck");
    return { passed: passed.filter((line) => line !== "struck"), struck };
  }

  /** Says what the forge shows to be wrong; it is empty when everything happened once and nothing is left over. */
  problems(): string[] {
    return [...problemsOf(this.#world.forge, this.repo, this.path), ...orphansOnDisk(this.#directory)];
  }

  async #untilFinished(isDead: () => boolean): Promise<void> {
    const { forge, patienceMs } = this.#world;
    let known = -1;
    let lastMs = Date.now();
    const isUnfinished = () =>
      unfinished(forge, this.repo, this.path).length > 0 || orphansOnDisk(this.#directory).length > 0;
    while (!isDead() && Date.now() - lastMs < patienceMs && isUnfinished()) {
      const entries = forge.ledger.filter(({ repo }) => repo === this.repo).length;
      if (entries !== known) lastMs = Date.now();
      known = entries;
      await this.#answer();
      await delay(LOOK_MS);
    }
  }

  /** A person answers, once, when the question stands. */
  async #answer(): Promise<void> {
    const { forge } = this.#world;
    const { answer } = this.path;
    if (answer === null || this.#answered || !forge.issue(this.repo, 1).labels.includes("hydraflow-hitl")) return;
    this.#answered = true;
    await forge.addComment(this.repo, 1, OPERATOR, answer);
  }

  async #prepare(): Promise<void> {
    const { forge } = this.#world;
    const { files, ci } = this.path;
    const [owner = "", name = ""] = this.repo.split("/");
    const collaborators = { [OPERATOR]: "write" } as const;
    await forge.createRepository({ owner, name, files, ci: { command: ci }, collaborators });
    const labels = ["hydraflow-find"];
    await forge.createIssue(this.repo, { title: "Add the missing part", body: BODY, labels, author: OPERATOR });
    mkdirSync(join(this.#directory, "home"), { recursive: true, mode: 0o700 });
    const url = new URL(`${forge.url}/${this.repo}.git`);
    const access = new URL(url);
    access.username = "x-access-token";
    access.password = forge.token;
    await git(this.#directory, "clone", "-q", access.href, "checkout");
    await git(join(this.#directory, "checkout"), "remote", "set-url", "origin", url.href);
    this.#configure();
  }

  get #journal(): string {
    return join(this.#directory, "home", this.repo.replace("/", "-"), "journal.jsonl");
  }

  #configure(): void {
    const { forge } = this.#world;
    const agent = join(this.#directory, "agent");
    const words = [process.execPath, join(HERE, "agent.mjs"), this.path.name, join(this.#directory, "turns")];
    writeFileSync(agent, `#!/bin/sh\nexec ${words.map((word) => `'${word}'`).join(" ")} "$@"\n`, { mode: 0o755 });
    const config = {
      githubApiUrl: `${forge.url}/api/v3`,
      agentCommand: agent,
      agentEnvironment: ["EXACTLY_ONCE_MOVE_BASE"],
      gateCommand: this.path.gate,
      pollIntervalMs: 1_000,
      ciPollIntervalMs: 200,
      checksSettleMs: 0,
      claimLeaseMs: 30_000,
      minPlanWords: 20,
    };
    writeFileSync(join(this.#directory, "home", "config.json"), JSON.stringify(config), { mode: 0o600 });
  }

  #spawn(log: string, strike: Strike | null) {
    const { forge, faults } = this.#world;
    const order = { log, api: forge.url, faultServer: faults.url, strike: strike ?? undefined };
    const body = {
      repo: this.repo,
      branch: "main",
      message: "Somebody else's part",
      files: { "part.txt": "another part\n" },
    };
    const move = {
      url: `${forge.url}/_forge/commits`,
      token: forge.controlToken,
      body,
      marker: join(this.#directory, "moved"),
    };
    const home = join(this.#directory, "home");
    const worker = spawn(process.execPath, [CLI, "worker", "--home", home, join(this.#directory, "checkout")], {
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        PATH: process.env["PATH"],
        HOME: this.#directory,
        GITHUB_TOKEN: forge.token,
        NODE_OPTIONS: `--import=${join(HERE, "boundaries.mjs")}`,
        EXACTLY_ONCE: JSON.stringify(order),
        EXACTLY_ONCE_MOVE_BASE: JSON.stringify(move),
      },
    });
    living.add(worker);
    worker.stderr.on("data", (chunk: Buffer) =>
      writeFileSync(join(this.#directory, "worker.out"), chunk, { flag: "a" }),
    );
    return worker;
  }
}

function linesOf(file: string): string[] {
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "");
}

/** The forge answers from this very process, so nothing here may wait for git on the thread. */
async function git(directory: string, ...words: readonly string[]): Promise<void> {
  await runFile("git", words, { cwd: directory });
}
