// The daemon lists a repository like this.

import type { RepoEntry } from "../../src/core/messages/supervisor-control.ts";

export function repoEntry(changes: Partial<RepoEntry> = {}): RepoEntry {
  return {
    path: "/srv/acme-web",
    slug: "acme-web",
    repo: "acme/web",
    port: 40_001,
    dashboard_url: "http://127.0.0.1:8766/?repo=acme-web",
    log_file: "/srv/state/acme-web/logs/worker.log",
    running: true,
    state: "running",
    pid: 4_242,
    restarts: 0,
    quarantines: 0,
    generation: 1,
    desired: "running",
    last_exit: null,
    notice: null,
    draining: false,
    ...changes,
  };
}
