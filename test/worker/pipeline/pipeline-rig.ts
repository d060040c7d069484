// Puts a whole worker together around a GitHub in memory, a scripted agent and real git: everything but the network and
// the agent is what ships. A rig outlives its workers, as GitHub and the disk do.

import { chmod, mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

import { systemClock } from "../../../src/core/base/clock.ts";
import { resolveConfig } from "../../../src/core/config/config-layers.ts";
import { parseRepositoryName } from "../../../src/core/domain/repository-name.ts";
import { ok } from "../../../src/core/base/result.ts";
import type { CheckState, Issue } from "../../../src/worker/github/port/github.ts";
import type { HitlState, IssueState } from "../../../src/worker/state/issue-state.ts";
import { fixedCredential } from "../../../src/worker/github/port/credential.ts";
import { RepoRuntime } from "../../../src/worker/runtime/repo-runtime.ts";
import { outcomeOf, pauseOf, questionOf, runOf } from "../../../src/worker/state/issue-way.ts";
import { type MemoryClient, MemoryGitHub } from "../../support/memory-github.ts";
import { ScriptedAgent } from "../../support/scripted-agent.ts";
import { sh } from "../git/git-fixture.ts";
import { BareBranches } from "./bare-branches.ts";

/** Whoever uses a rig asks git about its checkout and its remote with this. */
export { sh };

const WAIT_MS = 240_000;
export const PASSED: CheckState = { kind: "passed", total: 1, names: ["test"] };
const NEVER = new AbortController().signal;
const BODY = "We need a part that says which issue it belongs to, in a file of its own, so that others can find it.";

export interface RigOptions {
  readonly files?: Readonly<Record<string, string>>;
  readonly config?: Readonly<Record<string, unknown>>;
}

export class PipelineRig implements AsyncDisposable {
  readonly directory: string;
  readonly bare: string;
  readonly checkout: string;
  readonly world: MemoryGitHub;
  agent = new ScriptedAgent();
  /** The server says this of a commit's checks. */
  checks: (sha: string) => CheckState = () => PASSED;
  /** The workers' wall clock is this far ahead. */
  clockShiftMs = 0;
  /** It is the client of the worker that was started last. */
  client!: MemoryClient;
  readonly #options: RigOptions;
  readonly #workers: RepoRuntime[] = [];

  static async create(options: RigOptions = {}): Promise<PipelineRig> {
    const directory = await realpath(await mkdtemp(join(tmpdir(), "hydraflow-pipeline-")));
    const rig = new PipelineRig(directory, options);
    await rig.#makeRemote();
    return rig;
  }

  private constructor(directory: string, options: RigOptions) {
    this.directory = directory;
    this.#options = options;
    this.bare = join(directory, "remotes", "acme", "web.git");
    this.checkout = join(directory, "checkout", "web");
    this.world = new MemoryGitHub({ branches: new BareBranches(this.bare) });
    // A worker asks once for a branch, to see whether checks can be read at all.
    this.world.checksOf = (ref) => (/^[0-9a-f]{40}$/.test(ref) ? this.checks(ref) : { kind: "none" });
  }

  /** `data` names the data root and `worktrees` their place: other names are a worker on another machine. */
  async start(
    overrides: Readonly<Record<string, unknown>> = {},
    { data = "one", worktrees = "one", path = process.env["PATH"] } = {},
  ): Promise<RepoRuntime> {
    const repository = parseRepositoryName("acme/web");
    const given = {
      pollIntervalMs: 200,
      ciPollIntervalMs: 100,
      minPlanWords: 20,
      gateCommand: "test ! -e broken.txt",
      ...this.#options.config,
      ...overrides,
    };
    const values = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
    const config = resolveConfig([{ source: "test", kind: "command-line", values }]);
    if (!repository.ok || !config.ok) throw new Error("the rig's own settings are wrong");
    this.client = this.world.connect();
    const { client } = this;
    const settings = {
      ...config.value,
      githubGitUrl: `file://${join(this.directory, "remotes")}`,
      worktreeBase: join(this.directory, "worktrees", worktrees),
    };
    const runtime = await RepoRuntime.create(
      {
        repository: repository.value,
        // The checkout's origin is a directory.
        isNamed: true,
        slug: "acme-web",
        checkout: this.checkout,
        dataRoot: this.dataRoot(data),
        clones: null,
        config: settings,
        loadConfig: () => Promise.resolve(ok(settings)),
        boot: `boot-${this.#workers.length + 1}`,
        generation: this.#workers.length + 1,
        environment: { PATH: path },
        marks: {},
        secrets: [],
        connect: () => Promise.resolve(ok({ github: client, credential: fixedCredential("a-token-for-tests") })),
        createAgent: () => Promise.resolve(this.agent),
        allowFileRemote: true,
        clock: { ...systemClock, now: () => new Date(Date.now() + this.clockShiftMs) },
      },
      NEVER,
    );
    this.#workers.push(runtime);
    runtime.start();
    return runtime;
  }

  dataRoot(data = "one"): string {
    return join(this.directory, "data", data, "acme-web");
  }

  addIssue(title = "Add the missing part", label = "find", body = BODY): Issue {
    return this.world.addIssue({ title, body, labels: label === "" ? [] : [`hydraflow-${label}`] });
  }

  /** Lists stage labels without their prefix, in the order in which GitHub has them. */
  labels(issue: number): string[] {
    return this.world.issue(issue).labels.map((label) => label.replace("hydraflow-", ""));
  }

  /** Lists the writes of this method, with what they say. */
  writes(method: string): string[] {
    return this.world.writes.filter((write) => write.method === method).map(({ detail }) => detail);
  }

  commentsOf(issue: number, heading: string): string[] {
    return this.world
      .commentsOf(issue)
      .map(({ body }) => body)
      .filter((body) => body.startsWith(heading));
  }

  pulls(): number[] {
    return [...this.world.issues.values()].filter(({ pull }) => pull !== null).map(({ number }) => number);
  }

  /** Waits until it is so; the failure says what it waited for and what the issues looked like. */
  async until(what: string, isSo: () => boolean): Promise<void> {
    const deadline = Date.now() + WAIT_MS;
    while (!isSo()) {
      if (Date.now() > deadline) throw new Error(`never: ${what}\n${this.#picture()}`);
      await delay(10);
    }
  }

  async untilLabel(issue: number, label: string): Promise<void> {
    await this.until(`#${issue} gets the label ${label}`, () => {
      const labels = this.labels(issue);
      return labels.includes(label) && !labels.some((other) => other !== label && STAGE_WORDS.has(other));
    });
  }

  async untilState(
    runtime: RepoRuntime,
    issue: number,
    what: string,
    isSo: (state: IssueState) => boolean,
  ): Promise<void> {
    await this.until(`the state of #${issue}: ${what}`, () => isSo(runtime.state.issue(issue)));
  }

  /** Waits until a person is asked and nobody works on the issue any more; gives the question. */
  async untilHandedOver(runtime: RepoRuntime, issue: number): Promise<HitlState | null> {
    await this.untilState(
      runtime,
      issue,
      "is handed over",
      (entry) => questionOf(entry) !== null && runOf(entry) === null,
    );
    return questionOf(runtime.state.issue(issue));
  }

  async untilEnded(runtime: RepoRuntime, issue: number): Promise<void> {
    await this.untilState(runtime, issue, "has ended", (entry) => outcomeOf(entry) !== null);
  }

  /** Waits until the issue waits for a reason that has these words. */
  async untilWaits(runtime: RepoRuntime, issue: number, words: string): Promise<void> {
    const waits = (entry: IssueState): boolean => pauseOf(entry)?.reason.includes(words) === true;
    await this.untilState(runtime, issue, `waits: ${words}`, waits);
  }

  /** Leaves the checks of every commit pending until the test calls what this gives. */
  holdChecks(): () => void {
    let isPending = true;
    this.checks = () => (isPending ? { kind: "pending", pending: 1, total: 1 } : PASSED);
    return () => {
      isPending = false;
    };
  }

  /** Starts a worker on one issue whose checks are pending until the test calls `passChecks`. */
  async waitForChecks(): Promise<{ issue: Issue; worker: RepoRuntime; passChecks: () => void }> {
    const passChecks = this.holdChecks();
    const issue = this.addIssue();
    const worker = await this.start();
    await this.untilWaits(worker, issue.number, "pending");
    return { issue, worker, passChecks };
  }

  /** Starts a worker on one issue, which it hands over to a person. */
  async askPerson(): Promise<{ issue: Issue; worker: RepoRuntime }> {
    const issue = this.addIssue();
    const worker = await this.start();
    await this.untilHandedOver(worker, issue.number);
    return { issue, worker };
  }

  /** Commits files to a branch of the remote, as somebody else. */
  async commitToRemote(branch: string, files: Readonly<Record<string, string>>): Promise<string> {
    const clone = await mkdtemp(join(this.directory, "other-"));
    sh(this.directory, "clone", "-q", "--branch", branch, this.bare, clone);
    await writeFiles(clone, files);
    sh(clone, "add", "-A");
    sh(clone, "commit", "-q", "-m", "Somebody else's change");
    sh(clone, "push", "-q", "origin", branch);
    return sh(clone, "rev-parse", "HEAD");
  }

  /** The content of a file on a branch of the remote; null when it is not there. */
  fileOn(branch: string, path: string): string | null {
    try {
      return sh(this.bare, "show", `${branch}:${path}`);
    } catch {
      return null;
    }
  }

  /** The same, in a commit. */
  fileIn(sha: string, path: string): string | null {
    return this.fileOn(sha, path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker[Symbol.asyncDispose]().catch(() => undefined)));
    await rm(this.directory, { recursive: true, force: true, maxRetries: 3 });
  }

  async #makeRemote(): Promise<void> {
    const seed = join(this.directory, "seed");
    await mkdir(this.bare, { recursive: true });
    await mkdir(seed, { recursive: true });
    sh(this.bare, "init", "-q", "--bare", "-b", "main");
    sh(seed, "init", "-q", "-b", "main");
    await writeFiles(seed, { "README.md": "one\ntwo\nthree\n", ...this.#options.files });
    sh(seed, "add", "-A");
    sh(seed, "commit", "-q", "-m", "First");
    sh(seed, "push", "-q", this.bare, "main");
    await mkdir(dirname(this.checkout), { recursive: true });
    sh(this.directory, "clone", "-q", this.bare, this.checkout);
    await chmod(this.checkout, 0o755);
  }

  #picture(): string {
    const issues = [...this.world.issues.values()].map(
      ({ number, state, labels }) => `#${number} ${state} [${labels.join(" ")}]`,
    );
    const states = [...(this.#workers.at(-1)?.state.issues() ?? [])].map(
      ([number, state]) => `#${number} ${JSON.stringify(state).slice(0, 3_000)}`,
    );
    return [...issues, `notice: ${this.#workers.at(-1)?.notice}`, ...states].join("\n");
  }
}

const STAGE_WORDS = new Set(["find", "plan", "ready", "review", "hitl", "fixed", "dup"]);

async function writeFiles(directory: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }
}
