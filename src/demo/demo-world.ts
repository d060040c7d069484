// Everything the demo runs on: a directory of its own, the forge with three repositories and twelve issues in it, three
// checkouts, and the state directory of a daemon. The daemon itself is started by the caller.

import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

import { type SupervisorPaths, supervisorPaths } from "../core/paths.ts";
import { slugOf } from "../core/repository-name.ts";
import { type Forge, startForge } from "../forge/forge.ts";
import { SAMPLE_REPOSITORIES, type SampleRepository } from "./sample-repositories.ts";
import type { SampleIssue } from "./sample-issue.ts";

/** Logins on the forge. The daemon acts as the first; a person answers as the second. */
export const ROBOT = "hydraflow-demo";
export const OPERATOR = "operator";

const FIND_LABEL = "hydraflow-find";

export interface DemoIssue {
  readonly number: number;
  readonly sample: SampleIssue;
}

export interface DemoRepository {
  readonly fullName: string;
  readonly slug: string;
  readonly checkout: string;
  readonly issues: readonly DemoIssue[];
}

export interface DemoWorld extends AsyncDisposable {
  readonly directory: string;
  readonly forge: Forge;
  /** Of the robot; travels to the daemon in its environment. */
  readonly githubToken: string;
  readonly paths: SupervisorPaths;
  readonly repositories: readonly DemoRepository[];
}

export interface DemoWorldOptions {
  /** Program of the demo agent. */
  readonly agentCommand: string;
  /** How long each agent turn lasts, so that a person can watch. */
  readonly paceMs: number;
  readonly keepDirectory: boolean;
}

export async function makeDemoWorld(options: DemoWorldOptions, signal: AbortSignal): Promise<DemoWorld> {
  await using owned = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "hydraflow-demo-"));
  if (!options.keepDirectory) owned.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const githubToken = randomBytes(20).toString("hex");
  const forge = owned.use(
    await startForge({ port: 0, dataDir: join(directory, "forge"), ci: { command: "node --test" }, token: githubToken, login: ROBOT }, signal),
  );
  const paths = supervisorPaths(join(directory, "home"));
  await writeConfig(paths, forge.url, options);
  const repositories: DemoRepository[] = [];
  for (const sample of SAMPLE_REPOSITORIES) repositories.push(await makeRepository(forge, directory, githubToken, sample, signal));
  const kept = owned.move();
  return { directory, forge, githubToken, paths, repositories, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function writeConfig(paths: SupervisorPaths, forgeUrl: string, options: DemoWorldOptions): Promise<void> {
  const config = {
    githubApiUrl: forgeUrl,
    agentDriver: "demo",
    agentCommand: options.agentCommand,
    agentEnvironment: ["HYDRAFLOW_DEMO_PACE_MS"],
    pollIntervalMs: 500,
    ciPollIntervalMs: 300,
    claimLeaseMs: 60_000,
    minPlanWords: 50,
    respawnDelayMs: 200,
    respawnCountMax: 1_000,
  };
  await mkdir(paths.home, { recursive: true, mode: 0o700 });
  await writeFile(paths.config, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}

async function makeRepository(forge: Forge, directory: string, token: string, sample: SampleRepository, signal: AbortSignal): Promise<DemoRepository> {
  const fullName = `${sample.owner}/${sample.name}`;
  await forge.createRepository({ owner: sample.owner, name: sample.name, defaultBranch: "main" }, signal);
  await forge.addCollaborator(fullName, ROBOT, "write");
  await forge.addCollaborator(fullName, OPERATOR, "write");
  const checkout = join(directory, "checkouts", sample.name);
  await pushFirstCommit(checkout, `${forge.url}/${fullName}.git`, token, sample.files, signal);
  const issues: DemoIssue[] = [];
  for (const issue of sample.issues) {
    const { number } = await forge.createIssue(fullName, { title: issue.title, body: issue.body, labels: [FIND_LABEL], author: OPERATOR });
    issues.push({ number, sample: issue });
  }
  return { fullName, slug: slugOf({ owner: sample.owner, name: sample.name, fullName }), checkout, issues };
}

async function pushFirstCommit(checkout: string, url: string, token: string, files: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(checkout, path)), { recursive: true });
    await writeFile(join(checkout, path), content);
  }
  const git = (...args: string[]): Promise<unknown> => runGit(checkout, url, token, args, signal);
  await git("init", "-q", "-b", "main");
  await git("add", "-A");
  await git("commit", "-q", "-m", "Start the project");
  await git("remote", "add", "origin", url);
  await git("push", "-q", "-u", "origin", "main");
}

async function runGit(directory: string, url: string, token: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  const credentials = Buffer.from(`x-access-token:${token}`).toString("base64");
  await promisify(execFile)("git", args, {
    cwd: directory,
    signal,
    env: {
      PATH: process.env["PATH"] ?? "/usr/bin:/bin",
      HOME: directory,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_AUTHOR_NAME: OPERATOR,
      GIT_AUTHOR_EMAIL: `${OPERATOR}@example.com`,
      GIT_COMMITTER_NAME: OPERATOR,
      GIT_COMMITTER_EMAIL: `${OPERATOR}@example.com`,
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: `http.${new URL(url).origin}/.extraHeader`,
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${credentials}`,
    },
  });
}
