// Allows one daemon per state directory. The kernel holds the lock as long as the process lives, so one that was killed
// never stands in the way of the next.

import type { Clock } from "../../core/base/clock.ts";
import { readTextIfExists } from "../../core/files/durable-file.ts";
import { errnoOf, HydraError, messageOf } from "../../core/base/errors.ts";
import { EXIT_CODES } from "../../core/base/exit-code.ts";
import { parseJsonObject } from "../../core/files/json-lines.ts";
import { takeKernelLock } from "../../core/files/kernel-lock.ts";
import type { SupervisorPaths } from "../../core/files/paths.ts";

/** The wait for a daemon that is just ending, as at a restart by hand. */
const WAIT_MS = 1_000;
const STATE_BYTES_MAX = 16_777_216;

/** Throws LOCK_UNUSABLE, or DAEMON_RUNNING with the other's pid where its state file has it. */
export async function takeInstanceLock(paths: SupervisorPaths, clock: Clock, signal: AbortSignal): Promise<Disposable> {
  const lock = await takeKernelLock(paths.instanceLock, WAIT_MS, (ms) => clock.sleep(ms, signal)).catch(
    unusable(paths),
  );
  if (lock.ok) return lock.value;
  const state = parseJsonObject((await readTextIfExists(paths.state, STATE_BYTES_MAX).catch(() => undefined)) ?? "");
  const pid = typeof state?.["pid"] === "number" && state["pid"] > 0 ? ` with pid ${state["pid"]}` : "";
  throw new HydraError(
    "DAEMON_RUNNING",
    `another daemon${pid} runs on ${paths.home}; stop it first, or give --home or HYDRAFLOW_HOME another directory`,
    {
      exitCode: EXIT_CODES.tryAgain.code,
    },
  );
}

/** Names the file, which SQLite's own error does not. */
function unusable({ instanceLock }: SupervisorPaths): (error: unknown) => never {
  return (error) => {
    if (errnoOf(error) !== "ERR_SQLITE_ERROR") throw error;
    const hint = "it must be a file of the daemon's user, on a disk with POSIX locks";
    throw new HydraError("LOCK_UNUSABLE", `${instanceLock} cannot be locked: ${messageOf(error)}; ${hint}`, {
      cause: error,
      exitCode: EXIT_CODES.notPermitted.code,
    });
  };
}
