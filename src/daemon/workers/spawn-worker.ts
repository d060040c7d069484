// Spawns a worker's process, up to our first word to it. The process touches nothing before that word, so it may be
// spawned while what its predecessor left is still being cleared away, or before anybody knows its repository.

import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setPriority } from "node:os";

import { z } from "../../core/base/schema.ts";
import { fromWorkerSchema } from "../../core/messages/worker-message.ts";

/** A worker and all that it starts run this nice, so that the doors answer whatever agents do with the cores. */
const NICENESS = 5;

export interface WorkerCommand {
  /** A Node executable. */
  readonly runtime: string;
  readonly flags: readonly string[];
  /** Path of the worker's entry. */
  readonly entry: string;
}

export interface SpawnedWorker {
  readonly child: ChildProcess;
  /** The value of `HYDRAFLOW_BIRTH`, which marks this process and all that it starts. */
  readonly spawnId: string;
  /** Resolves when the process has loaded and listens; never settles when it dies before that. */
  readonly hello: Promise<void>;
}

export interface SpawnOptions {
  readonly spawnId: string;
  /** The whole environment, with both marks in it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** An open file that takes what the process prints; the caller closes its own end. */
  readonly output: number;
}

/** The process leads a group of its own. A spawn that fails shows as the child's `error` event. */
export function spawnWorker({ runtime, flags, entry }: WorkerCommand, options: SpawnOptions): SpawnedWorker {
  const { spawnId, environment, directory, output } = options;
  const child = spawn(runtime, [...flags, entry], {
    cwd: directory,
    detached: true,
    env: environment,
    stdio: ["ignore", output, output, "ipc"],
  });
  if (child.pid !== undefined) stepBehindUs(child.pid);
  const hello = new Promise<void>((resolve) => {
    const onMessage = (raw: unknown): void => {
      const message = z.safeParse(fromWorkerSchema, raw);
      if (!message.success || message.data.type !== "hello" || message.data.pid !== child.pid) return;
      child.off("message", onMessage);
      resolve();
    };
    child.on("message", onMessage);
  });
  return { child, spawnId, hello };
}

/** Linux may share the cores among sessions first; between them only the priority of a session counts. */
function stepBehindUs(pid: number): void {
  try {
    setPriority(pid, NICENESS);
    writeFileSync(`/proc/${pid}/autogroup`, String(NICENESS));
  } catch {
    // The process is gone already, the kernel has no such sharing, or it takes no more changes in this tenth of a
    // second.
  }
}
