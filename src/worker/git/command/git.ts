// Runs git, and is the only file that knows how: one process per call through simple-git, in an environment of our own,
// with a deadline, a limit on its output and a bounded number of tries while another process holds one of git's locks.

import { randomUUID } from "node:crypto";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { simpleGit } from "simple-git";

import type { Clock } from "../../../core/base/clock.ts";
import { messageOf } from "../../../core/base/errors.ts";
import { PRIVATE_DIRECTORY_MODE } from "../../../core/files/paths.ts";
import { sweepMarked } from "../../../core/processes/process-tree.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { type ConfigPair, gitEnvironment, type Identity } from "./git-environment.ts";
import { classifyGitOutput, type GitFailure, gitFailure, isTrouble, remoteWords } from "./git-failure.ts";
import { lockFilesOf, StaleLocks } from "./stale-lock.ts";

const LOCAL_TIMEOUT_MS = 5 * 60_000;
const NETWORK_TIMEOUT_MS = 15 * 60_000;
const OUTPUT_BYTES_MAX = 16 * 1_048_576;
const MESSAGE_LENGTH_MAX = 1_000;
const LOCK_TRIES_MAX = 6;
const LOCK_DELAY_MS = 50;
/** One call takes away at most this many lock files that were left behind; more are no accident. */
const LOCKS_REMOVED_MAX = 20;
/** A process that is gone may leave its pipes open this long, through a child that it did not take along. */
const PIPE_DRAIN_MS = 2_000;
/** SIGKILL ends all that git has started this long after SIGINT, on which git removes its lock files. */
const KILL_GRACE_MS = 2_000;
const RUN_VARIABLE = "HYDRAFLOW_RUN";

export interface GitOptions {
  /** `git` is looked up on this PATH. */
  readonly path: string;
  /** The private HOME of every git process. It is made when it is not there, and emptied. */
  readonly home: string;
  readonly identity: Identity;
  readonly clock: Clock;
  /** Takes secrets out of what git printed. */
  readonly redact: (text: string) => string;
  /** Every process of this worker inherits these marks, so that a sweep finds what a killed worker left behind. */
  readonly marks?: Readonly<Record<string, string>>;
  /** Commands that use the network get these variables, for instance HTTPS_PROXY or GIT_SSL_CAINFO. */
  readonly networkVariables?: Readonly<Record<string, string>>;
  /** Is called when a lock file that a killed git had left was taken away. */
  readonly onLockRemoved?: (file: string, ageMs: number) => void;
}

export interface GitCall {
  /** The absolute working directory. */
  readonly directory: string;
  /** Arguments come from code alone: a value from outside stands behind `--` or was checked by branch-name.ts. */
  readonly arguments: readonly string[];
  readonly input?: string;
  /**
   * With `latin1` each character of input and output stands for one byte, so that names of files come through
   * unchanged.
   */
  readonly encoding?: "latin1";
  readonly variables?: Readonly<Record<string, string>>;
  readonly config?: readonly ConfigPair[];
  /** Commands that use the network name the transports that they may use. */
  readonly protocols?: readonly string[];
  /** Commands that use the network say where they go. */
  readonly remoteUrl?: string;
  /** Local work sets this when it takes as long as a command that uses the network may. */
  readonly isLong?: boolean;
  /** These exit codes are answers, not failures; 0 always is one. */
  readonly answers?: readonly number[];
  readonly outputBytesMax?: number;
  /** Output over the limit is cut when this is true, and a failure otherwise. */
  readonly truncate?: boolean;
}

export interface GitOutput {
  readonly exitCode: number;
  readonly stdout: string;
  readonly truncated: boolean;
}

export interface Git {
  /** Rejects with the signal's reason when aborted; the process is gone by then. Everything else is a value. */
  run(call: GitCall, signal: AbortSignal): Promise<Result<GitOutput, GitFailure>>;
  /** Says whether a git process of ours has this working directory now. */
  isRunningIn(directory: string): boolean;
}

interface Raw {
  readonly stdOut: Buffer[];
  readonly stdErr: Buffer[];
  readonly exitCode: number;
}

export function createGit(options: GitOptions): Git {
  mkdirSync(options.home, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
  // A filter of large-files.ts that was killed leaves its directory there.
  for (const name of readdirSync(options.home)) rmSync(join(options.home, name), { recursive: true, force: true });
  const running = new Map<string, number>();
  const { clock, onLockRemoved: onRemoved = () => undefined } = options;
  const longestCallMs = NETWORK_TIMEOUT_MS + KILL_GRACE_MS;
  const locks = new StaleLocks({ clock, longestCallMs, ownVariable: RUN_VARIABLE, onRemoved });
  return {
    isRunningIn: (directory) => (running.get(directory) ?? 0) > 0,
    run: async (call, signal) => {
      running.set(call.directory, (running.get(call.directory) ?? 0) + 1);
      try {
        return await runUntilUnlocked({ ...options, locks }, call, signal);
      } finally {
        const left = (running.get(call.directory) ?? 1) - 1;
        if (left === 0) running.delete(call.directory);
        else running.set(call.directory, left);
      }
    },
  };
}

async function runUntilUnlocked(
  options: GitOptions & { readonly locks: StaleLocks },
  call: GitCall,
  signal: AbortSignal,
): Promise<Result<GitOutput, GitFailure>> {
  for (let waits = 0, removed = 0; ; ) {
    const result = await runOnce(options, call, signal);
    if (result.ok || result.failure.kind !== "locked") return result;
    const files = lockFilesOf(result.failure.message, call.directory, gitDirectoriesOf(call));
    const cleared = await options.locks.clear(files);
    if (cleared.ok && files.length > 0 && removed < LOCKS_REMOVED_MAX) {
      removed += 1;
      continue;
    }
    waits += 1;
    if (waits === LOCK_TRIES_MAX) return cleared.ok ? result : fail({ ...result.failure, message: cleared.failure });
    const delayMs = LOCK_DELAY_MS * 2 ** (waits - 1);
    await options.clock.sleep(delayMs + Math.random() * delayMs, signal);
  }
}

function gitDirectoriesOf({ variables = {} }: GitCall): string[] {
  return [variables["GIT_COMMON_DIR"], variables["GIT_DIR"]].filter((directory) => directory !== undefined);
}

async function runOnce(
  options: GitOptions,
  call: GitCall,
  signal: AbortSignal,
): Promise<Result<GitOutput, GitFailure>> {
  signal.throwIfAborted();
  const isShort = call.protocols === undefined && call.isLong !== true;
  const deadline = AbortSignal.timeout(isShort ? LOCAL_TIMEOUT_MS : NETWORK_TIMEOUT_MS);
  const overflow = new AbortController();
  const outputBytesMax = call.outputBytesMax ?? OUTPUT_BYTES_MAX;
  let raw: Raw | undefined;
  try {
    const stop = AbortSignal.any([signal, deadline, overflow.signal]);
    const stdout = await spawnGit(options, call, { stop, overflow, outputBytesMax, ended: (result) => (raw = result) });
    const printed = call.encoding === undefined ? stdout : Buffer.concat(raw?.stdOut ?? []).toString(call.encoding);
    return ok({ exitCode: raw?.exitCode ?? 0, stdout: printed, truncated: false });
  } catch (error) {
    signal.throwIfAborted();
    if (overflow.signal.aborted) return cutOutput(call, raw, outputBytesMax);
    if (deadline.aborted) return fail(gitFailure("network", `git ${call.arguments[0]} was stopped at its deadline`));
    return fail(failureOf(options, error, raw));
  }
}

interface Control {
  readonly stop: AbortSignal;
  readonly overflow: AbortController;
  readonly outputBytesMax: number;
  readonly ended: (raw: Raw) => void;
}

async function spawnGit(options: GitOptions, call: GitCall, control: Control): Promise<string> {
  const run = randomUUID();
  const environment = { ...environmentOf(options, call), [RUN_VARIABLE]: run };
  const gone = new AbortController();
  const swept = sweepWhenStopped(options.clock, run, control.stop, gone.signal);
  try {
    const git = simpleGit({
      baseDir: call.directory,
      abort: control.stop,
      completion: { onClose: true, onExit: PIPE_DRAIN_MS },
      allowEnvironment: Object.keys(environment).filter((name) => name.startsWith("GIT_")),
      unsafe: PERMITTED,
      errors: (error, result) => {
        control.ended(result);
        if (isAnswer(call, result)) return undefined;
        if (error !== undefined || result.exitCode === 0) return error;
        return Buffer.concat([...result.stdErr, ...result.stdOut]);
      },
      // An input is always given: without it nobody would close the process's stdin.
      input: () => Buffer.from(call.input ?? "", call.encoding ?? "utf8"),
    });
    git.env(environment).outputHandler((_command, stdout, stderr) => {
      for (const stream of [stdout, stderr]) stream.on("data", limitBytes(control.outputBytesMax, control.overflow));
    });
    return await git.raw([...call.arguments]);
  } finally {
    gone.abort();
    await swept;
  }
}

/** Git may say a word or two with its answer; what the machine is in trouble with answers nothing. */
function isAnswer({ answers = [] }: GitCall, { exitCode, stdErr }: Raw): boolean {
  return answers.includes(exitCode) && !isTrouble(Buffer.concat(stdErr).toString("utf8"));
}

/** SIGINT reaches git alone; a filter or transport that it started may live on and would hold the worktree. */
function sweepWhenStopped(clock: Clock, run: string, stop: AbortSignal, gone: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const sweep = () => {
      clock
        .sleep(KILL_GRACE_MS, gone)
        .catch(() => undefined)
        .then(() => sweepMarked(RUN_VARIABLE, run))
        .then(
          () => resolve(),
          () => resolve(),
        );
    };
    stop.addEventListener("abort", sweep, { once: true });
    gone.addEventListener("abort", () => {
      stop.removeEventListener("abort", sweep);
      if (!stop.aborted) resolve();
    });
  });
}

/** We may use these: every value comes from git-environment.ts or from a computed path, none from outside. */
const PERMITTED = {
  allowUnsafeConfigEnvCount: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeHooksPath: true,
  allowUnsafeTemplateDir: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeFilter: true,
  allowUnsafeAskPass: true,
  allowUnsafeSshCommand: true,
  allowUnsafeGitProxy: true,
  allowUnsafeCredentialHelper: true,
  allowUnsafeProtocolOverride: true,
};

function environmentOf(options: GitOptions, call: GitCall): Record<string, string> {
  return gitEnvironment({
    path: options.path,
    home: options.home,
    identity: options.identity,
    protocols: call.protocols ?? [],
    config: call.config ?? [],
    ...(call.remoteUrl === undefined ? {} : { remoteUrl: call.remoteUrl }),
    variables: {
      ...options.marks,
      ...(call.protocols === undefined ? {} : options.networkVariables),
      ...call.variables,
    },
  });
}

function limitBytes(bytesMax: number, overflow: AbortController): (chunk: Buffer) => void {
  let bytes = 0;
  return (chunk) => {
    bytes += chunk.length;
    if (bytes > bytesMax) overflow.abort();
  };
}

function cutOutput(call: GitCall, raw: Raw | undefined, bytesMax: number): Result<GitOutput, GitFailure> {
  if (!call.truncate || raw === undefined)
    return fail(gitFailure("failed", `git ${call.arguments[0]} printed more than ${bytesMax} bytes`));
  return ok({ exitCode: 0, stdout: Buffer.concat(raw.stdOut).subarray(0, bytesMax).toString("utf8"), truncated: true });
}

function failureOf(options: GitOptions, error: unknown, raw: Raw | undefined): GitFailure {
  const lines = options.redact(messageOf(error));
  const text = lines.replace(/\s+/g, " ").trim();
  const message = text.slice(0, MESSAGE_LENGTH_MAX);
  const exitCode = raw === undefined || raw.exitCode < 0 ? null : raw.exitCode;
  if (/spawn git ENOENT/.test(message)) return gitFailure("failed", "git is not installed, or not on PATH", null);
  if (/directory that does not exist/.test(message))
    return gitFailure("not-found", `${message}: the working directory is gone`, null);
  return { ...gitFailure(classifyGitOutput(lines), message, exitCode), remote: remoteWords(lines) };
}
