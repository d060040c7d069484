// Entry of the worker process. Under a supervisor it is spawned with a channel and told everything over it; by hand it
// is called by the command line. Signals first, then the start. It sets the exit code and lets the loop drain.

import { once } from "node:events";

import { saveCompiledCodeLater } from "../core/processes/compile-cache.ts";
import { messageOf } from "../core/base/errors.ts";
import { exitCodeOf, shortageOf } from "../core/processes/shortage.ts";
import { closeToOthers } from "../core/processes/umask.ts";
import type { RunWorkerOptions } from "./process/run-by-hand.ts";
import { runSupervised, type SupervisedHost } from "./process/run-supervised.ts";
import { SupervisorLink } from "./process/supervisor-link.ts";

/** For an end that hangs; below the supervisor's grace, so that our own agents are gone before it kills. */
const LAST_RESORT_MS = 4_500;
/** Once all of ours has ended: for a library's timer, such as the repeat of a request that nobody waits for. */
const DRAIN_MS = 50;

/** `hydraflow worker <path>`. Resolves when it has stopped; the exit code of `host` says how. */
export async function runWorker(options: RunWorkerOptions, host: NodeJS.Process): Promise<void> {
  await runUntilStopped(host, async (signal) => {
    const { startByHand } = await import("./process/run-by-hand.ts");
    const started = await startByHand(options, { environment: host.env, execPath: host.execPath }, signal);
    await using worker = started.worker;
    const { repo, slug } = worker.runtime;
    host.stdout.write(`worker of ${repo} (${slug}): http://127.0.0.1:${worker.port}, token in ${started.tokenFile}\n`);
    if (!signal.aborted) await once(signal, "abort");
  });
}

async function runSupervisedWorker(host: NodeJS.Process): Promise<void> {
  const channel = {
    pid: host.pid,
    send: (message: object, done: () => void): void => {
      // A supervisor that is gone takes the channel along; the disconnect says so.
      if (host.connected && host.send !== undefined) host.send(message, undefined, undefined, () => done());
      else done();
    },
    onMessage: (listener: (message: unknown) => void) => host.on("message", listener),
  };
  let said: Promise<void> | undefined;
  let link: SupervisorLink | undefined;
  const emit = (crash: unknown): void => {
    const shortage = shortageOf(crash);
    // The file behind stderr may be on the very disk that is full.
    if (shortage !== null) said = link?.failed(shortage, true);
  };
  await runUntilStopped(
    host,
    async (signal, stop) => {
      using opened = new SupervisorLink(channel, stop);
      link = opened;
      // Without a supervisor nobody may work: the next one starts another worker here.
      host.on("disconnect", stop);
      saveCompiledCodeLater();
      await runSupervised(opened, supervisedHost(host), signal);
    },
    emit,
  );
  await said;
  if (host.connected) host.disconnect();
}

function supervisedHost(host: NodeJS.Process): SupervisedHost {
  return {
    environment: host.env,
    execPath: host.execPath,
    rssBytes: () => host.memoryUsage.rss(),
    // A process that was there before its repository was known is elsewhere.
    enter: (dataRoot) => {
      host.env["HYDRAFLOW_HOME"] = dataRoot;
      host.chdir(dataRoot);
    },
  };
}

async function runUntilStopped(
  host: NodeJS.Process,
  run: (signal: AbortSignal, stop: () => void) => Promise<void>,
  emit: (crash: unknown) => void = () => undefined,
): Promise<void> {
  const stopping = new AbortController();
  let crash: unknown;
  closeToOthers(host);
  const stop = (): void => {
    if (stopping.signal.aborted) return;
    stopping.abort();
    setTimeout(() => host.exit(), LAST_RESORT_MS).unref();
  };
  const fail = (thrown: unknown): void => {
    if (crash !== undefined) return;
    crash = thrown;
    // At once: an end that hangs is a failure too.
    host.exitCode = exitCodeOf(crash);
    emit(crash);
  };
  for (const name of ["SIGTERM", "SIGINT"] as const) host.on(name, stop);
  for (const name of ["unhandledRejection", "uncaughtException"] as const) {
    host.on(name, (thrown: unknown) => {
      fail(thrown ?? name);
      stop();
    });
  }
  try {
    await run(stopping.signal, stop);
  } catch (thrown) {
    if (!stopping.signal.aborted) fail(thrown);
  }
  setTimeout(() => host.exit(), DRAIN_MS).unref();
  if (crash === undefined) return;
  // A disk that does not take the words changes nothing of how we end.
  host.stderr.on("error", () => undefined);
  host.stderr.write(`hydraflow worker: ${messageOf(crash)}\n`);
}

if (import.meta.main && process.send !== undefined) await runSupervisedWorker(process);
