// The supervisor process put together: who owns what, in the order of the start. The end is that order backwards, from
// wherever the start stopped.

import { randomUUID } from "node:crypto";
import { availableParallelism } from "node:os";

import { startAdminServer } from "../admin/admin-server.ts";
import type { Readiness } from "../core/messages/supervisor-control.ts";
import type { ProcessUsage } from "../admin/metrics/process-families.ts";
import type { GitHost } from "../core/checkout/git-question.ts";
import { type Clock, systemClock } from "../core/base/clock.ts";
import { HydraError } from "../core/base/errors.ts";
import { gitUrlOf } from "../core/config/github-token.ts";
import { type FileLog, type Log, openLog } from "../core/logs/log.ts";
import { type SupervisorPaths, supervisorPaths, workerPaths } from "../core/files/paths.ts";
import { Redactor } from "../core/logs/redact.ts";
import { ok } from "../core/base/result.ts";
import { treeMarkOf } from "../core/processes/tree-mark.ts";
import { VERSION } from "../core/base/version.ts";
import {
  DRAIN_TIMEOUT_MS,
  HEARTBEAT_TIMEOUT_MS,
  STARTUP_TIMEOUT_MS,
  STOP_GRACE_MS,
} from "../core/messages/worker-message.ts";
import { type RepositoryHost, resolveRepository } from "./registry/resolve-repository.ts";
import { createControlHandler } from "./tcp/control-handler.ts";
import { DoorTokens } from "./settings/door-tokens.ts";
import { Drain } from "./repos/drain.ts";
import { adoptFirstEntries } from "./registry/first-implementation.ts";
import { takeInstanceLock } from "./process/instance-lock.ts";
import { CompletionBarrier } from "./registry/completion-barrier.ts";
import { sweepOrphans } from "./workers/orphan-sweep.ts";
import { writePortFile } from "./tcp/port-file.ts";
import { LogKeeper } from "./process/log-keeper.ts";
import { RegistryFile } from "./registry/registry-file.ts";
import { Registry } from "./registry/registry.ts";
import type { RespawnPolicy } from "./repos/repo-process.ts";
import { RepoSupervisor } from "./repos/repo-supervisor.ts";
import { LiveSettings } from "./settings/live-settings.ts";
import { Reloader } from "./settings/reload.ts";
import { StartGate } from "./workers/start-gate.ts";
import { openStateDirectory, stateDirectoryError } from "./process/state-directory.ts";
import { Supervisor, type SupervisorOptions } from "./supervisor.ts";
import { openTcpDoor } from "./tcp/tcp-door.ts";
import { writeWithRetry } from "./registry/retry-write.ts";
import type { WorkerCommand } from "./workers/spawn-worker.ts";
import { Prefork } from "./workers/prefork.ts";
import { WorkerLauncher } from "./workers/worker-launcher.ts";
import type { WorkerTimings } from "./workers/worker-process.ts";

/** A checkout on a disk that does not answer holds up the others by no more than this. */
const BARRIER_MS_MAX = 2_000;

export interface DaemonOptions {
  readonly home: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly commandLine: Readonly<Record<string, unknown>>;
  readonly worker: WorkerCommand;
  /** Takes a copy of each log line. */
  readonly mirror: { write(line: string): unknown };
  readonly readUsage: () => ProcessUsage;
  readonly timings?: Partial<WorkerTimings>;
}

export interface DaemonSignals {
  /** Aborting ends a start that is under way, and whatever requests wait for. */
  readonly stop: AbortSignal;
  /** Aborting cuts short the grace that workers get. */
  readonly force: AbortSignal;
}

export interface Daemon extends AsyncDisposable {
  readonly tcpPort: number;
  readonly httpPort: number;
  readonly log: Log;
  /** Reads settings and tokens again; the log has the outcome. */
  reload(): Promise<unknown>;
}

interface Secrets {
  readonly tokens: DoorTokens;
  readonly tokenHashes: () => readonly string[];
  readonly metricsTokenHashes: () => readonly string[];
  readonly redactor: Redactor;
}

/** Both doors answer before any worker starts. Throws HydraError when it cannot start, or the signal's reason. */
export async function startDaemon(options: DaemonOptions, signals: DaemonSignals): Promise<Daemon> {
  try {
    return await start(options, signals);
  } catch (error) {
    throw stateDirectoryError(options.home, error);
  }
}

async function start(options: DaemonOptions, signals: DaemonSignals): Promise<Daemon> {
  const clock = systemClock;
  const { stop } = signals;
  await using owned = new AsyncDisposableStack();
  const paths = supervisorPaths(await openStateDirectory(options.home));
  const live = await LiveSettings.load({ ...options, configFile: paths.config, tokenFile: paths.githubToken });
  const { settings } = live;
  owned.use(await takeInstanceLock(paths, clock, stop));
  const bootId = randomUUID();
  const secrets = await loadSecrets(paths, live);
  const log = owned.use(openDaemonLog(paths.logFile, settings, { ...secrets, ...options, bootId }));
  log.write("info", "daemon.starting", { version: VERSION, pid: process.pid, home: paths.home });
  owned.defer(() => log.write("info", "daemon.stopped"));
  const { registry, degraded } = await openRegistry({ paths, clock, log, environment: options.environment }, stop);
  owned.use(registry);
  owned.defer(async () => void (await recordDoors(registry, { port: 0, httpPort: 0, pid: 0 })));

  let httpPort = settings.config.httpPort;
  let isReady = false;
  const gate = new StartGate(settings.config.startConcurrency ?? availableParallelism(), clock);
  const { launcher, prefork } = workerSources({ live, secrets, options, paths, clock, log, gate });
  owned.use(prefork);
  const drain: Drain = new Drain({ clock, log, repos: () => supervisor.repos });
  const supervisor = owned.use(
    new Supervisor({
      registry,
      paths,
      clock,
      log,
      bootId,
      resolveRepository: repositoryResolver(() => repositoryHost(live, options.environment), clock),
      httpPort: () => httpPort,
      supervise: supervision({ live, secrets, launcher, gate, drain, clock, log, force: signals.force }),
    }),
  );
  // The start gate is still closed: workers wait behind it, and a client that asks early sees them as starting.
  supervisor.restore();
  stop.throwIfAborted();
  const handle = createControlHandler({ control: supervisor, drain, auth: settings.config.tcpAuth, log, ...secrets });
  const tcpDoor = owned.use(await openTcpDoor({ port: settings.config.tcpPort, handle }, stop));
  const readiness = () => readinessOf(isReady && !stop.aborted, drain, [degraded, registry.problem]);
  const workerLogFile = (slug: string): string => workerPaths(`${paths.home}/${slug}`).logFile;
  const figures = { readUsage: options.readUsage, logDroppedBytes: () => log.droppedBytes };
  const reloader = new Reloader({ settings: live, ...secrets, control: supervisor, log }, stop);
  const reload = () => reloader.reload().finally(() => prefork.renew());
  const controls = { control: supervisor, drain, reload, readiness };
  const doorDeps = { ...controls, ...secrets, port: httpPort, log, paths, workerLogFile };
  const httpDoor = owned.use(await startAdminServer({ ...doorDeps, ...figures }, stop));
  httpPort = httpDoor.port;
  const doors = { port: tcpDoor.port, httpPort, pid: process.pid };
  owned.use(await writeWithRetry(() => recordDoors(registry, doors), clock));
  owned.use(await writePortFile(paths.portFile, tcpDoor.port, clock, log));
  await sweepOrphans({ home: paths.home, repos: registry.document.repos, clock, log }, stop);
  gate.open();
  isReady = true;
  owned.use(keepLogs({ paths, live, supervisor, clock, log }));
  log.write("info", "daemon.ready", { port: tcpDoor.port, http_port: httpPort, repos: supervisor.list().length });
  const kept = owned.move();
  return { tcpPort: tcpDoor.port, httpPort, log, reload, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function readinessOf(ready: boolean, { isOn: draining }: Drain, problems: readonly (string | null)[]): Readiness {
  return { ready, draining, problems: problems.filter((problem) => problem !== null) };
}

async function loadSecrets(paths: SupervisorPaths, live: LiveSettings): Promise<Secrets> {
  const redactor = new Redactor(live.secrets);
  const tokens = await DoorTokens.load(paths, redactor);
  return { tokens, tokenHashes: tokens.tokenHashes, metricsTokenHashes: tokens.metricsTokenHashes, redactor };
}

function openDaemonLog(
  file: string,
  { config }: LiveSettings["settings"],
  parts: Pick<Secrets, "redactor"> & Pick<DaemonOptions, "mirror"> & { readonly bootId: string },
): FileLog {
  const { redactor, mirror, bootId } = parts;
  const { logFileBytesMax: bytesMax, logFilesMax: filesMax } = config;
  return openLog({ file, bytesMax, filesMax, redactor, fields: { boot_id: bootId }, mirror });
}

function repositoryHost(
  { settings: { config } }: LiveSettings,
  environment: DaemonOptions["environment"],
): RepositoryHost {
  return { gitUrl: config.githubGitUrl ?? gitUrlOf(config.githubApiUrl), environment };
}

/** Checkouts that are inspected side by side share one write of the registry: git takes its own time over each. */
function repositoryResolver(host: () => RepositoryHost, clock: Clock): SupervisorOptions["resolveRepository"] {
  const barrier = new CompletionBarrier(clock, BARRIER_MS_MAX);
  return (request, signal) => barrier.run(() => resolveRepository(request, host(), signal));
}

async function openRegistry(
  parts: { readonly paths: SupervisorPaths; readonly clock: Clock; readonly log: Log } & GitHost,
  signal: AbortSignal,
): Promise<{ registry: Registry; degraded: string | null }> {
  const { paths, clock, log, environment } = parts;
  const file = new RegistryFile(paths, clock);
  const { document, degraded, firstEntries } = await file.load();
  if (degraded !== null) log.write("error", "registry.degraded", { problem: degraded });
  const registry = new Registry({ file, document, clock, log });
  if (firstEntries.length > 0) {
    const options = { paths, now: clock.now().toISOString(), environment };
    const adopted = await adoptFirstEntries(document, firstEntries, options, signal);
    const saved = await registry.change(() => ok({ document: adopted.document, value: undefined }));
    if (!saved.ok) throw new HydraError("REGISTRY_NOT_ADOPTED", saved.failure.message);
    log.write("info", "registry.adopted", { repos: adopted.document.repos.length, refused: adopted.refused });
  }
  return { registry, degraded };
}

/** Resolves with whether it was written; the registry logs a failed write, and the doors work all the same. */
async function recordDoors(
  registry: Registry,
  doors: { port: number; httpPort: number; pid: number },
): Promise<boolean> {
  const recorded = await registry.change((document) => ok({ document: { ...document, ...doors }, value: undefined }));
  return recorded.ok;
}

function keepLogs(parts: {
  readonly paths: SupervisorPaths;
  readonly live: LiveSettings;
  readonly supervisor: Supervisor;
  readonly clock: Clock;
  readonly log: Log;
}): LogKeeper {
  const { paths, live, supervisor, clock, log } = parts;
  const bytesMax = () => live.settings.config.logsBytesMax;
  return new LogKeeper({ home: paths.home, repos: () => supervisor.repos, bytesMax, clock, log });
}

/** The two ways in which a repository gets its worker: the launcher spawns one, or takes the one that waits. */
function workerSources(parts: {
  readonly live: LiveSettings;
  readonly secrets: Secrets;
  readonly options: DaemonOptions;
  readonly paths: SupervisorPaths;
  readonly clock: Clock;
  readonly log: Log;
  readonly gate: StartGate;
}): { launcher: WorkerLauncher; prefork: Prefork } {
  const { live, secrets, options, paths, clock, log, gate } = parts;
  const { home } = paths;
  const command = options.worker;
  const launcher = new WorkerLauncher({
    command,
    timings: {
      startupMs: STARTUP_TIMEOUT_MS,
      heartbeatTimeoutMs: HEARTBEAT_TIMEOUT_MS,
      stopGraceMs: STOP_GRACE_MS,
      drainMs: DRAIN_TIMEOUT_MS,
      ...options.timings,
    },
    home,
    tree: treeMarkOf(home),
    environment: options.environment,
    settings: () => live.settings,
    operatorTokenHashes: secrets.tokenHashes,
    takePreforked: () => prefork.take(),
  });
  const environment = (spawnId: string) => launcher.environment(spawnId);
  const isWanted = () => live.settings.config.warmSpare;
  const prefork = new Prefork({ command, home, environment, isWanted, gate, clock, log });
  return { launcher, prefork };
}

function supervision(parts: {
  readonly live: LiveSettings;
  readonly secrets: Secrets;
  readonly launcher: WorkerLauncher;
  readonly gate: StartGate;
  readonly drain: Drain;
  readonly clock: Clock;
  readonly log: Log;
  readonly force: AbortSignal;
}): ConstructorParameters<typeof Supervisor>[0]["supervise"] {
  const { live, secrets, ...rest } = parts;
  const policy = () => respawnPolicy(live.settings.config);
  const { redact } = secrets.redactor;
  return (record, owner) => new RepoSupervisor({ record, owner, policy, redact, random: Math.random, ...rest });
}

function respawnPolicy(config: LiveSettings["settings"]["config"]): RespawnPolicy {
  return {
    delayMs: config.respawnDelayMs,
    delayMsMax: config.respawnDelayMaxMs,
    crashesMax: config.respawnCountMax,
    windowMs: config.respawnWindowMs,
  };
}
