// Every setting, its default, its range, and who may set it. Layers and precedence are in config-layers.ts.

import { z } from "../base/schema.ts";

import { DEFAULT_HTTP_PORT, DEFAULT_TCP_PORT } from "../messages/control-message.ts";

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const port = z.int().check(z.minimum(0), z.maximum(65_535));
const milliseconds = (min: number, max: number) => z.int().check(z.minimum(min), z.maximum(max));
const count = (min: number, max: number) => z.int().check(z.minimum(min), z.maximum(max));
const text = z.string().check(z.minLength(1), z.maxLength(4_096));

/** Patterns as in .gitignore. */
const paths = z.array(z.string().check(z.minLength(1), z.maxLength(200))).check(z.maxLength(200));

/** Settings of the machine: a repository's own file must not set them, they reach outside that repository. */
export const machineSettings = {
  /** 0 binds any free port; the real ones stand in supervisor-state.json. */
  tcpPort: z._default(port, DEFAULT_TCP_PORT),
  httpPort: z._default(port, DEFAULT_HTTP_PORT),
  tcpAuth: z._default(z.enum(["token", "none"]), "token"),
  githubApiUrl: z._default(z.url(), "https://api.github.com"),
  /** Base of clone and push URLs; derived from `githubApiUrl` when absent. */
  githubGitUrl: z.optional(z.url()),
  /** Below the state directory where it is no absolute path. */
  githubTokenFile: z.optional(text),
  /** Together with `githubAppPrivateKeyFile`: act as this GitHub App, by its number or its client id. */
  githubAppId: z.optional(z.union([z.int().check(z.minimum(1)), z.string().check(z.regex(/^[A-Za-z0-9._-]{1,100}$/))])),
  /** Found by the repository where absent. */
  githubAppInstallationId: z.optional(z.int().check(z.minimum(1))),
  /** PEM, mode 0600; below the state directory where it is no absolute path. */
  githubAppPrivateKeyFile: z.optional(text),
  worktreeBase: z.optional(text),
  /** Patterns, as in .gitignore, of paths that agents may change although they are protected. */
  unprotectedPaths: z._default(paths, []),
  agentDriver: z._default(z.enum(["claude", "demo"]), "claude"),
  /** Program of the agent CLI: an absolute path, or a name looked up on PATH. */
  agentCommand: z.optional(text),
  agentModel: z.optional(text),
  /** Names of environment variables handed to agents beside the built-in allow-list, for instance ANTHROPIC_API_KEY. */
  agentEnvironment: z._default(z.array(z.string().check(z.regex(/^[A-Z][A-Z0-9_]{0,99}$/))), []),
  startConcurrency: z.optional(count(1, 64)),
  /** Keep one loaded process waiting for the next worker that is needed. */
  warmSpare: z._default(z.boolean(), false),
  logFileBytesMax: z._default(count(65_536, 1_073_741_824), 10_485_760),
  logFilesMax: z._default(count(1, 100), 5),
  /** All logs and transcripts of the daemon and of every repository together. */
  logsBytesMax: z._default(count(67_108_864, 1_099_511_627_776), 4_294_967_296),
  /** Wait before the first respawn of a crashed worker; it doubles up to `respawnDelayMaxMs`. */
  respawnDelayMs: z._default(milliseconds(0, MINUTE_MS), 1_000),
  respawnDelayMaxMs: z._default(milliseconds(0, HOUR_MS), MINUTE_MS),
  /** Crashes within the window that quarantine a repository. */
  respawnCountMax: z._default(count(1, 10_000), 5),
  respawnWindowMs: z._default(milliseconds(1_000, 24 * HOUR_MS), 5 * MINUTE_MS),
  /** A worker process that uses more memory is replaced. */
  workerRssBytesMax: z._default(count(67_108_864, 1_099_511_627_776), 1_073_741_824),
} as const;

/** Settings that a repository may bring in `.hydraflow/config.json`. */
export const repositorySettings = {
  labelPrefix: z._default(z.string().check(z.regex(/^[a-z0-9][a-z0-9-]{0,30}$/)), "hydraflow"),
  /** The repository's default branch when absent. */
  baseBranch: z.optional(text),
  /** Quality gate, run by `sh -c` in a fresh checkout. Default: `make quality` where a Makefile has it, else `npm
   * test`. */
  gateCommand: z.optional(text),
  /** Run before the gate in the same place. Default: a clean install, where there is a lock file; `none` for nothing. */
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
  /** How the base branch takes a change where the repository allows it; else the first of squash, merge, rebase that it
   * allows. */
  mergeMethod: z.optional(z.enum(["squash", "merge", "rebase"])),
  /** Names of checks that must have reported before a merge. Default: those that reported on the pull requests merged
   * last. */
  requiredChecks: z.optional(z.array(text)),
  /** How long green checks must stay as they are where nothing says which others may come. */
  checksSettleMs: z._default(milliseconds(0, HOUR_MS), 30_000),
  /** Merge although the repository reports no check at all for the head commit. */
  mergeWithoutChecks: z._default(z.boolean(), false),
  /** What waits for longer without an attempt is asked about, or becomes the repository's notice. */
  waitLimitMs: z._default(milliseconds(1_000, 24 * HOUR_MS), HOUR_MS),
  /** An issue that could move, with a free slot, and has not for so long is an alarm. */
  stallMs: z._default(milliseconds(1_000, 24 * HOUR_MS), 15 * MINUTE_MS),
  agentStartupMs: z._default(milliseconds(100, HOUR_MS), MINUTE_MS),
  agentSilenceMs: z._default(milliseconds(100, 4 * HOUR_MS), 5 * MINUTE_MS),
  agentTurnMs: z._default(milliseconds(100, 24 * HOUR_MS), HOUR_MS),
  claimLeaseMs: z._default(milliseconds(1_000, 24 * HOUR_MS), 15 * MINUTE_MS),
  /** Patterns, as in .gitignore, of paths that need a person's approval beside the built-in ones. */
  protectedPaths: z._default(paths, []),
  /** Lockfiles and the install scripts of package.json need a person's approval too. */
  protectLockfiles: z._default(z.boolean(), false),
  minPlanWords: z._default(count(0, 2_000), 200),
  gitAuthorName: z._default(text, "HydraFlow"),
  gitAuthorEmail: z._default(text, "hydraflow@users.noreply.github.com"),
  /** Held in memory too. */
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
