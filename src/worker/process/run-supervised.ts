// Runs a worker under its supervisor, from the start message to the end of its signal. The supervisor's word decides
// everything; the worker only adds the repository's own settings.

import { dirname } from "node:path";

import { HydraError, messageOf } from "../../core/base/errors.ts";
import { EXIT_CODES } from "../../core/base/exit-code.ts";
import { exitCodeOf } from "../../core/processes/shortage.ts";
import { supervisorPaths } from "../../core/files/paths.ts";
import { parseRepositoryName } from "../../core/domain/repository-name.ts";
import type { StartWorker } from "../../core/messages/worker-message.ts";
import { startWorker, type StartWorkerOptions } from "./start-worker.ts";
import type { SupervisorLink } from "./supervisor-link.ts";
import { warmUp, WARM_UP_AFTER_MS } from "./warm-up.ts";
import { loadWorkerConfig } from "../runtime/worker-config.ts";

export interface SupervisedHost {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly execPath: string;
  readonly rssBytes: () => number;
  /** Makes this the directory of the process. */
  readonly enter: (dataRoot: string) => void;
}

/** Resolves when the signal was given and everything has ended. It reports and throws what no restart can mend. */
export async function runSupervised(link: SupervisorLink, host: SupervisedHost, signal: AbortSignal): Promise<void> {
  const stopped = untilAborted(signal);
  // Only a preforked process waits so long. If its warm-up fails it stays cold, and its start says what is wrong.
  const waiting = setTimeout(() => void warmUp(host.environment).catch(() => undefined), WARM_UP_AFTER_MS);
  const start = await Promise.race([link.start, stopped]);
  clearTimeout(waiting);
  if (start === undefined) return;
  try {
    host.enter(start.dataRoot);
    await using worker = await startWorker(await optionsOf(start, host), signal);
    const { runtime } = worker;
    link.ready(worker.port, {
      vitals: () => ({
        inFlight: runtime.inFlight,
        rssBytes: host.rssBytes(),
        notice: runtime.notice,
        work: runtime.work,
      }),
      setOpen: (isOpen) => runtime.setOpen(isOpen),
    });
    // The pipeline starts after we are ready: loading it and the logs would delay that word.
    worker.start(start.pauseMs);
    await stopped;
  } catch (thrown) {
    if (signal.aborted) return;
    if (exitCodeOf(thrown) === EXIT_CODES.badConfig.code) await link.failed(messageOf(thrown));
    throw thrown;
  }
}

async function optionsOf(start: StartWorker, { environment, execPath }: SupervisedHost): Promise<StartWorkerOptions> {
  const repository = parseRepositoryName(start.repo);
  if (!repository.ok) throw badConfig(repository.failure.message);
  const { file, environment: variables, commandLine } = start.config;
  const loadConfig = () =>
    loadWorkerConfig({ machine: file, checkout: start.checkout, environment: variables, commandLine });
  const config = await loadConfig();
  if (!config.ok) throw badConfig(config.failure);
  const home = dirname(start.dataRoot);
  return {
    repository: repository.value,
    isNamed: start.isNamed ?? false,
    slug: start.slug,
    checkout: start.checkout,
    dataRoot: start.dataRoot,
    clones: supervisorPaths(home).clones,
    generation: start.generation,
    config: config.value,
    loadConfig,
    environmentToken: start.githubToken,
    silence: start.silence ?? null,
    ...(start.secretProxies === undefined ? {} : { secretProxies: start.secretProxies }),
    acceptedTokenHashes: start.acceptedTokenHashes,
    secrets: [start.githubToken],
    environment,
    execPath,
  };
}

function badConfig(message: string): HydraError {
  return new HydraError("BAD_CONFIG", message, { exitCode: EXIT_CODES.badConfig.code });
}

function untilAborted(signal: AbortSignal): Promise<undefined> {
  if (signal.aborted) return Promise.resolve(undefined);
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));
}
