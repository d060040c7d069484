// Entry of the supervisor process: signals first, then the start. It sets the exit code and lets the loop drain.

import { once } from "node:events";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";

import { saveCompiledCodeLater } from "../core/processes/compile-cache.ts";
import { messageOf } from "../core/base/errors.ts";
import { exitCodeOf } from "../core/processes/shortage.ts";
import { closeToOthers } from "../core/processes/umask.ts";
import { type Daemon, startDaemon } from "./daemon.ts";
import { startWatchdog } from "./process/watchdog.ts";

/** These flags save threads, room for bursts of young objects and notices on stderr, and keep Node's own code cache
 * usable. */
const WORKER_FLAGS = ["--v8-pool-size=0", "--max-semi-space-size=1", "--disable-warning=ExperimentalWarning"];
/** The process exits after this time if a handle keeps the loop alive although everything has been stopped. */
const LAST_RESORT_MS = 10_000;

export interface RunDaemonOptions {
  /** Default: HYDRAFLOW_HOME, else `~/.hydraflow`. */
  readonly home?: string;
  /** Values by the name of their setting. */
  readonly commandLine: Record<string, unknown>;
}

/** Resolves when the daemon has stopped; the exit code of `host` says how. */
export async function runDaemon(
  options: RunDaemonOptions,
  host: NodeJS.Process,
  workerEntry = ownWorkerEntry(),
): Promise<void> {
  const stop = new AbortController();
  const force = new AbortController();
  let running: Daemon | undefined;
  let crash: unknown;
  closeToOthers(host);
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    host.on(name, () => {
      running?.log.write("info", "daemon.stopping", { signal: name, forced: stop.signal.aborted });
      if (stop.signal.aborted) force.abort();
      stop.abort();
    });
  }
  host.on("SIGHUP", () => void running?.reload());
  for (const name of ["unhandledRejection", "uncaughtException"] as const) {
    host.on(name, (thrown: unknown) => {
      crash ??= thrown ?? name;
      running?.log.write("error", "daemon.crashed", {
        problem: messageOf(thrown),
        stack: thrown instanceof Error ? thrown.stack : undefined,
      });
      stop.abort();
    });
  }
  // The reader of our output may go away; that must not end us.
  host.stdout.on("error", () => undefined);
  host.stderr.on("error", () => undefined);

  try {
    await using owned = new AsyncDisposableStack();
    const home = options.home ?? (host.env["HYDRAFLOW_HOME"] || join(homedir(), ".hydraflow"));
    const worker = { runtime: host.execPath, flags: WORKER_FLAGS, entry: workerEntry };
    const { commandLine } = options;
    const daemon = await startDaemon(
      { home, environment: host.env, commandLine, worker, mirror: host.stdout, readUsage: () => usageOf(host) },
      { stop: stop.signal, force: force.signal },
    );
    // The watchdog watches until the very end, since a stop can stand still too. A start that stands still is never
    // ready, which whoever started it sees.
    owned.use(startWatchdog());
    owned.use(daemon);
    running = daemon;
    saveCompiledCodeLater();
    // V8 knows by now what young objects need. It would give them more with each wave of workers and never take it
    // back: some 40 MiB for the passing messages of a boot or a crash loop.
    setFlagsFromString("--semi-space-growth-factor=1");
    if (!stop.signal.aborted) await once(stop.signal, "abort");
  } catch (error) {
    if (!stop.signal.aborted) crash ??= error;
  }
  if (crash !== undefined) {
    host.exitCode = exitCodeOf(crash);
    host.stderr.write(`hydraflow: ${messageOf(crash)}\n`);
  }
  setTimeout(() => host.exit(), LAST_RESORT_MS).unref();
}

function usageOf(host: NodeJS.Process) {
  const { rss: rssBytes, heapUsed: heapUsedBytes } = host.memoryUsage();
  const { user, system } = host.cpuUsage();
  return { rssBytes, heapUsedBytes, cpuSeconds: (user + system) / 1_000_000 };
}

/** Finds the worker's entry beside us in the bundle, or in its own directory where the sources run as they are. */
function ownWorkerEntry(): string {
  const isSource = import.meta.url.endsWith(".ts");
  return fileURLToPath(new URL(isSource ? "../worker/main.ts" : "./worker.js", import.meta.url));
}
