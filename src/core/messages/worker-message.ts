// The messages between supervisor and worker over the IPC channel. Every message carries the nonce of one spawn, so
// that a late one from an earlier generation falls through. Secrets travel here: not in arguments, not in environments.

import { z } from "../base/schema.ts";

/** A worker proves it is alive this often, an idle one at least every fourth time; the supervisor replaces one that is
 * silent for `HEARTBEAT_TIMEOUT_MS`. */
export const HEARTBEAT_INTERVAL_MS = 5_000;
export const HEARTBEAT_TIMEOUT_MS = 45_000;
/** A worker may take so long from its spawn to `ready`. */
export const STARTUP_TIMEOUT_MS = 60_000;
/** SIGKILL of the whole tree comes so long after the request to stop. */
export const STOP_GRACE_MS = 5_000;
/** A draining worker may finish what it has in flight for this long; what is not done then is resumed by the next
 * one. */
export const DRAIN_TIMEOUT_MS = 60_000;
/** A heartbeat names at most so many issues. */
export const WORK_MAX = 100;

/** Marks every process of one state directory (`HYDRAFLOW_TREE`) and of one spawn (`HYDRAFLOW_BIRTH`), so that what a
 * killed worker left behind can be told from everything else on the machine. */
export const TREE_VARIABLE = "HYDRAFLOW_TREE";
export const SPAWN_VARIABLE = "HYDRAFLOW_BIRTH";

export const toWorkerSchema = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("start"),
    nonce: z.string(),
    generation: z.int(),
    /** `owner/name`. */
    repo: z.string(),
    /** True when the operator named it; then the checkout's origin may say anything. */
    isNamed: z.optional(z.boolean()),
    slug: z.string(),
    checkout: z.string(),
    dataRoot: z.string(),
    /** The worker waits so long between `ready` and its first look at GitHub: at a boot others want to start too. */
    pauseMs: z.optional(z.int()),
    /** Bearer tokens the worker's own HTTP API accepts, as SHA-256 in hex: this generation's, and the operator's. */
    acceptedTokenHashes: z.array(z.string()),
    /** The value of `GITHUB_TOKEN`. The worker reads a token file or the key of an App itself, and sees when it is
     * replaced. */
    githubToken: z.nullable(z.string()),
    /** Proxy variables with a password in them, which no environment holds. */
    secretProxies: z.optional(z.record(z.string(), z.string())),
    /** Set when the worker before was alive and then silent, or ended by its runtime: the ISO times of its last
     * heartbeat and of its end. */
    silence: z.optional(z.strictObject({ heardAt: z.string(), at: z.string() })),
    /** Raw layers; the worker adds its repository's own and resolves them. */
    config: z.strictObject({
      file: z.nullable(z.strictObject({ source: z.string(), values: z.unknown() })),
      environment: z.record(z.string(), z.string()),
      commandLine: z.record(z.string(), z.unknown()),
    }),
  }),
  z.strictObject({ type: z.literal("stop"), nonce: z.string() }),
  /** Asks the worker to take no new issue and finish those in flight; it answers with a heartbeat at once. `resume`
   * takes that back. */
  z.strictObject({ type: z.enum(["drain", "resume"]), nonce: z.string() }),
]);

export const fromWorkerSchema = z.discriminatedUnion("type", [
  /** The module is loaded and listens on the channel; the supervisor answers with `start`. */
  z.strictObject({ type: z.literal("hello"), pid: z.int() }),
  z.strictObject({ type: z.literal("ready"), nonce: z.string(), port: z.int() }),
  z.strictObject({
    type: z.literal("heartbeat"),
    nonce: z.string(),
    /** Counts the issues in flight; `remove_repo` refuses while it is above zero, unless forced. */
    inFlight: z.int(),
    /** Names these issues by number and stage, as far as they are known. */
    work: z.optional(z.array(z.strictObject({ issue: z.int(), stage: z.string() })).check(z.maxLength(WORK_MAX))),
    /** True while it takes no new issue because it was asked to. */
    draining: z.optional(z.boolean()),
    rssBytes: z.int(),
    notice: z.nullable(z.string()),
  }),
  /** The worker sends this before an exit that a restart cannot mend, or that a shortage of the machine has brought
   * about. */
  z.strictObject({
    type: z.literal("failed"),
    nonce: z.string(),
    reason: z.string(),
    isShortage: z.optional(z.boolean()),
  }),
]);

export type ToWorker = z.infer<typeof toWorkerSchema>;
export type StartWorker = Extract<ToWorker, { type: "start" }>;
export type Silence = NonNullable<StartWorker["silence"]>;
export type FromWorker = z.infer<typeof fromWorkerSchema>;
