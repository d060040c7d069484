// Gets what a worker needs before it can work on issues: a credential, a checkout, GitHub's answer and a sound git
// directory. Each of them may be missing for hours; then the worker stays up, says what it waits for, and tries again.

import { stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { findGitLfs } from "../../core/checkout/lfs.ts";
import type { Clock } from "../../core/base/clock.ts";
import type { Config } from "../../core/config/config.ts";
import { gitUrlOf } from "../../core/config/github-token.ts";
import type { Log } from "../../core/logs/log.ts";
import { type WorkerPaths, worktreeRoot } from "../../core/files/paths.ts";
import type { Redactor } from "../../core/logs/redact.ts";
import type { RepositoryName } from "../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import type { Attention } from "../attention/attention.ts";
import { attentiveGitHub } from "../attention/attentive-github.ts";
import { attentiveGit } from "../attention/attentive-tools.ts";
import { checkBranchName } from "../git/command/branch-name.ts";
import { cloneRepository } from "../git/remote/clone.ts";
import { createGit, type Git } from "../git/command/git.ts";
import type { RemoteAccess } from "../git/remote/remote-access.ts";
import type { Connection } from "../github/access/connect.ts";
import type { GitHub, Repository } from "../github/port/github.ts";
import { backoffMs } from "../pipeline/backoff.ts";
import { sweepGateHomes } from "../workbench/gate.ts";
import { Workspaces } from "../pipeline/workspace.ts";
import { CheckoutCheck } from "../preconditions/checkout-check.ts";
import { ConfigCheck } from "../preconditions/config-check.ts";
import { adviceOf, noBase, oddBase, RepositoryCheck, unfitness } from "../preconditions/repository-check.ts";

const RETRY_MS_MAX = 5 * 60_000;
const NO_CREDENTIAL =
  "no GitHub credential: set GITHUB_TOKEN, write a token to the file github-token of the state directory or name a GitHub App; see docs/github-credentials.md";

export interface PrepareOptions {
  /** It has the machine's settings alone, as long as there is no checkout. */
  readonly config: Config;
  readonly loadConfig: () => Promise<Result<Config, string>>;
  readonly repository: RepositoryName;
  readonly isNamed: boolean;
  readonly slug: string;
  /** It is absolute. */
  readonly checkout: string;
  /** HydraFlow keeps the checkouts here that it cloned itself; null where it may not clone. */
  readonly clones: string | null;
  readonly paths: WorkerPaths;
  /** It is the worker's own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly log: Log;
  readonly redactor: Redactor;
  readonly attention: Attention;
  readonly secretProxies?: Readonly<Record<string, string>>;
  readonly connect: () => Promise<Result<Connection, string>>;
  /** Tests use a bare repository on disk as the remote. */
  readonly allowFileRemote?: boolean;
}

export interface Prepared {
  readonly config: Config;
  readonly github: GitHub;
  readonly baseBranch: string;
  readonly workspaces: Workspaces;
  readonly checkoutCheck: CheckoutCheck;
  readonly configCheck: ConfigCheck;
  /** Looks at what GitHub says of the repository again and again. */
  readonly repositoryCheck: RepositoryCheck;
}

/**
 * Tries until everything is there. `say` gets one line for people, null when all is well. Rejects only when aborted.
 */
export async function prepare(
  options: PrepareOptions,
  say: (notice: string | null) => void,
  signal: AbortSignal,
): Promise<Prepared> {
  const git = gitOf(options);
  for (let failures = 1; ; failures += 1) {
    const prepared = await attempt({ ...options, git }, say, signal);
    if (prepared.ok) {
      say(null);
      return prepared.value;
    }
    say(prepared.failure);
    await options.clock.sleep(Math.min(backoffMs(failures, options.config.pollIntervalMs), RETRY_MS_MAX), signal);
  }
}

type Attempt = PrepareOptions & { readonly git: Git };

async function attempt(
  options: Attempt,
  say: (notice: string) => void,
  signal: AbortSignal,
): Promise<Result<Prepared, string>> {
  const { config } = options;
  const connected = await options.connect();
  if (!connected.ok) return connected;
  const { credential } = connected.value;
  const github = attentiveGitHub(connected.value.github, options.attention);
  const token = await credential.token(signal);
  if (!token.ok) return fail(token.failure.message);
  if (token.value === null) return fail(NO_CREDENTIAL);
  const viewer = await github.viewer(signal);
  if (!viewer.ok) return fail(`GitHub cannot be asked: ${viewer.failure.message}`);
  const repository = await github.repository(signal);
  if (!repository.ok) return fail(`GitHub does not show ${options.repository.fullName}: ${repository.failure.message}`);
  const unfit = unfitness(repository.value);
  if (unfit !== null) return fail(unfit);
  const access = {
    baseUrl: config.githubGitUrl ?? gitUrlOf(config.githubApiUrl),
    token: credential,
    allowFile: options.allowFileRemote ?? false,
  };
  const cloned = await ensureCheckout(options, access, say, signal);
  if (!cloned.ok) return cloned;
  const loaded = await options.loadConfig();
  if (!loaded.ok) return fail(`the configuration is wrong: ${loaded.failure}`);
  const checkoutCheck = new CheckoutCheck(options);
  const problem = await checkoutCheck.problem(signal);
  if (problem !== null) return fail(problem);
  const opened = await openWorkspaces(options, access, signal);
  if (!opened.ok) return opened;
  // It comes after the workspaces, which put back what an agent of a killed worker has written into the configuration.
  const directory = join(options.paths.dataRoot, "git", "config-trial");
  const configCheck = new ConfigCheck({ ...options, directory });
  const refusal = await configCheck.problem(signal);
  if (refusal !== null) return fail(refusal);
  const seen = { config: loaded.value, github, repository: repository.value, workspaces: opened.value };
  const watched = await watchRepository(options, seen, signal);
  const checks = { checkoutCheck, configCheck };
  return watched.ok
    ? ok({ config: loaded.value, github, ...watched.value, workspaces: opened.value, ...checks })
    : watched;
}

async function openWorkspaces(
  options: Attempt,
  access: RemoteAccess,
  signal: AbortSignal,
): Promise<Result<Workspaces, string>> {
  const { checkout, slug, config, environment, isNamed, log } = options;
  const root = worktreeRoot(checkout, slug, config.worktreeBase);
  const opened = await Workspaces.open(
    {
      ...options,
      access,
      findGitLfs: () => findGitLfs(environment["PATH"] ?? ""),
      isOriginOverridden: isNamed,
      isOwnClone: isOwnClone(options),
      worktreeRoot: root,
    },
    signal,
  );
  if (!opened.ok) return fail(`the checkout cannot be used: ${opened.failure.message}`);
  await sweepGateHomes(options.paths.gates);
  if (opened.value.changed.length > 0) log.write("warn", "git.config-restored", { files: opened.value.changed });
  return ok(opened.value.workspaces);
}

async function watchRepository(
  { repository: name, clock }: Attempt,
  seen: { config: Config; github: GitHub; repository: Repository; workspaces: Workspaces },
  signal: AbortSignal,
): Promise<Result<Pick<Prepared, "baseBranch" | "repositoryCheck">, string>> {
  const { config, github, repository, workspaces } = seen;
  const branch = config.baseBranch ?? repository.defaultBranch;
  const named = checkBranchName(branch);
  if (!named.ok) return fail(oddBase(name.fullName, branch));
  if ((await workspaces.hasBranch(branch, signal)) === false) return fail(noBase(name.fullName, branch));
  const twins = await workspaces.caseTwins(branch, signal);
  if (twins !== null)
    return fail(
      `${twins.join(" and ")} differ only in case, and ${workspaces.root} keeps one of them; set worktreeBase to a place that tells them apart, or rename one`,
    );
  const start = { github, name, now: repository, baseBranch: branch, labelPrefix: config.labelPrefix };
  const advice = await adviceOf(start, signal);
  const base = { branch, isConfigured: config.baseBranch !== undefined, ...workspaces.watch(branch) };
  return ok({ baseBranch: branch, repositoryCheck: new RepositoryCheck({ github, name, advice, clock, base }) });
}

function isOwnClone({ checkout, clones }: Pick<PrepareOptions, "checkout" | "clones">): boolean {
  return clones !== null && dirname(resolve(checkout)) === resolve(clones);
}

async function ensureCheckout(
  { checkout, clones, git, repository }: Attempt,
  access: RemoteAccess,
  say: (notice: string) => void,
  signal: AbortSignal,
): Promise<Result<undefined, string>> {
  if (await stat(checkout).catch(() => undefined)) return ok();
  // The check that follows reports a missing checkout that is not ours to make.
  if (!isOwnClone({ checkout, clones })) return ok();
  say(`cloning ${repository.fullName}`);
  const cloned = await cloneRepository({ git, access, repository, directory: checkout }, signal);
  return cloned.ok ? ok() : fail(`cloning ${repository.fullName} failed: ${cloned.failure.message}`);
}

function gitOf(options: PrepareOptions): Git {
  const { environment, secretProxies, config, paths, clock, redactor, log, attention } = options;
  const git = createGit({
    path: environment["PATH"] ?? "/usr/bin:/bin",
    home: join(paths.dataRoot, "git", "home"),
    identity: { name: config.gitAuthorName, email: config.gitAuthorEmail },
    clock,
    redact: redactor.redact,
    networkVariables: networkVariables({ ...environment, ...secretProxies }),
    onLockRemoved: (file, ageMs) => log.write("warn", "git.lock-removed", { file, ageMs }),
  });
  return attentiveGit(git, attention);
}

/** Picks the variables that an operator sets to get out of a closed network. */
function networkVariables(environment: PrepareOptions["environment"]): Record<string, string> {
  const entries = Object.entries(environment).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  );
  const proxies = entries.filter(([name]) => /^(?:https?|all|no)_proxy$/i.test(name));
  const authority = entries.find(([name]) => name === "SSL_CERT_FILE");
  return Object.fromEntries([
    ...proxies,
    ...(authority === undefined ? [] : [["GIT_SSL_CAINFO", authority[1]] as const]),
  ]);
}
