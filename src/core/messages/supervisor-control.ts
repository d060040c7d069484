// The one port behind both doors. TCP and HTTP call it and have no logic of their own; the daemon implements it.

import type { Result } from "../base/result.ts";

/** States of a supervised repository; the reducer with its diagram is src/daemon/repos/repo-process.ts. */
export const REPO_STATES = ["stopped", "starting", "running", "stopping", "backing-off", "quarantined"] as const;
export type RepoState = (typeof REPO_STATES)[number];

export interface LastExit {
  readonly code: number | null;
  readonly signal: string | null;
  /** ISO time. */
  readonly at: string;
  readonly reason: string;
  /** The lines that it printed last, oldest first, without secrets; at most 20. */
  readonly last_lines: readonly string[];
}

/** One row of `list_repos`. The first seven fields keep the spelling of the first implementation's wire format. */
export interface RepoEntry {
  readonly path: string;
  readonly slug: string;
  /** `owner/name`. */
  readonly repo: string;
  /** 0 while no worker listens. */
  readonly port: number;
  readonly dashboard_url: string;
  readonly log_file: string;
  readonly running: boolean;
  readonly state: RepoState;
  readonly pid: number | null;
  /** Worker processes spawned since the daemon started, less one. */
  readonly restarts: number;
  /** How often it was quarantined since the daemon started. */
  readonly quarantines: number;
  readonly generation: number;
  /** `stopped` is the operator's latch; it is kept over restarts of the daemon. */
  readonly desired: "running" | "stopped";
  readonly last_exit: LastExit | null;
  /** What the worker last said of itself, for instance that it has no credential; null when it is fine. While there
   * is no worker, it says when the next try is, where that takes longer than the usual pause. */
  readonly notice: string | null;
  /** True while the worker takes no new issue because it was asked to. */
  readonly draining: boolean;
}

export interface Ping {
  readonly version: string;
  readonly boot_id: string;
  readonly uptime_s: number;
}

/** Names a repository as `add_repo` takes it: a checkout, or a repository that HydraFlow clones itself. */
export interface AddRequest {
  /** Absolute path of a checkout. */
  readonly path?: string | undefined;
  /** `owner/name` or a clone URL. */
  readonly repo?: string | undefined;
  /** `owner/name`, overrides what the origin remote says. */
  readonly repo_slug?: string | undefined;
}

export interface AddReply {
  readonly slug: string;
  readonly port: number;
  readonly dashboard_url: string;
  readonly log_file: string;
  /** False when the worker was running already. */
  readonly started: boolean;
}

/** Stable codes of everything that either door can refuse; docs/protocol.md lists them, a test compares. */
export const CONTROL_CODES = {
  bad_request: { status: 400, meaning: "the request is not well formed" },
  unknown_action: { status: 404, meaning: "no such action" },
  unauthorized: { status: 401, meaning: "the token is missing or wrong" },
  forbidden_host: { status: 403, meaning: "the Host or Origin header is not on the list" },
  not_found: { status: 404, meaning: "no such repository, or nothing at this address" },
  path_not_found: { status: 404, meaning: "the path does not exist" },
  not_a_checkout: { status: 422, meaning: "the path is no git checkout" },
  no_repository_name: { status: 422, meaning: "the origin names no repository; give repo_slug" },
  bad_config: { status: 422, meaning: "the configuration is wrong; the one before it stays in use" },
  invalid_slug: { status: 422, meaning: "the name or slug is not valid" },
  already_registered: { status: 409, meaning: "another entry has this repository or path" },
  busy: { status: 409, meaning: "work is in flight, or the repository is changing state" },
  worker_failed: { status: 502, meaning: "the worker did not start; last_exit and the log say why" },
  worker_unavailable: { status: 503, meaning: "the worker is not running" },
  clone_failed: { status: 502, meaning: "the repository could not be cloned" },
  too_large: { status: 413, meaning: "the line or body is larger than the limit" },
  too_many: { status: 429, meaning: "too many requests or connections" },
  storage_failed: { status: 507, meaning: "the machine is short of disk or descriptors; nothing was changed" },
  shutting_down: { status: 503, meaning: "the daemon is stopping" },
  unsupported_type: { status: 415, meaning: "the body is not JSON" },
  internal: { status: 500, meaning: "a bug; the log has the details" },
} as const;

export type ControlCode = keyof typeof CONTROL_CODES;

export interface ControlFailure {
  readonly code: ControlCode;
  /** One line that says what to do; it is never the text of an internal exception. */
  readonly message: string;
}

export type ControlResult<T> = Result<T, ControlFailure>;

export interface SupervisorControl {
  ping(): Ping;
  list(): readonly RepoEntry[];
  status(slug: string): ControlResult<RepoEntry>;
  add(request: AddRequest, signal: AbortSignal): Promise<ControlResult<AddReply>>;
  register(request: AddRequest, signal: AbortSignal): Promise<ControlResult<{ slug: string; path: string }>>;
  remove(
    target: { slug?: string | undefined; path?: string | undefined; force?: boolean | undefined },
    signal: AbortSignal,
  ): Promise<ControlResult<{ slug: string }>>;
  start(slug: string, signal: AbortSignal): Promise<ControlResult<RepoEntry>>;
  stop(slug: string, signal: AbortSignal): Promise<ControlResult<RepoEntry>>;
  restart(slug: string, signal: AbortSignal): Promise<ControlResult<RepoEntry>>;
  /** Replaces a worker when it has finished what it has in flight, within a bound; one that is not running stays as it
   * is. */
  roll(slug: string, signal: AbortSignal): Promise<ControlResult<RepoEntry>>;
  /** Gives the HTTP door the port and token of this generation's worker, from memory and never from a file. */
  workerAddress(slug: string): ControlResult<{ port: number; token: string }>;
}

export interface Readiness {
  readonly ready: boolean;
  /** True while no new issue is taken, as an operator wanted it. */
  readonly draining: boolean;
  /** Each problem is one line for people. */
  readonly problems: readonly string[];
}

/** A repository that is to run and says that something keeps it from working. */
export interface Hindered {
  readonly slug: string;
  readonly notice: string;
}

export interface Reloaded {
  /** Names of settings and of tokens. */
  readonly changed: readonly string[];
  /** Those among the changed ones that wait for a restart of the daemon. */
  readonly needs_restart: readonly string[];
  /** Slugs of workers that are replaced one by one. */
  readonly restarting: readonly string[];
}
