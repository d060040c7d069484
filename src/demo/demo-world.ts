// The demo runs on this: a directory of its own, the forge with the repositories and issues in it, their checkouts, and
// the state directory of a daemon. The caller starts the daemon itself.

import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { type SupervisorPaths, supervisorPaths } from "../core/files/paths.ts";
import { slugOf } from "../core/domain/repository-name.ts";
import { type Forge, startForge } from "../forge/forge.ts";
import { type GitPlace, runGit } from "./demo-git.ts";
import { SAMPLE_REPOSITORIES, type SampleRepository } from "./sample-repositories.ts";
import type { SampleIssue } from "./sample-issue.ts";

/** The forge knows these logins. The daemon acts as the first; a person answers as the second. */
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
  /** The list grows when issues are opened later. */
  readonly issues: DemoIssue[];
}

export interface DemoWorld extends AsyncDisposable {
  readonly directory: string;
  readonly forge: Forge;
  /** It is the robot's token, and travels to the daemon in its environment. */
  readonly githubToken: string;
  readonly paths: SupervisorPaths;
  readonly path: string;
  readonly repositories: readonly DemoRepository[];
}

export interface DemoWorldOptions {
  /** They are those of the demo when absent. */
  readonly samples?: readonly SampleRepository[];
  readonly keepDirectory: boolean;
  /** The daemon gets these settings beside the demo's own. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Git and other programs are found on this search path. */
  readonly path: string;
}

export async function makeDemoWorld(options: DemoWorldOptions, signal: AbortSignal): Promise<DemoWorld> {
  await using owned = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), "hydraflow-demo-"));
  if (!options.keepDirectory) owned.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 5 }));
  const githubToken = randomBytes(20).toString("hex");
  const forge = owned.use(
    await startForge(
      { port: 0, dataDir: join(directory, "forge"), ci: { command: "node --test" }, token: githubToken, login: ROBOT },
      signal,
    ),
  );
  const paths = supervisorPaths(join(directory, "home"));
  await writeConfig(paths, forge.url, options.settings);
  const repositories: DemoRepository[] = [];
  const place = { directory, token: githubToken, path: options.path };
  for (const sample of options.samples ?? SAMPLE_REPOSITORIES)
    repositories.push(await makeRepository(forge, place, sample, signal));
  const kept = owned.move();
  return {
    directory,
    forge,
    githubToken,
    paths,
    path: options.path,
    repositories,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

type Place = Omit<GitPlace, "url">;

async function writeConfig(
  paths: SupervisorPaths,
  forgeUrl: string,
  settings: DemoWorldOptions["settings"],
): Promise<void> {
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
    ...settings,
  };
  await mkdir(paths.home, { recursive: true, mode: 0o700 });
  await writeFile(paths.config, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
}

async function makeRepository(
  forge: Forge,
  place: Place,
  sample: SampleRepository,
  signal: AbortSignal,
): Promise<DemoRepository> {
  const { owner, name, files } = sample;
  const collaborators = { [OPERATOR]: "write" } as const;
  const { fullName, cloneUrl: url } = await forge.createRepository({ owner, name, files, collaborators });
  const checkout = join(place.directory, "checkouts", name);
  await mkdir(checkout, { recursive: true });
  await runGit({ ...place, directory: checkout, url }, ["clone", "-q", url, "."], signal);
  const repository: DemoRepository = { fullName, slug: slugOf({ owner, name, fullName }), checkout, issues: [] };
  for (const issue of sample.issues) await openIssue(forge, repository, issue);
  return repository;
}

/** Opens an issue as a person does who wants it done. */
export async function openIssue(forge: Forge, repository: DemoRepository, sample: SampleIssue): Promise<void> {
  const { title, body } = sample;
  const labels = [FIND_LABEL];
  const number = await forge.createIssue(repository.fullName, { title, body, labels, author: OPERATOR });
  repository.issues.push({ number, sample });
}
