// The forge's own CI: one check run `test` for each new head of a pull request, with the real exit code of a shell command
// in a fresh checkout. Few run at once; output and time are bounded. What a stopped forge left unfinished runs again.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { messageOf } from "../core/errors.ts";
import { childIdentity, killTree, type Marker } from "../core/process-tree.ts";
import { CHECK_TEXT_LENGTH_MAX, createCheck, editCheck } from "./check-writes.ts";
import { saveAll, type Write } from "./forge-core.ts";
import type { ForgeLog } from "./forge-log.ts";
import { runGit } from "./git/git-process.ts";
import { type CheckRecord, fullName } from "./repository-record.ts";

const CI_CHECK_NAME = "test";
export const CI_ACTOR = "forge-ci";

const CONCURRENCY = 2;
const TIMEOUT_MS = 10 * 60_000;
const SUMMARY_LENGTH_MAX = 4_000;
/** Marks every process of one run, so that a killed run leaves nothing behind. */
const RUN_VARIABLE = "FORGE_CI_RUN";

export interface CiSettings {
  /** For repositories that have no command of their own; null runs none. */
  readonly command: string | null;
  /** Search path of the command's programs. */
  readonly path: string;
}

interface CommandEnd {
  readonly code: number | null;
  readonly output: string;
  readonly isTimedOut: boolean;
}

export class CiRunner {
  readonly #settings: CiSettings;
  readonly #log: ForgeLog;
  readonly #waiting: (() => Promise<void>)[] = [];
  readonly #running = new Set<Promise<void>>();
  readonly #signal: AbortSignal;

  constructor(settings: CiSettings, log: ForgeLog, signal: AbortSignal) {
    this.#settings = settings;
    this.#log = log;
    this.#signal = signal;
  }

  /** Queues a run for this commit, where the repository has a command. */
  start(write: Write, sha: string): void {
    const command = this.#commandOf(write);
    if (command === null) return;
    const own = ownWrite(write);
    this.#enqueue(own, createCheck(own, sha, { name: CI_CHECK_NAME }, true), command);
  }

  /** Takes up again what was queued or running when the forge stopped. */
  resume(write: Write): void {
    const command = this.#commandOf(write);
    if (command === null) return;
    for (const check of write.repository.record.checks) {
      if (check.isOwn && check.status !== "completed") this.#enqueue(ownWrite(write), check, command);
    }
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  #commandOf({ repository }: Write): string | null {
    const { ci } = repository.record;
    return ci === undefined ? this.#settings.command : ci;
  }

  #enqueue(write: Write, check: CheckRecord, command: string): void {
    this.#waiting.push(() => this.#run(write, check, command));
    this.#fill();
  }

  #fill(): void {
    while (this.#running.size < CONCURRENCY && !this.#signal.aborted) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      const run = next().finally(() => {
        this.#running.delete(run);
        this.#fill();
      });
      this.#running.add(run);
    }
  }

  /** Never rejects. A run that the closing forge cut short stays unfinished. */
  async #run(write: Write, check: CheckRecord, command: string): Promise<void> {
    const about = { repo: fullName(write.repository.record), sha: check.headSha };
    const startedMs = write.core.clock.monotonicMs();
    try {
      this.#log({ type: "ci.started", ...about });
      editCheck(write, check, { status: "in_progress" });
      await saveAll(write.core, write.repository);
      const end = await runInCheckout(write, check, { command, path: this.#settings.path }, this.#signal);
      if (this.#signal.aborted) return;
      const conclusion = end.isTimedOut ? "timed_out" : end.code === 0 ? "success" : "failure";
      editCheck(write, check, { conclusion, ...describe(end) });
      await saveAll(write.core, write.repository);
      this.#log({
        type: "ci.ended",
        ...about,
        conclusion,
        durationMs: Math.round(write.core.clock.monotonicMs() - startedMs),
      });
    } catch (thrown) {
      if (this.#signal.aborted) return;
      this.#log({ type: "ci.broken", ...about, reason: messageOf(thrown) });
      editCheck(write, check, { conclusion: "failure", title: "CI is broken", summary: messageOf(thrown) });
      await saveAll(write.core, write.repository).catch(() => undefined);
    }
  }
}

function ownWrite({ core, repository }: Write): Write {
  return { core, repository, cause: { actor: CI_ACTOR, method: "LOCAL", path: "" } };
}

async function runInCheckout(
  write: Write,
  check: CheckRecord,
  settings: { command: string; path: string },
  signal: AbortSignal,
): Promise<CommandEnd> {
  const { git } = write.repository;
  const directory = await mkdtemp(join(tmpdir(), "forge-ci-"));
  try {
    const checkout = join(directory, "checkout");
    for (const args of [
      ["clone", "-q", "--shared", "--no-checkout", git.directory, checkout],
      ["-C", checkout, "checkout", "-q", "--detach", check.headSha],
    ]) {
      const answer = await runGit(args, { cwd: directory, environment: git.environment }, signal);
      if (answer.code !== 0) return { code: answer.code, output: answer.stderr, isTimedOut: false };
    }
    const marker = { name: RUN_VARIABLE, value: randomUUID() };
    const environment = {
      PATH: settings.path,
      HOME: directory,
      TMPDIR: directory,
      CI: "true",
      [marker.name]: marker.value,
    };
    return await runCommand(settings.command, { cwd: checkout, environment, marker }, signal);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

async function runCommand(
  command: string,
  place: { cwd: string; environment: Record<string, string>; marker: Marker },
  signal: AbortSignal,
): Promise<CommandEnd> {
  const { cwd, environment, marker } = place;
  const timeout = AbortSignal.timeout(TIMEOUT_MS);
  const limit = AbortSignal.any([signal, timeout]);
  const child = spawn("sh", ["-c", command], {
    cwd,
    env: environment,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const kill = async (): Promise<void> => killTree({ identity: await childIdentity(child), marker, graceMs: 0 }, limit);
  const onLimit = (): void => void kill();
  limit.addEventListener("abort", onLimit, { once: true });
  let output = "";
  const collect = (text: string): void => {
    output = (output + text).slice(-CHECK_TEXT_LENGTH_MAX);
  };
  child.stdout.setEncoding("utf8").on("data", collect);
  child.stderr.setEncoding("utf8").on("data", collect);
  const closed = once(child, "close");
  closed.catch(() => undefined); // A shell that cannot start is told by `exit` below.
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    await killTree({ identity: null, marker, graceMs: 0 }, limit); // What it left in the background holds the pipes.
    await closed;
    return { code, output, isTimedOut: timeout.aborted };
  } finally {
    limit.removeEventListener("abort", onLimit);
  }
}

function describe(end: CommandEnd): { title: string; summary: string; text: string } {
  const title = end.isTimedOut
    ? "Took too long"
    : end.code === 0
      ? "Passed"
      : `Failed with exit code ${end.code ?? "none"}`;
  return { title, summary: `${title}\n\n${end.output.slice(-SUMMARY_LENGTH_MAX)}`, text: end.output };
}
