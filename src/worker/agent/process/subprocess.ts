// Spawns processes; nothing else in the worker does.
//
// I1 A child runs in its own process group and carries a variable of its own in its environment; when it ends, by
//    itself or by us, the group and everything that carries the variable end with it. Nothing that a turn or a quality
//    gate started survives it, so nothing writes into a worktree behind the worker's back.

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";

import { messageOf } from "../../../core/base/errors.ts";
import { LineSplitter } from "../../../core/files/json-lines.ts";
import { childIdentity, killTree, type ProcessIdentity } from "../../../core/processes/process-tree.ts";
import { recordGroup } from "../../../core/processes/recorded-group.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { ByteTail } from "./byte-tail.ts";

/** I1: marks everything that one child started. */
const RUN_VARIABLE = "HYDRAFLOW_RUN";

/** SIGKILL follows SIGTERM after this; it must fit into the worker's own grace. */
const KILL_GRACE_MS = 2_000;
/**
 * Output may stay open behind the exit: so long for orphans to end, then, with those killed, so long for the pipe to
 * empty.
 */
const DRAIN_MS = 250;
const DRAIN_MS_MAX = 10_000;

const LINE_BYTES_MAX = 10 * 1_024 * 1_024;
const STDERR_BYTES_MAX = 16 * 1_024;

/** A shell exits so for a command that it cannot run (POSIX, `command_not_found`). */
const EXIT_NOT_RUN = 127;

const NEVER = new AbortController().signal;

export interface ProcessExit {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface SubprocessOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** The whole environment; nothing is inherited. */
  readonly env: Readonly<Record<string, string>>;
  /** The group is on record in this directory while it lives, with the marks of the worker that leads it. */
  readonly record?: { readonly directory: string; readonly marks: Readonly<Record<string, string>> };
}

class Subprocess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly exited: Promise<ProcessExit>;
  readonly #run: string;
  readonly #identity: ProcessIdentity | null;
  readonly #record: Disposable | null;
  #killing: Promise<void> | undefined;

  private constructor(
    child: ChildProcess,
    run: string,
    { identity, record }: { identity: ProcessIdentity | null; record: Disposable | null },
    exited: Promise<ProcessExit>,
  ) {
    this.child = child;
    this.#run = run;
    this.#identity = identity;
    this.#record = record;
    this.exited = exited;
  }

  /** The failure is one line for a person. */
  static async start(options: SubprocessOptions, input: string | null): Promise<Result<Subprocess, string>> {
    const run = randomUUID();
    try {
      const child = spawn(options.command, options.args, {
        cwd: options.cwd,
        env: { ...options.env, [RUN_VARIABLE]: run },
        detached: true,
        stdio: [input === null ? "ignore" : "pipe", "pipe", "pipe"],
      });
      // Node throws away what a child has written when it exits before anybody listens; a listener keeps it.
      for (const output of [child.stdout, child.stderr]) output?.on("readable", () => undefined);
      const exited = new Promise<ProcessExit>((resolve) =>
        child.once("exit", (exitCode, signal) => resolve({ exitCode, signal })),
      );
      await once(child, "spawn");
      child.on("error", () => undefined);
      // A child that ends without reading its input breaks the pipe; its exit says what there is to say.
      child.stdin?.on("error", () => undefined).end(input);
      return ok(new Subprocess(child, run, await groupOf(child, options), exited));
    } catch (thrown) {
      return fail(`cannot run ${options.command} in ${options.cwd}: ${messageOf(thrown)}`);
    }
  }

  /** Ends the tree; it is safe to call at any time and more than once. */
  kill(): Promise<void> {
    this.#killing ??= killTree(
      { identity: this.#identity, marker: { name: RUN_VARIABLE, value: this.#run }, graceMs: KILL_GRACE_MS },
      NEVER,
    );
    return this.#killing;
  }

  /** Reads both outputs until the process has ended and they are empty; it kills what the process left behind (I1). */
  async settle(readers: {
    stdout: (chunk: Uint8Array) => Promise<void> | void;
    stderr: (chunk: Uint8Array) => void;
  }): Promise<ProcessExit> {
    const reading = Promise.all([
      readAll(this.child.stdout, readers.stdout),
      readAll(this.child.stderr, readers.stderr),
    ]);
    const broken = new Promise<never>((_, reject) => void reading.catch(reject));
    const exit = await Promise.race([this.exited, broken]);
    await withinMs(reading, DRAIN_MS);
    await this.kill();
    await withinMs(reading, DRAIN_MS_MAX);
    this.child.stdout?.destroy();
    this.child.stderr?.destroy();
    await reading;
    return exit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.exited;
    this.#record?.[Symbol.dispose]();
  }
}

async function groupOf(child: ChildProcess, { record }: SubprocessOptions) {
  const identity = await childIdentity(child).catch(() => null);
  // A worker that is run by hand has no marks, so that no later worker could know its groups by them.
  const isKnown = identity !== null && record !== undefined && Object.keys(record.marks).length > 0;
  return { identity, record: isKnown ? recordGroup(record.directory, identity, record.marks) : null };
}

export interface LinesOptions extends SubprocessOptions {
  /** The input is written to stdin, which is closed behind it. */
  readonly input: string;
  /** Is awaited before the next line is read, so that a slow reader slows the process instead of filling memory. */
  readonly onLine: (line: string) => Promise<void> | void;
}

export type LinesEnd =
  | { readonly kind: "not-started"; readonly problem: string }
  | { readonly kind: "line-too-long" }
  | ({ readonly kind: "ended"; readonly stderr: string } & ProcessExit);

/** Runs a process that speaks in lines. Aborting kills its tree; the end is then that of a killed process. */
export async function runLines(options: LinesOptions, signal: AbortSignal): Promise<LinesEnd> {
  const started = await Subprocess.start(options, options.input);
  if (!started.ok) return { kind: "not-started", problem: started.failure };
  await using subprocess = started.value;
  using _abort = onAbort(signal, () => subprocess.kill());
  const splitter = new LineSplitter(LINE_BYTES_MAX);
  const stderr = new ByteTail(STDERR_BYTES_MAX);
  const state = { isTooLong: false };
  const exit = await subprocess.settle({
    stdout: async (chunk) => {
      if (state.isTooLong) return;
      const lines = splitter.push(chunk);
      state.isTooLong = !lines.ok;
      if (state.isTooLong) void subprocess.kill();
      for (const line of lines.ok ? lines.value : []) await options.onLine(line);
    },
    stderr: (chunk) => stderr.push(chunk),
  });
  if (state.isTooLong) return { kind: "line-too-long" };
  const rest = splitter.rest();
  if (rest !== "") await options.onLine(rest);
  return { kind: "ended", stderr: stderr.text().trim(), ...exit };
}

export interface CommandOptions extends SubprocessOptions {
  readonly timeoutMs: number;
  readonly outputBytesMax: number;
}

export interface CommandEnd extends ProcessExit {
  readonly timedOut: boolean;
  /** The last bytes of stdout and stderr, mixed as they came. */
  readonly output: string;
}

/** Runs a command to its end. One that cannot be run ends as in a shell: exit code 127, the reason as its output. */
export async function runCommand(options: CommandOptions, signal: AbortSignal): Promise<CommandEnd> {
  const started = await Subprocess.start(options, null);
  if (!started.ok) return { exitCode: EXIT_NOT_RUN, signal: null, timedOut: false, output: started.failure };
  await using subprocess = started.value;
  using _abort = onAbort(signal, () => subprocess.kill());
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    void subprocess.kill();
  }, options.timeoutMs);
  const output = new ByteTail(options.outputBytesMax);
  const keep = (chunk: Uint8Array): void => output.push(chunk);
  const exit = await subprocess.settle({ stdout: keep, stderr: keep }).finally(() => clearTimeout(timer));
  return { ...exit, timedOut, output: output.text() };
}

async function readAll(stream: Readable | null, take: (chunk: Uint8Array) => Promise<void> | void): Promise<void> {
  if (stream === null) return;
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, undefined>;
  for (;;) {
    // A destroyed stream ends with an error; we destroyed it, and the output has ended all the same.
    const next = await chunks.next().catch(() => ({ done: true }) as const);
    if (next.done === true) return;
    await take(next.value);
  }
}

async function withinMs(work: Promise<unknown>, limitMs: number): Promise<void> {
  const over = new AbortController();
  const limit = delay(limitMs, undefined, { signal: over.signal }).catch(() => undefined);
  await Promise.race([work, limit]).finally(() => over.abort());
}

function onAbort(signal: AbortSignal, act: () => unknown): Disposable {
  if (signal.aborted) act();
  signal.addEventListener("abort", act, { once: true });
  return { [Symbol.dispose]: () => signal.removeEventListener("abort", act) };
}
