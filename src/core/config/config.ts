// Every setting, its default, its range, and who may set it. What each means stands in setting-descriptions.ts; layers
// and precedence are in config-layers.ts.

import { z } from "../base/schema.ts";

import { DEFAULT_HTTP_PORT, DEFAULT_TCP_PORT } from "../messages/control-message.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const port = z.int().check(z.minimum(0), z.maximum(65_535));
const milliseconds = (min: number, max: number) => z.int().check(z.minimum(min), z.maximum(max));
const count = (min: number, max: number) => z.int().check(z.minimum(min), z.maximum(max));
const text = z.string().check(z.minLength(1), z.maxLength(4_096));
/** Git refuses to commit in a name of nothing but such marks. */
const identity = text.check(
  z.regex(/^\P{Cc}*$/u, "must have no control characters"),
  z.regex(/[^\s.,:;<>"'\\]/u, "must have a letter, a digit or the like, or git makes no commit"),
);

/** Paths are patterns as in .gitignore. */
const paths = z.array(z.string().check(z.minLength(1), z.maxLength(200))).check(z.maxLength(200));

/** Settings of the machine: a repository's own file must not set them, they reach outside that repository. */
export const machineSettings = {
  tcpPort: z._default(port, DEFAULT_TCP_PORT),
  httpPort: z._default(port, DEFAULT_HTTP_PORT),
  tcpAuth: z._default(z.enum(["token", "none"]), "token"),
  githubApiUrl: z._default(z.url(), "https://api.github.com"),
  githubGitUrl: z.optional(z.url()),
  githubTokenFile: z.optional(text),
  githubAppId: z.optional(z.union([z.int().check(z.minimum(1)), z.string().check(z.regex(/^[A-Za-z0-9._-]{1,100}$/))])),
  githubAppInstallationId: z.optional(z.int().check(z.minimum(1))),
  githubAppPrivateKeyFile: z.optional(text),
  worktreeBase: z.optional(text),
  unprotectedPaths: z._default(paths, []),
  agentDriver: z._default(z.enum(["claude", "demo"]), "claude"),
  agentCommand: z.optional(text),
  agentModel: z.optional(text),
  agentEnvironment: z._default(z.array(z.string().check(z.regex(/^[A-Z][A-Z0-9_]{0,99}$/))), []),
  startConcurrency: z.optional(count(1, 64)),
  warmSpare: z._default(z.boolean(), false),
  logFileBytesMax: z._default(count(65_536, 1_073_741_824), 10_485_760),
  logFilesMax: z._default(count(1, 100), 5),
  logsBytesMax: z._default(count(67_108_864, 1_099_511_627_776), 4_294_967_296),
  respawnDelayMs: z._default(milliseconds(0, MINUTE_MS), 1_000),
  respawnDelayMaxMs: z._default(milliseconds(0, HOUR_MS), MINUTE_MS),
  respawnCountMax: z._default(count(1, 10_000), 5),
  respawnWindowMs: z._default(milliseconds(1_000, 24 * HOUR_MS), 5 * MINUTE_MS),
  workerRssBytesMax: z._default(count(67_108_864, 1_099_511_627_776), 1_073_741_824),
} as const;

/** Settings that a repository may bring in `.hydraflow/config.json`. */
export const repositorySettings = {
  labelPrefix: z._default(z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,30}$/)), "hydraflow"),
  baseBranch: z.optional(text),
  gateCommand: z.optional(text),
  gateSetupCommand: z.optional(text),
  gateTimeoutMs: z._default(milliseconds(1_000, 4 * HOUR_MS), HOUR_MS),
  pollIntervalMs: z._default(milliseconds(200, 5 * MINUTE_MS), 30_000),
  maxTriagers: z._default(count(1, 10), 1),
  maxPlanners: z._default(count(1, 10), 1),
  maxWorkers: z._default(count(1, 10), 2),
  maxReviewers: z._default(count(1, 10), 2),
  maxHitlWorkers: z._default(count(1, 5), 1),
  maxIssueAttempts: z._default(count(1, 10), 3),
  maxQualityFixAttempts: z._default(count(0, 10), 2),
  maxReviewRounds: z._default(count(1, 10), 2),
  maxCiFixAttempts: z._default(count(0, 10), 2),
  ciTimeoutMs: z._default(milliseconds(1_000, 4 * HOUR_MS), 10 * MINUTE_MS),
  ciPollIntervalMs: z._default(milliseconds(100, 5 * MINUTE_MS), 30_000),
  mergeMethod: z.optional(z.enum(["squash", "merge", "rebase"])),
  requiredChecks: z.optional(z.array(text)),
  checksSettleMs: z._default(milliseconds(0, HOUR_MS), 30_000),
  mergeWithoutChecks: z._default(z.boolean(), false),
  waitLimitMs: z._default(milliseconds(1_000, 24 * HOUR_MS), HOUR_MS),
  stallMs: z._default(milliseconds(1_000, 24 * HOUR_MS), 15 * MINUTE_MS),
  agentStartupMs: z._default(milliseconds(100, HOUR_MS), MINUTE_MS),
  agentSilenceMs: z._default(milliseconds(100, 4 * HOUR_MS), 5 * MINUTE_MS),
  agentTurnMs: z._default(milliseconds(100, 24 * HOUR_MS), HOUR_MS),
  claimLeaseMs: z._default(milliseconds(1_000, 24 * HOUR_MS), 15 * MINUTE_MS),
  protectedPaths: z._default(paths, []),
  protectLockfiles: z._default(z.boolean(), false),
  minPlanWords: z._default(count(0, 2_000), 200),
  gitAuthorName: z._default(identity, "HydraFlow"),
  gitAuthorEmail: z._default(identity, "hydraflow@users.noreply.github.com"),
  eventLogBytesMax: z._default(count(65_536, 268_435_456), 10_485_760),
} as const;

/** A repository's own file only adds to what the machine says of these: it may not take protection away. */
export const ADDING_SETTINGS: ReadonlySet<string> = new Set(["protectedPaths", "protectLockfiles"]);

export const configSchema = z.strictObject({ ...machineSettings, ...repositorySettings });

export type Config = z.infer<typeof configSchema>;
export type Setting = keyof Config;

/** `tcpPort` ↔ `HYDRAFLOW_TCP_PORT`. */
export function environmentName(setting: string): string {
  return `HYDRAFLOW_${setting.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}
