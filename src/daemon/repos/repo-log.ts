// Emits the log events of one repository: it came into a state, or its worker ended.

import { assertNever } from "../../core/base/errors.ts";
import type { Log } from "../../core/logs/log.ts";
import type { RepoProcess } from "./repo-process.ts";
import type { WorkerExit } from "../workers/worker-process.ts";

export function emitState(
  log: Log,
  slug: string,
  state: RepoProcess,
  worker: { readonly pid: number | null; readonly port: number },
): void {
  const fields = { repo: slug, generation: state.generation };
  switch (state.id) {
    case "starting":
    case "stopped":
      return log.write("info", `repo.${state.id}`, fields);
    case "running":
      return log.write("info", "repo.ready", { ...fields, pid: worker.pid, port: worker.port });
    case "stopping":
      return log.write("info", "repo.stopping", { ...fields, next: state.next });
    case "backing-off":
      return log.write("warn", "repo.backing-off", {
        ...fields,
        delay_ms: state.delayMs,
        crashes: state.crashes.streak,
      });
    case "quarantined":
      return log.write("error", "repo.quarantined", { ...fields, reason: state.reason });
    default:
      return assertNever(state);
  }
}

export interface SeenExit extends WorkerExit {
  readonly generation: number;
  readonly wasAsked: boolean;
}

/** The caller has taken secrets out of `exit`. */
export function emitExit(log: Log, slug: string, exit: SeenExit): void {
  const { generation, wasAsked, code, signal, reason, lastLines } = exit;
  const fields = { repo: slug, generation, code, signal, reason, stderr: lastLines };
  log.write(wasAsked ? "info" : "warn", "repo.exited", fields);
}
