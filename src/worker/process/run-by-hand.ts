// Runs a worker that a person starts for one checkout, without a supervisor: it works out for itself what the start
// message would say, by the same rules.

import { realpath } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";

import { ensureTokenFile, hashToken } from "../../core/http/bearer-token.ts";
import { examineCheckout } from "../../core/checkout/checkout-problem.ts";
import { HydraError } from "../../core/base/errors.ts";
import { EXIT_CODES } from "../../core/base/exit-code.ts";
import { environmentToken } from "../../core/config/github-token.ts";
import { supervisorPaths, workerDataRoot } from "../../core/files/paths.ts";
import { parseRemoteUrl, parseRepositoryName, type RepositoryName, slugOf } from "../../core/domain/repository-name.ts";
import { startWorker, type Worker } from "./start-worker.ts";
import { loadWorkerConfig, readLayerFile } from "../runtime/worker-config.ts";

const LOOK_TIMEOUT_MS = 10_000;

export interface RunWorkerOptions {
  /** The absolute path of a checkout. */
  readonly path: string;
  readonly slug?: string;
  /** The repository as `owner/name`, where the origin does not say it. */
  readonly repoSlug?: string;
  /** The default is HYDRAFLOW_HOME, else `~/.hydraflow`. */
  readonly home?: string;
  /** Values by the name of their setting. */
  readonly commandLine: Readonly<Record<string, unknown>>;
}

export interface HandHost {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly execPath: string;
}

export async function startByHand(
  options: RunWorkerOptions,
  host: HandHost,
  signal: AbortSignal,
): Promise<{ worker: Worker; tokenFile: string }> {
  const { environment } = host;
  const checkout = options.path;
  const home = options.home ?? (environment["HYDRAFLOW_HOME"] || join(homedir(), ".hydraflow"));
  const repository = await repositoryOf(options, host, signal);
  const slug = options.slug ?? slugOf(repository);
  const dataRoot = workerDataRoot(home, slug);
  const paths = supervisorPaths(dirname(dataRoot));
  const machine = await readLayerFile(paths.config);
  if (!machine.ok) throw badStart(machine.failure);
  const loadConfig = () =>
    loadWorkerConfig({ machine: machine.value, checkout, environment, commandLine: options.commandLine });
  const config = await loadConfig();
  if (!config.ok) throw badStart(config.failure);
  const token = await ensureTokenFile(paths.token);
  const ownToken = environmentToken(environment);
  const worker = await startWorker(
    {
      ...host,
      repository,
      isNamed: options.repoSlug !== undefined,
      slug,
      checkout,
      dataRoot,
      clones: null,
      generation: 0,
      config: config.value,
      loadConfig,
      environmentToken: ownToken,
      acceptedTokenHashes: [hashToken(token)],
      secrets: [token, ownToken],
    },
    signal,
  );
  worker.start();
  return { worker, tokenFile: paths.token };
}

async function repositoryOf(
  { path, repoSlug }: RunWorkerOptions,
  { environment }: HandHost,
  signal: AbortSignal,
): Promise<RepositoryName> {
  const real = await realpath(path).catch(() => path);
  const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_TIMEOUT_MS)]);
  const examined = await examineCheckout(real, { environment }, limit);
  if (!examined.ok) throw badStart(examined.failure);
  const named = repoSlug === undefined ? parseRemoteUrl(examined.value.originUrl ?? "") : parseRepositoryName(repoSlug);
  if (!named.ok) throw badStart(`${named.failure.message}; give --repo-slug owner/name`);
  return named.value;
}

function badStart(message: string): HydraError {
  return new HydraError("BAD_CONFIG", message, { exitCode: EXIT_CODES.badConfig.code });
}
