// The service works on this inside a container: the forge with repositories, and the operator's commands.

import { randomBytes } from "node:crypto";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

import { parseJsonObject } from "../../src/core/files/json-lines.ts";
import type { RepoEntry } from "../../src/core/messages/supervisor-control.ts";
import { SAMPLE_REPOSITORIES } from "../../src/demo/sample-repositories.ts";
import type { Container } from "./container.ts";

const PROJECT = fileURLToPath(new URL("../../", import.meta.url));
const FORGE_PORT = 9_000;
const FORGE = `http://127.0.0.1:${FORGE_PORT}`;
const GITHUB_TOKEN = randomBytes(20).toString("hex");
const FORGE_LOGIN = "hydraflow-test";
const OPERATOR = "operator";
const COLLABORATORS = { [FORGE_LOGIN]: "admin", [OPERATOR]: "write" };

export const INSTALLED = "/opt/hydraflow";
export const HOME = "/var/lib/hydraflow";
export const REPOSITORIES = SAMPLE_REPOSITORIES.map(({ owner, name }) => `${owner}/${name}`);

/** The container sees the Node of this run here. */
const NODE = process.execPath.startsWith(PROJECT)
  ? join(INSTALLED, relative(PROJECT, process.execPath))
  : process.execPath;

/** The gated agent looks here whether it may go on, and notes its turns. */
const GATE = `${HOME}/gate`;
const GATED_AGENT = {
  agentCommand: `${INSTALLED}/test/fixtures/agents/gated-agent.ts`,
  agentEnvironment: ["GATE_DIRECTORY"],
};

interface Pull {
  readonly merged_at: string | null;
  readonly head: { readonly ref: string };
}

export interface Turn {
  readonly role: string;
  readonly issue: number;
  readonly session: string;
  readonly isResumed: boolean;
}

export class ServiceWorld {
  readonly container: Container;
  /** The container calls the command like this. */
  readonly program: string;
  #controlToken = "";

  constructor(container: Container, program: string) {
    this.container = container;
    this.program = program;
  }

  /**
   * Starts the forge, with the sample repositories, as a service of its own, so that it is there after a reboot too.
   */
  async startForge(): Promise<void> {
    const unit = `[Service]\nExecStart=${INSTALLED}/bin/hydraflow forge --port ${FORGE_PORT} --data /var/lib/forge --ci true\n[Install]\nWantedBy=multi-user.target\n`;
    await this.container.write("/etc/systemd/system/forge.service", unit);
    await this.container.must("systemctl daemon-reload && systemctl enable --now forge");
    await this.#readControlToken();
    await this.#forge("tokens", { token: GITHUB_TOKEN, login: FORGE_LOGIN });
    for (const { owner, name, files } of SAMPLE_REPOSITORIES)
      await this.#forge("repositories", { owner, name, files, collaborators: COLLABORATORS });
  }

  /** Writes the settings of the daemon; `more` may be wrong on purpose. */
  async configure(more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const config = {
      githubApiUrl: FORGE,
      agentDriver: "demo",
      pollIntervalMs: 500,
      ciPollIntervalMs: 300,
      minPlanWords: 50,
      claimLeaseMs: 60_000,
      gateCommand: "true",
    };
    await this.container.must(`install -d -m 0700 -o hydraflow -g hydraflow ${HOME}`);
    for (const file of ["config.json", "github-token"])
      await this.container.must(`install -m 0600 -o hydraflow -g hydraflow /dev/null ${HOME}/${file}`);
    await this.container.write(`${HOME}/config.json`, JSON.stringify({ ...config, ...more }));
    await this.container.write(`${HOME}/github-token`, `${GITHUB_TOKEN}\n`);
  }

  /** Lets implementing turns wait while they are held, from the next start on. */
  async useGatedAgent(): Promise<void> {
    await this.configure(GATED_AGENT);
    await this.container.must(`install -d -o hydraflow -g hydraflow ${GATE} /etc/systemd/system/hydraflow.service.d`);
    const dropIn = "/etc/systemd/system/hydraflow.service.d/gate.conf";
    await this.container.write(dropIn, `[Service]\nEnvironment=GATE_DIRECTORY=${GATE}\n`);
    await this.container.must("systemctl daemon-reload");
  }

  async hold(): Promise<void> {
    await this.container.must(`touch ${GATE}/hold-implement`);
  }

  async release(): Promise<void> {
    await this.container.must(`rm ${GATE}/hold-implement`);
  }

  /** Gives every implementing turn that has begun since the last `forget`. */
  async turns(): Promise<Turn[]> {
    const lines = (await this.container.run(`cat ${GATE}/turns.jsonl`)).stdout.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Turn).filter(({ role }) => role === "implement");
  }

  async forgetTurns(): Promise<void> {
    await this.container.must(`rm ${GATE}/turns.jsonl`);
  }

  async cli(words: string): Promise<string> {
    return this.container.must(`HYDRAFLOW_HOME=${HOME} ${this.program} ${words}`);
  }

  async repositories(): Promise<RepoEntry[]> {
    const { code, stdout } = await this.container.run(`HYDRAFLOW_HOME=${HOME} ${this.program} list --json`);
    return code === 0 ? ((parseJsonObject(stdout)?.["repos"] ?? []) as RepoEntry[]) : [];
  }

  async allRunning(): Promise<boolean> {
    const repositories = await this.repositories();
    return repositories.length === REPOSITORIES.length && repositories.every(({ state }) => state === "running");
  }

  async show(property: string): Promise<string> {
    return (await this.container.must(`systemctl show --value --property ${property} hydraflow`)).trim();
  }

  /** Gives the pids of all processes of the service's user, as the container numbers them. */
  async processes(): Promise<number[]> {
    return pidsOf(await this.container.run("pgrep --uid hydraflow"));
  }

  /**
   * Gives the pids of processes that run a worker's program; a zombie has no command line and is none, and neither is a
   * child of a worker that is just about to become git or an agent.
   */
  async workers(): Promise<number[]> {
    const { stdout } = await this.container.run("ps -u hydraflow -o pid=,ppid=,args=");
    const rows = stdout.split("\n").filter((line) => line.includes("dist/worker.js"));
    const found = rows.map((line) => line.trim().split(/\s+/, 2).map(Number));
    const pids = found.map(([pid = 0]) => pid);
    return found.filter(([, parent = 0]) => !pids.includes(parent)).map(([pid = 0]) => pid);
  }

  /** Files one issue for each repository, the `which`th plain one, whose agent turns last some seconds. */
  async fileIssues(which = 0): Promise<void> {
    for (const { owner, name, issues } of SAMPLE_REPOSITORIES) {
      const plain = issues.filter(({ expected, answer }) => expected === "merged" && answer === null);
      const issue = plain[which];
      if (issue === undefined) throw new Error(`${name} has no plain issue`);
      const body = `${issue.body}\nSlow: 2000\n`;
      await this.#forge("issues", {
        repo: `${owner}/${name}`,
        title: issue.title,
        body,
        labels: ["hydraflow-find"],
        author: OPERATOR,
      });
    }
  }

  /** Says whether every issue is closed by exactly one merged pull request. */
  async allMergedOnce(): Promise<boolean> {
    for (const repository of REPOSITORIES) {
      const issues = (await this.#github(`/repos/${repository}/issues?state=all`)) as {
        number: number;
        state: string;
        pull_request?: unknown;
      }[];
      const pulls = (await this.#github(`/repos/${repository}/pulls?state=all`)) as Pull[];
      const asked = issues.filter((issue) => issue.pull_request === undefined);
      const branches = new Set(pulls.map(({ head }) => head.ref));
      if (branches.size < pulls.length) throw new Error(`${repository} has two pull requests for one issue`);
      const merged = pulls.filter(({ merged_at: at }) => at !== null);
      if (merged.length < asked.length || issues.some(({ state }) => state !== "closed")) return false;
    }
    return true;
  }

  async #readControlToken(): Promise<void> {
    await this.container.until("the forge says where it is", async () => {
      const { stdout } = await this.container.run("journalctl --unit forge --output cat --boot");
      const first = stdout
        .split("\n")
        .map((line) => parseJsonObject(line))
        .find((line) => line?.["controlToken"] !== undefined);
      const token = first?.["controlToken"];
      if (typeof token === "string") this.#controlToken = token;
      return typeof token === "string";
    });
  }

  async #forge(action: string, body: unknown): Promise<void> {
    await this.#fetch(`/_forge/${action}`, this.#controlToken, body);
  }

  async #github(path: string): Promise<unknown> {
    return this.#fetch(path, GITHUB_TOKEN, undefined);
  }

  async #fetch(path: string, token: string, body: unknown): Promise<unknown> {
    const init = {
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
    };
    const script = `const r = await fetch(${JSON.stringify(FORGE + path)}, ${JSON.stringify(init)}); const t = await r.text(); if (!r.ok) throw new Error(r.status + t); process.stdout.write(t);`;
    const encoded = Buffer.from(script).toString("base64");
    return JSON.parse(
      await this.container.must(`echo ${encoded} | base64 -d | ${NODE} --input-type=module`),
    ) as unknown;
  }
}

function pidsOf({ stdout }: { readonly stdout: string }): number[] {
  return stdout.split("\n").filter(Boolean).map(Number);
}
