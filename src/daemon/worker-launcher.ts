// Knows what every worker of this daemon is started with; a birth adds its repository, its marks and its own token.

import { randomUUID } from "node:crypto";
import { join } from "node:path";

import { hashToken, newToken } from "../core/bearer-token.ts";
import { ensurePrivateDirectory } from "../core/durable-file.ts";
import type { StartWorker } from "../core/worker-message.ts";
import type { RepoRecord } from "./registry-document.ts";
import type { Settings } from "./settings.ts";
import { workerEnvironment } from "./worker-environment.ts";
import { type WorkerCommand, type WorkerListener, WorkerProcess, type WorkerTimings } from "./worker-process.ts";

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
  readonly githubToken: () => string | null;
  /** SHA-256 in hex of the operator's tokens. */
  readonly operatorTokenHashes: () => readonly string[];
}

export interface LaunchedWorker {
  readonly process: WorkerProcess;
  /** Bearer token of this birth, for calls that the daemon forwards. */
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

  async launch(record: RepoRecord, generation: number, listener: WorkerListener): Promise<LaunchedWorker> {
    const { command, timings, home, tree, environment, settings } = this.#options;
    const agentNames = settings().config.agentEnvironment;
    const dataRoot = join(home, record.slug);
    await ensurePrivateDirectory(dataRoot);
    const birth = randomUUID();
    const token = newToken();
    const process = await WorkerProcess.spawn({
      command,
      timings,
      rssBytesMax: () => settings().config.workerRssBytesMax,
      listener,
      birth,
      environment: workerEnvironment({ parent: environment, agentNames, dataRoot, tree, birth }),
      start: this.#startMessage(record, generation, dataRoot, token),
    });
    return { process, token };
  }

  #startMessage(record: RepoRecord, generation: number, dataRoot: string, token: string): StartWorker {
    const { githubToken, operatorTokenHashes, settings } = this.#options;
    return {
      type: "start",
      nonce: newToken(),
      generation,
      repo: record.repo,
      slug: record.slug,
      checkout: record.path,
      dataRoot,
      acceptedTokenHashes: [hashToken(token), ...operatorTokenHashes()],
      githubToken: githubToken(),
      config: settings().layers,
    };
  }
}
