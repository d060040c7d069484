// A worker's process from its birth to our first word to it. Until that word it touches nothing, so it may be born while
// what its predecessor left is still being cleared away, or before anybody knows which repository it will serve.

import { type ChildProcess, spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { setPriority } from "node:os";

import { z } from "../../core/base/schema.ts";
import { fromWorkerSchema } from "../../core/messages/worker-message.ts";

/** Of a worker and all that it starts, so that the doors answer whatever agents do with the cores. */
const NICENESS = 5;

export interface WorkerCommand {
  /** A Node executable. */
  readonly runtime: string;
  readonly flags: readonly string[];
  /** Path of the worker's entry. */
  readonly entry: string;
}

export interface Newborn {
  readonly child: ChildProcess;
  /** Value of the birth mark. */
  readonly birth: string;
  /** It has loaded and listens. Never settles for one that dies before. */
  readonly hello: Promise<void>;
}

export interface BearOptions {
  readonly birth: string;
  /** With the marks in it. */
  readonly environment: Readonly<Record<string, string>>;
  readonly directory: string;
  /** Open file for what it prints; the caller closes its own end. */
  readonly output: number;
}

/** In a process group of its own. A spawn that fails is told by the child's `error` event. */
export function bear({ runtime, flags, entry }: WorkerCommand, options: BearOptions): Newborn {
  const { birth, environment, directory, output } = options;
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
  return { child, birth, hello };
}

/** Linux may share the cores among sessions first; between them only the priority of a session counts. */
function stepBehindUs(pid: number): void {
  try {
    setPriority(pid, NICENESS);
    writeFileSync(`/proc/${pid}/autogroup`, String(NICENESS));
  } catch {
    // It is gone already, the kernel has no such sharing, or it takes no more changes in this tenth of a second.
  }
}
