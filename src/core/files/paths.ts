// Every path HydraFlow writes, in one place. Nothing of a repository lives outside its own data root, worktrees aside.

import { basename, dirname, join, resolve } from "node:path";

/** File mode of directories that hold state or secrets. */
export const PRIVATE_DIRECTORY_MODE = 0o700;
export const PRIVATE_FILE_MODE = 0o600;

export interface SupervisorPaths {
  readonly home: string;
  readonly state: string;
  readonly statePrevious: string;
  readonly instanceLock: string;
  readonly portFile: string;
  readonly token: string;
  /** The file of the token that opens the figures for Prometheus and nothing else. */
  readonly metricsToken: string;
  readonly githubToken: string;
  readonly config: string;
  readonly logFile: string;
  /** Checkouts that HydraFlow cloned itself: `clones/<slug>`. */
  readonly clones: string;
}

export function supervisorPaths(home: string): SupervisorPaths {
  const root = resolve(home);
  return {
    home: root,
    state: join(root, "supervisor-state.json"),
    statePrevious: join(root, "supervisor-state.json.prev"),
    instanceLock: join(root, "supervisor.lock"),
    portFile: join(root, "supervisor-port"),
    token: join(root, "token"),
    metricsToken: join(root, "metrics-token"),
    githubToken: join(root, "github-token"),
    config: join(root, "config.json"),
    logFile: join(root, "logs", "supervisor.log"),
    clones: join(root, "clones"),
  };
}

export interface WorkerPaths {
  readonly dataRoot: string;
  readonly lock: string;
  readonly state: string;
  readonly events: string;
  readonly sessions: string;
  readonly journal: string;
  readonly logFile: string;
  readonly metrics: string;
  /** HOME of agents, one directory per issue beneath. */
  readonly agentHomes: string;
  /** Quality gates have one HOME per run here, and the downloads that all of them share. */
  readonly gates: string;
  /** Records of the process groups that run now. */
  readonly groups: string;
  readonly plan: (issue: number) => string;
  readonly transcript: (issue: number, stage: string, attempt: number) => string;
}

export function workerPaths(dataRoot: string): WorkerPaths {
  const root = resolve(dataRoot);
  return {
    dataRoot: root,
    lock: join(root, "worker.lock"),
    state: join(root, "state.json"),
    events: join(root, "events.jsonl"),
    sessions: join(root, "sessions.jsonl"),
    journal: join(root, "journal.jsonl"),
    logFile: join(root, "logs", "worker.log"),
    metrics: join(root, "metrics", "snapshots.jsonl"),
    agentHomes: join(root, "agents"),
    gates: join(root, "gates"),
    groups: join(root, "groups"),
    plan: (issue) => join(root, "plans", `issue-${issue}.md`),
    transcript: (issue, stage, attempt) => join(root, "logs", `issue-${issue}`, `${stage}-${attempt}.jsonl`),
  };
}

/** Returns a worker's data root under a shared home; a home that already ends in the slug is never nested twice. */
export function workerDataRoot(home: string, slug: string): string {
  const root = resolve(home);
  return basename(root) === slug ? root : join(root, slug);
}

/** Returns `<base>/<slug>`; the default base lies beside the checkout. */
export function worktreeRoot(checkout: string, slug: string, base?: string): string {
  return join(resolve(base ?? join(dirname(resolve(checkout)), "hydraflow-worktrees")), slug);
}
