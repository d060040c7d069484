// Opens the parts of a runtime in the order in which they need each other; the data root's lock comes first.

import { dirname } from "node:path";

import { type Clock, systemClock } from "../../core/base/clock.ts";
import { HydraError } from "../../core/base/errors.ts";
import { EXIT_CODES } from "../../core/base/exit-code.ts";
import { takeKernelLock } from "../../core/files/kernel-lock.ts";
import { type FileLog, openLog } from "../../core/logs/log.ts";
import { type WorkerPaths, workerPaths } from "../../core/files/paths.ts";
import { Redactor } from "../../core/logs/redact.ts";
import { Attention } from "../attention/attention.ts";
import { EventBus } from "../events/event-bus.ts";
import type { WorkerEvent } from "../events/event.ts";
import { Journal } from "../state/journal.ts";
import { outcomeOf } from "../state/issue-way.ts";
import { adoptLegacyLayout } from "../state/legacy-layout.ts";
import { Metrics } from "../events/metrics.ts";
import { RunMeter } from "../events/run-meter.ts";
import { SessionLog } from "../state/session-log.ts";
import { StateTracker } from "../state/state-tracker.ts";
import type { RepoRuntimeOptions } from "./runtime-options.ts";

/** A dying predecessor needs a moment to let go of the lock. */
const LOCK_WAIT_MS = 5_000;

export interface RuntimeParts {
  readonly clock: Clock;
  readonly paths: WorkerPaths;
  readonly redactor: Redactor;
  readonly log: FileLog;
  readonly bus: EventBus;
  readonly state: StateTracker;
  readonly attention: Attention;
  readonly journal: Journal;
  readonly sessions: SessionLog;
  readonly metrics: Metrics;
  readonly meter: RunMeter;
}

/**
 * Adds every part to `resources` as it is opened. Throws RUNTIME_LOCKED (exit 75) while another process has the data
 * root.
 */
export async function openParts(
  options: RepoRuntimeOptions,
  resources: AsyncDisposableStack,
  queueDepth: () => Record<string, number>,
  signal: AbortSignal,
): Promise<RuntimeParts> {
  const { slug, config, dataRoot, repository } = options;
  const clock = options.clock ?? systemClock;
  const paths = workerPaths(dataRoot);
  const lock = await takeKernelLock(paths.lock, LOCK_WAIT_MS, (ms) => clock.sleep(ms, signal));
  if (!lock.ok)
    throw new HydraError("RUNTIME_LOCKED", `another worker has ${dataRoot}`, { exitCode: EXIT_CODES.tryAgain.code });
  resources.use(lock.value);
  await adoptLegacyLayout({
    sharedHome: dirname(paths.dataRoot),
    dataRoot: paths.dataRoot,
    slug,
    repo: repository.fullName,
    clock,
    signal,
  });
  const redactor = new Redactor(options.secrets);
  const log = resources.use(openWorkerLog(options, paths.logFile, redactor));
  const meter = new RunMeter(clock);
  const observe = (event: WorkerEvent) => meter.note(event);
  const bus = resources.use(
    await EventBus.open({
      observe,
      file: paths.events,
      bytesMax: config.eventLogBytesMax,
      repo: slug,
      boot: options.boot,
      log,
      redactor,
      clock,
    }),
  );
  const state = resources.use(await StateTracker.open(paths.state, clock));
  for (const guess of state.guessed) log.write("warn", "state.guessed", { ...guess });
  const attention = resources.use(
    await Attention.open({ dataRoot: paths.dataRoot, silence: options.silence ?? null, state }),
  );
  // An issue that has not ended may ask for every effect again.
  const mayForget = (issue: number) => outcomeOf(state.issue(issue)) !== null;
  const journal = resources.use(await Journal.open(paths.journal, clock, { mayForget }));
  const sessions = resources.use(await SessionLog.open(paths.sessions, { repo: slug, boot: options.boot, clock }));
  const metrics = resources.use(
    await Metrics.open(paths.metrics, {
      repo: slug,
      clock,
      collect: () => ({ counters: state.counters(), queue_depth: queueDepth() }),
    }),
  );
  return { clock, paths, redactor, log, bus, state, attention, journal, sessions, metrics, meter };
}

function openWorkerLog(
  { config, slug, generation, mirror }: RepoRuntimeOptions,
  file: string,
  redactor: Redactor,
): FileLog {
  const limits = { bytesMax: config.logFileBytesMax, filesMax: config.logFilesMax };
  const fields = { repo: slug, generation };
  return openLog({ file, ...limits, redactor, fields, ...(mirror === undefined ? {} : { mirror }) });
}
