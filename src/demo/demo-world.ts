// Everything the demo runs on: a directory of its own, the forge with three repositories and twelve issues in it, three
// checkouts, and the state directory of a daemon. The daemon itself is started by the caller.

import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { type SupervisorPaths, supervisorPaths } from "../core/paths.ts";
import { slugOf } from "../core/repository-name.ts";
import { type Forge, startForge } from "../forge/forge.ts";
import { type GitPlace, runGit } from "./demo-git.ts";
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
  readonly path: string;
  readonly repositories: readonly DemoRepository[];
}

export interface DemoWorldOptions {
  readonly keepDirectory: boolean;
  /** Where git and other programs are found. */
  readonly path: string;
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
  await writeConfig(paths, forge.url);
  const repositories: DemoRepository[] = [];
  const place = { directory, token: githubToken, path: options.path };
  for (const sample of SAMPLE_REPOSITORIES) repositories.push(await makeRepository(forge, place, sample, signal));
  const kept = owned.move();
  return { directory, forge, githubToken, paths, path: options.path, repositories, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

type Place = Omit<GitPlace, "url">;

async function writeConfig(paths: SupervisorPaths, forgeUrl: string): Promise<void> {
  const config = {
    githubApiUrl: forgeUrl,
    agentDriver: "demo",
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

async function makeRepository(forge: Forge, place: Place, sample: SampleRepository, signal: AbortSignal): Promise<DemoRepository> {
  const fullName = `${sample.owner}/${sample.name}`;
  await forge.createRepository({ owner: sample.owner, name: sample.name, defaultBranch: "main" });
  await forge.addCollaborator(fullName, ROBOT, "write");
  await forge.addCollaborator(fullName, OPERATOR, "write");
  const checkout = join(place.directory, "checkouts", sample.name);
  await pushFirstCommit({ ...place, directory: checkout, url: `${forge.url}/${fullName}.git` }, sample.files, signal);
  const issues: DemoIssue[] = [];
  for (const issue of sample.issues) {
    const number = await forge.createIssue(fullName, { title: issue.title, body: issue.body, labels: [FIND_LABEL], author: OPERATOR });
    issues.push({ number, sample: issue });
  }
  return { fullName, slug: slugOf({ owner: sample.owner, name: sample.name, fullName }), checkout, issues };
}

async function pushFirstCommit(place: GitPlace, files: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(place.directory, path)), { recursive: true });
    await writeFile(join(place.directory, path), content);
  }
  const git = (...args: string[]): Promise<string> => runGit(place, args, signal);
  await git("init", "-q", "-b", "main");
  await git("add", "-A");
  await git("commit", "-q", "-m", "Start the project");
  await git("remote", "add", "origin", place.url);
  await git("push", "-q", "-u", "origin", "main");
}
