// Composes the worker of one repository out of what ships: the runtime, its registry and its HTTP API. Both ways to
// start a worker, under a supervisor and by hand, come through here.

import { randomUUID } from "node:crypto";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import { systemClock } from "../../core/base/clock.ts";
import type { Config } from "../../core/config/config.ts";
import type { RepositoryName } from "../../core/domain/repository-name.ts";
import type { Result } from "../../core/base/result.ts";
import { VERSION } from "../../core/base/version.ts";
import { SPAWN_VARIABLE, type Silence, TREE_VARIABLE } from "../../core/messages/worker-message.ts";
import { type WorkerServer, startWorkerServer } from "../api/worker-server.ts";
import { RepoRuntimeRegistry } from "../runtime/repo-runtime-registry.ts";
import { RepoRuntime } from "../runtime/repo-runtime.ts";
import type { RepoRuntimeOptions } from "../runtime/runtime-options.ts";

export interface StartWorkerOptions {
  readonly repository: RepositoryName;
  readonly isNamed: boolean;
  readonly slug: string;
  readonly checkout: string;
  readonly dataRoot: string;
  readonly clones: string | null;
  readonly generation: number;
  readonly config: Config;
  readonly loadConfig: () => Promise<Result<Config, string>>;
  /** The `GITHUB_TOKEN` of whoever started the worker. */
  readonly environmentToken: string | null;
  readonly silence?: Silence | null;
  readonly acceptedTokenHashes: readonly string[];
  /** No log may show these. */
  readonly secrets: readonly (string | null)[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly secretProxies?: Readonly<Record<string, string>>;
  /** The path of Node, for the demo agent. */
  readonly execPath: string;
  readonly mirror?: { write(line: string): unknown };
}

export interface Worker extends AsyncDisposable {
  readonly runtime: RepoRuntime;
  readonly port: number;
  /** Begins to work. The caller decides when, after it has said that the worker is there. */
  start(pauseMs?: number): void;
}

/** The worker is up and answers when this resolves. */
export async function startWorker(options: StartWorkerOptions, signal: AbortSignal): Promise<Worker> {
  await using resources = new AsyncDisposableStack();
  const runtime = resources.use(await RepoRuntime.create(runtimeOptions(options), signal));
  const registry = new RepoRuntimeRegistry();
  registry.add(runtime);
  const server: WorkerServer = resources.use(await startWorkerServer(runtime, registry, options.acceptedTokenHashes));
  const owned = resources.move();
  const start = (pauseMs?: number): void => {
    runtime.bus.emit({ type: "worker.ready", port: server.port });
    runtime.start(pauseMs);
  };
  return { runtime, port: server.port, start, [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose]() };
}

function runtimeOptions(options: StartWorkerOptions): RepoRuntimeOptions {
  const { repository, environment, execPath } = options;
  const marks = Object.fromEntries(
    [TREE_VARIABLE, SPAWN_VARIABLE].flatMap((name) =>
      environment[name] === undefined ? [] : [[name, environment[name]]],
    ),
  );
  return {
    ...options,
    boot: environment[SPAWN_VARIABLE] ?? randomUUID(),
    marks,
    connect: async (onFailure, redactor) => {
      const { connect } = await import("../github/access/connect.ts");
      return connect({
        config: options.config,
        repository,
        home: dirname(options.dataRoot),
        environmentToken: options.environmentToken,
        environment: { ...environment, ...options.secretProxies },
        userAgent: `hydraflow/${VERSION}`,
        clock: systemClock,
        redactor,
        onFailure,
      });
    },
    createAgent: async (config, redact) => {
      const { createDriver } = await import("../runtime/create-driver.ts");
      return createDriver(config, {
        environment,
        marks,
        redact,
        demoAgent: { node: execPath, program: demoAgentProgram() },
      });
    },
  };
}

/** The program lies beside us in the bundle; where the sources run as they are, it has a directory of its own. */
function demoAgentProgram(): string {
  const isSource = import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(isSource ? "../../demo/agent/main.ts" : "./demo-agent.js", import.meta.url));
}
