// Knows what every worker of this daemon is started with; each launch adds its repository, its marks and its own token.

import { randomUUID } from "node:crypto";
import { closeSync } from "node:fs";
import { join } from "node:path";

import { hashToken, newToken } from "../../core/http/bearer-token.ts";
import { environmentToken } from "../../core/config/github-token.ts";
import type { Silence, StartWorker } from "../../core/messages/worker-message.ts";
import type { RepoRecord } from "../registry/registry-document.ts";
import type { Settings } from "../settings/settings.ts";
import { spawnWorker, type SpawnedWorker, type WorkerCommand } from "./spawn-worker.ts";
import type { PreforkedWorker } from "./prefork.ts";
import { secretProxies, workerEnvironment } from "./worker-environment.ts";
import { WorkerOutput } from "./worker-output.ts";
import { type WorkerListener, WorkerProcess, type WorkerTimings } from "./worker-process.ts";

export interface LauncherOptions {
  readonly command: WorkerCommand;
  readonly timings: WorkerTimings;
  /** The state directory. */
  readonly home: string;
  /** Value of the mark that every process of this state directory carries. */
  readonly tree: string;
  /** The daemon's own environment; what workers get of it is an allow-list. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly settings: () => Settings;
  /** SHA-256 in hex of the operator's tokens. */
  readonly operatorTokenHashes: () => readonly string[];
  /** Takes the preforked process, if one waits. */
  readonly takePreforked: () => PreforkedWorker | undefined;
}

export interface Launch {
  readonly generation: number;
  readonly listener: WorkerListener;
  /** Resolves when nothing is left of the worker before. */
  readonly cleared: Promise<void>;
  /** The worker waits so long between its `ready` and its first look at GitHub. */
  readonly pauseMs: number;
  /** Says how the worker before ended, where it ended silent. */
  readonly silence: Silence | null;
}

export interface LaunchedWorker {
  readonly process: WorkerProcess;
  /** The bearer token of this worker process, for calls that the daemon forwards. */
  readonly token: string;
}

export class WorkerLauncher {
  readonly #options: LauncherOptions;

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  get stopGraceMs(): number {
    return this.#options.timings.stopGraceMs;
  }

  get drainMs(): number {
    return this.#options.timings.drainMs;
  }

  async launch(record: RepoRecord, { listener, cleared, ...launch }: Launch): Promise<LaunchedWorker> {
    const { timings, home, settings } = this.#options;
    const dataRoot = join(home, record.slug);
    const token = newToken();
    const process = new WorkerProcess({
      ...((await this.#adoptPreforked(dataRoot)) ?? (await this.#spawn(dataRoot))),
      timings,
      rssBytesMax: () => settings().config.workerRssBytesMax,
      listener,
      cleared,
      start: this.#startMessage(record, launch, dataRoot, token),
    });
    return { process, token };
  }

  /** What a worker spawned now gets; a process that does not know its repository yet has no data root. */
  environment(spawnId: string, dataRoot?: string): Record<string, string> {
    const { environment: parent, settings, tree } = this.#options;
    return workerEnvironment({ parent, agentNames: settings().config.agentEnvironment, dataRoot, tree, spawnId });
  }

  async #spawn(dataRoot: string): Promise<{ spawned: SpawnedWorker; output: WorkerOutput }> {
    const { output, file } = await WorkerOutput.open(dataRoot);
    try {
      const spawnId = randomUUID();
      const environment = this.environment(spawnId, dataRoot);
      const options = { spawnId, environment, directory: dataRoot, output: file };
      return { spawned: spawnWorker(this.#options.command, options), output };
    } finally {
      closeSync(file);
    }
  }

  async #adoptPreforked(dataRoot: string): Promise<{ spawned: SpawnedWorker; output: WorkerOutput } | undefined> {
    const waiting = this.#options.takePreforked();
    if (waiting === undefined) return undefined;
    const { spawned, output } = waiting;
    try {
      const adopted = await WorkerOutput.adopt(dataRoot, output);
      if (spawned.child.exitCode === null && spawned.child.signalCode === null) return { spawned, output: adopted };
    } catch {
      // The file may lie on another file system, for instance: the repository gets a process spawned for it alone.
      spawned.child.kill("SIGKILL");
    }
    return undefined;
  }

  #startMessage(
    record: RepoRecord,
    { silence, ...launch }: Pick<Launch, "generation" | "pauseMs" | "silence">,
    dataRoot: string,
    token: string,
  ): StartWorker {
    const { environment, operatorTokenHashes, settings } = this.#options;
    return {
      type: "start",
      nonce: newToken(),
      ...launch,
      repo: record.repo,
      isNamed: record.repo_slug,
      slug: record.slug,
      checkout: record.path,
      dataRoot,
      acceptedTokenHashes: [hashToken(token), ...operatorTokenHashes()],
      githubToken: environmentToken(environment),
      secretProxies: secretProxies(environment),
      ...(silence === null ? {} : { silence }),
      config: settings().layers,
    };
  }
}
