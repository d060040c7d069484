// One daemon per state directory. The kernel holds the lock as long as the process lives, so one that was killed never
// stands in the way of the next.

import type { Clock } from "../core/clock.ts";
import { readTextIfExists } from "../core/durable-file.ts";
import { HydraError } from "../core/errors.ts";
import { EXIT_CODES } from "../core/exit-code.ts";
import { parseJsonObject } from "../core/json-lines.ts";
import { takeKernelLock } from "../core/kernel-lock.ts";
import type { SupervisorPaths } from "../core/paths.ts";

/** For a daemon that is just ending, as at a restart by hand. */
const WAIT_MS = 1_000;
const STATE_BYTES_MAX = 16_777_216;

/** Throws DAEMON_RUNNING, with the other's pid where its state file tells it. */
export async function takeInstanceLock(paths: SupervisorPaths, clock: Clock, signal: AbortSignal): Promise<Disposable> {
  const lock = await takeKernelLock(paths.instanceLock, WAIT_MS, (ms) => clock.sleep(ms, signal));
  if (lock.ok) return lock.value;
  const state = parseJsonObject((await readTextIfExists(paths.state, STATE_BYTES_MAX).catch(() => undefined)) ?? "");
  const pid = typeof state?.["pid"] === "number" && state["pid"] > 0 ? ` with pid ${state["pid"]}` : "";
  throw new HydraError("DAEMON_RUNNING", `another daemon${pid} runs on ${paths.home}`, {
    exitCode: EXIT_CODES.tryAgain.code,
  });
}
