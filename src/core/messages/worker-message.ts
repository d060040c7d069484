// What supervisor and worker say to each other over the IPC channel. Every message carries the nonce of one spawn, so
// that a late one from an earlier generation falls through. Secrets travel here: not in arguments, not in environments.

import { z } from "../base/schema.ts";

/** A worker proves it is alive this often, an idle one at least every fourth time; the supervisor replaces one that is
 * silent for `HEARTBEAT_TIMEOUT_MS`. */
export const HEARTBEAT_INTERVAL_MS = 5_000;
export const HEARTBEAT_TIMEOUT_MS = 45_000;
/** From spawn to `ready`. */
export const STARTUP_TIMEOUT_MS = 60_000;
/** From the request to stop to SIGKILL of the whole tree. */
export const STOP_GRACE_MS = 5_000;
/** A draining worker may finish what it has in flight for this long; what is not done then is resumed by the next one. */
export const DRAIN_TIMEOUT_MS = 60_000;
/** Issues that a heartbeat names. */
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
    /** The operator named it; then the checkout's origin may say anything. */
    isNamed: z.optional(z.boolean()),
    slug: z.string(),
    checkout: z.string(),
    dataRoot: z.string(),
    /** Between `ready` and the first look at GitHub: at a boot others want to start too. */
    pauseMs: z.optional(z.int()),
    /** Bearer tokens the worker's own HTTP API accepts, as SHA-256 in hex: this generation's, and the operator's. */
    acceptedTokenHashes: z.array(z.string()),
    /** `GITHUB_TOKEN`; a token file or the key of an App is read by the worker itself, which sees when it is replaced. */
    githubToken: z.nullable(z.string()),
    /** Proxy variables with a password in them, which no environment holds. */
    secretProxies: z.optional(z.record(z.string(), z.string())),
    /** Raw configuration layers; the worker adds the repository's own and resolves them. */
    /** The worker before was alive and then silent, or its runtime ended it; ISO times of its last heartbeat and its end. */
    silence: z.optional(z.strictObject({ heardAt: z.string(), at: z.string() })),
    config: z.strictObject({
      file: z.nullable(z.strictObject({ source: z.string(), values: z.unknown() })),
      environment: z.record(z.string(), z.string()),
      commandLine: z.record(z.string(), z.unknown()),
    }),
  }),
  z.strictObject({ type: z.literal("stop"), nonce: z.string() }),
  /** Take no new issue, finish those in flight; answered with a heartbeat at once. `resume` takes it back. */
  z.strictObject({ type: z.enum(["drain", "resume"]), nonce: z.string() }),
]);

export const fromWorkerSchema = z.discriminatedUnion("type", [
  /** The module is loaded and listens on the channel; the supervisor answers with `start`. */
  z.strictObject({ type: z.literal("hello"), pid: z.int() }),
  z.strictObject({ type: z.literal("ready"), nonce: z.string(), port: z.int() }),
  z.strictObject({
    type: z.literal("heartbeat"),
    nonce: z.string(),
    /** Issues in flight now; `remove_repo` refuses while it is above zero, unless forced. */
    inFlight: z.int(),
    /** The same by number and stage, as far as it is known. */
    work: z.optional(z.array(z.strictObject({ issue: z.int(), stage: z.string() })).check(z.maxLength(WORK_MAX))),
    /** True while it takes no new issue because it was asked to. */
    draining: z.optional(z.boolean()),
    rssBytes: z.int(),
    notice: z.nullable(z.string()),
  }),
  /** Said before an exit that a restart cannot mend, or that the machine's lack of something has brought about. */
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
