// One row of `list_repos`: what is on disk about a repository, together with what its worker is doing now.

import { workerPaths } from "../../core/files/paths.ts";
import type { RepoEntry } from "../../core/messages/supervisor-control.ts";
import type { RepoRecord } from "../registry/registry-document.ts";
import type { RepoLife } from "./repo-life.ts";

export interface RepoEntryPlaces {
  readonly home: string;
  /** The port of the HTTP door, where the dashboard is; 0 before it listens. */
  readonly httpPort: number;
}

export function repoEntry(record: RepoRecord, life: RepoLife, places: RepoEntryPlaces): RepoEntry {
  const { process: state, worker, lastExit, quarantines } = life;
  const isRunning = state.id === "running";
  return {
    path: record.path,
    slug: record.slug,
    repo: record.repo,
    port: isRunning ? worker.port : 0,
    dashboard_url: `http://localhost:${places.httpPort}/?repo=${record.slug}`,
    log_file: workerPaths(`${places.home}/${record.slug}`).logFile,
    running: isRunning,
    state: state.id,
    pid: worker.pid,
    restarts: Math.max(0, state.generation - 1),
    quarantines,
    generation: state.generation,
    desired: record.desired,
    last_exit: lastExit ?? quarantinedBefore(record),
    notice: noticeOf(life),
    draining: worker.draining,
  };
}

function noticeOf({ process: state, worker, lastExit, nextTry, ended }: RepoLife): string | null {
  const again = nextTry === null ? "" : `; the next try is at ${nextTry.toISOString()}`;
  if (state.id === "quarantined") return `quarantined: ${state.reason}${again}`;
  if (state.id === "backing-off" && ended?.isShortage === true)
    return `the machine is short: ${lastExit?.reason ?? "see the log"}${again}`;
  return worker.notice;
}

/** Knows only the reason of a quarantine that was saved without its exit. */
function quarantinedBefore(record: RepoRecord): RepoEntry["last_exit"] {
  if (record.quarantine === null) return null;
  const { reason, at } = record.quarantine;
  return { code: null, signal: null, at, reason, last_lines: [] };
}
