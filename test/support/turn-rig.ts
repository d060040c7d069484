// The rig has a repository on the forge with one issue, and an agent whose turns the test holds and lets go. The
// forge's ledger, the agent's own notes and the default branch show what the daemon did.

import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { processIdentity } from "../../src/core/processes/process-tree.ts";
import { ROBOT } from "../../src/demo/demo-world.ts";
import { countDuplicates } from "../../src/demo/verdict.ts";
import { type Forge, startForge } from "../../src/forge/forge.ts";
import { until } from "./daemon-rig.ts";
import { git } from "./sample-checkout.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "./temporary-directory.ts";

const AGENT = fileURLToPath(new URL("../fixtures/agents/gated-agent.ts", import.meta.url));
const REPOSITORY = "acme/web";
export const SLUG = "acme-web";
const MANIFEST = '{"type":"module","scripts":{"test":"node --test"}}\n';
const CHECK = `\`\`\`js file=test/NAME.test.js\nimport assert from 'node:assert/strict';\nimport { test } from 'node:test';\nimport { answer } from '../src/NAME.js';\ntest('answers', () => assert.equal(answer, 42));\n\`\`\`\n`;
const OPERATOR = "operator";
const QUESTION_MARK = /<!-- hydraflow:\S*comment\/question/;

export type Role = "triage" | "plan" | "implement" | "review" | "hitl";

export interface Turn {
  readonly role: Role;
  readonly issue: number;
  readonly session: string;
  readonly isResumed: boolean;
  /** One is the agent's, the other that of its child, which left the process group. */
  readonly pids: readonly [number, number];
}

interface Outcome {
  readonly pulls: number;
  readonly merges: number;
  readonly doubled: number;
}

export const MERGED_ONCE: Outcome = { pulls: 1, merges: 1, doubled: 0 };

export class TurnRig implements AsyncDisposable {
  readonly directory: string;
  readonly forge: Forge;
  readonly #owned: AsyncDisposableStack;

  static async make(): Promise<TurnRig> {
    await using owned = new AsyncDisposableStack();
    const world: TemporaryDirectory = owned.use(await makeTemporaryDirectory());
    await mkdir(world.file("gate"));
    const ci = { command: "node --test" };
    const forge = owned.use(await startForge({ port: 0, dataDir: world.file("forge"), ci, login: ROBOT }));
    const files = { "package.json": MANIFEST, "README.md": "web\n" };
    await forge.createRepository({ owner: "acme", name: "web", files, collaborators: { [OPERATOR]: "write" } });
    await git(world.path, "clone", "-q", `${forge.url}/${REPOSITORY}.git`, "web");
    return new TurnRig(world.path, forge, owned.move());
  }

  private constructor(directory: string, forge: Forge, owned: AsyncDisposableStack) {
    this.directory = directory;
    this.forge = forge;
    this.#owned = owned;
  }

  get checkout(): string {
    return join(this.directory, "web");
  }

  /** The daemon runs with this configuration. */
  get config(): Record<string, unknown> {
    return {
      githubApiUrl: this.forge.url,
      agentDriver: "demo",
      agentCommand: AGENT,
      agentEnvironment: ["GATE_DIRECTORY"],
      worktreeBase: join(this.directory, "worktrees"),
      pollIntervalMs: 300,
      ciPollIntervalMs: 200,
      minPlanWords: 50,
      claimLeaseMs: 60_000,
      gateCommand: "true",
      respawnDelayMs: 20,
      respawnDelayMaxMs: 100,
      respawnCountMax: 1_000,
    };
  }

  get environment(): Record<string, string> {
    return { GITHUB_TOKEN: this.forge.token, GATE_DIRECTORY: this.#gate() };
  }

  /** The issue asks for a module of this name. `more` are further lines for the agent. */
  fileIssue(name = "answer", more = ""): Promise<number> {
    const change = `\`\`\`js file=src/${name}.js\nexport const answer = 42;\n\`\`\`\n`;
    const check = CHECK.replaceAll("NAME", name);
    const body = `Somebody has to say what the ${name} is.\n\n${more}\n\n${change}\n${check}`;
    const issue = { title: `Say the ${name}`, body, labels: ["hydraflow-find"], author: OPERATOR };
    return this.forge.createIssue(REPOSITORY, issue);
  }

  labels(issue: number): readonly string[] {
    return this.forge.issue(REPOSITORY, issue).labels;
  }

  /** Turns of this role wait from now on. */
  async hold(role: Role): Promise<void> {
    await writeFile(this.#gate(`hold-${role}`), "");
  }

  async release(role: Role): Promise<void> {
    await rm(this.#gate(`hold-${role}`));
  }

  /** The turns come oldest first, and those that have ended are among them. */
  async turns(role: Role): Promise<Turn[]> {
    const lines = (await readFile(this.#gate("turns.jsonl"), "utf8").catch(() => "")).split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Turn).filter((turn) => turn.role === role);
  }

  /** Gives the `count`th turn of this role, of this issue where it is given, as soon as it has begun. */
  async turn(role: Role, count = 1, issue?: number): Promise<Turn> {
    const look = async (): Promise<Turn | undefined> =>
      (await this.turns(role)).filter((turn) => issue === undefined || turn.issue === issue)[count - 1];
    await until(async () => (await look()) !== undefined, `turn ${count} of ${role} has begun`);
    return (await look()) as Turn;
  }

  /** Answers as a person does it, with a comment below the question. */
  async answer(issue: number): Promise<void> {
    const isAsked = (): boolean => this.forge.comments(REPOSITORY, issue).some(({ body }) => QUESTION_MARK.test(body));
    await until(isAsked, `a question on issue ${issue}`);
    await this.forge.addComment(REPOSITORY, issue, OPERATOR, "It is 42.");
  }

  /** Gives what the first implementing turn wrote before it had to wait. */
  async halfDone(issue: number): Promise<string> {
    return readFile(join(this.directory, "worktrees", SLUG, `issue-${issue}`, `half-${issue}.txt`), "utf8");
  }

  /** Resolves as soon as the issue is fixed; `doubled` counts every effect of any issue that came more than once. */
  async outcome(issue: number): Promise<Outcome> {
    await until(
      () => this.labels(issue).includes("hydraflow-fixed") && this.forge.issue(REPOSITORY, issue).state === "closed",
      `issue ${issue} is fixed`,
    );
    await until(() => !this.labels(issue).includes("hydraflow-in-progress"), "its claim is given back");
    const headBranch = `agent/issue-${issue}`;
    const pulls = this.forge.pulls(REPOSITORY).filter((pull) => pull.headBranch === headBranch);
    const numbers = pulls.map(({ number }) => number);
    const merges = this.forge.ledger.filter(
      ({ kind, number }) => kind === "pull.merged" && number !== undefined && numbers.includes(number),
    );
    return { pulls: pulls.length, merges: merges.length, doubled: countDuplicates(this.forge.ledger) };
  }

  /** Gives a file of the default branch as it is now. */
  async merged(path: string): Promise<string> {
    await git(this.checkout, "fetch", "-q", "origin");
    return git(this.checkout, "show", `origin/main:${path}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned.disposeAsync();
  }

  #gate(...parts: string[]): string {
    return join(this.directory, "gate", ...parts);
  }
}

/** Resolves when neither the turn's agent nor its child is there. */
export async function gone({ pids }: Turn): Promise<void> {
  for (const pid of pids) await until(async () => (await processIdentity(pid)) === null, `process ${pid} is gone`);
}
