// The forge's own CI runs one check `test` for each new head of a pull request and each push to the default branch.
//
// I1 A check ends with the real exit code of a shell command in a fresh checkout.
// I2 Few run at once, and each run's output and time are bounded.
// I3 A run that a stopped forge left unfinished runs again; a run that ended leaves no process behind.

import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { messageOf } from "../../core/base/errors.ts";
import { childIdentity, killTree, type Marker } from "../../core/processes/process-tree.ts";
import { suiteFor } from "./check-suites.ts";
import { CHECK_TEXT_LENGTH_MAX, createCheck, editCheck } from "./check-writes.ts";
import { saveAll, type Write } from "../kernel/forge-core.ts";
import type { ForgeLog } from "../kernel/forge-log.ts";
import { runGit } from "../git/git-process.ts";
import { type CheckRecord, fullName, type SuiteRecord } from "../store/repository-record.ts";

const CI_CHECK_NAME = "test";
export const CI_ACTOR = "forge-ci";

/** Only so many runs go on at once (I2). */
const CONCURRENCY = 2;
/** A run ends after this (I2). */
const TIMEOUT_MS = 10 * 60_000;
const SUMMARY_LENGTH_MAX = 4_000;
/** The runner sets this for every process of one run, so that it can end all of them (I3). */
const RUN_VARIABLE = "FORGE_CI_RUN";

export interface CiSettings {
  /** It serves repositories that have no command of their own; null runs none. */
  readonly command: string | null;
  /** The shell finds the command's programs on this search path. */
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
  /** These commits wait for their run as long as the repository's delay orders. */
  readonly #delayed = new Set<Promise<void>>();
  /** Each check that runs has its canceller here, by the check's id. */
  readonly #cancels = new Map<number, AbortController>();

  constructor(settings: CiSettings, log: ForgeLog, signal: AbortSignal) {
    this.#settings = settings;
    this.#log = log;
    this.#signal = signal;
  }

  /** Queues a run for this commit, where the repository has a command. Its suite is there at once. */
  start(write: Write, sha: string, workflow: "push" | "pull_request"): void {
    if (this.#commandOf(write) === null) return;
    const own = ownWrite(write);
    const wanted = { headSha: sha, app: CI_ACTOR, headBranch: branchAt(write, sha), workflow };
    this.#startSuite(own, suiteFor(own, wanted));
  }

  /** Makes a new try in the same suite, as "Re-run all jobs" does. */
  rerun(write: Write, suite: SuiteRecord): void {
    this.#addRun(ownWrite(write), suite);
  }

  /** Ends what runs or waits in this suite. */
  cancel(write: Write, suite: SuiteRecord): void {
    const open = write.repository.record.checks.filter(
      (check) => check.suiteId === suite.id && check.status !== "completed",
    );
    for (const check of open) {
      editCheck(ownWrite(write), check, { conclusion: "cancelled", title: "Cancelled" });
      this.#cancels.get(check.id)?.abort();
    }
  }

  /** Takes up again what was queued or running when the forge stopped (I3). */
  resume(write: Write): void {
    const command = this.#commandOf(write);
    if (command === null) return;
    const { checks, suites } = write.repository.record;
    for (const check of checks) {
      if (check.isOwn && check.status !== "completed") this.#enqueue(ownWrite(write), check, command);
    }
    for (const suite of suites) {
      const isEmpty =
        suite.workflow !== null && suite.end === undefined && !checks.some(({ suiteId }) => suiteId === suite.id);
      if (isEmpty) this.#addRun(ownWrite(write), suite);
    }
  }

  /** Resolves when nothing runs and nothing waits. */
  async idle(): Promise<void> {
    while (this.#running.size + this.#delayed.size > 0) await Promise.all([...this.#running, ...this.#delayed]);
  }

  #startSuite(own: Write, suite: SuiteRecord): void {
    const { ciDelayMs } = own.repository.record.settings;
    if (ciDelayMs === 0) return this.#addRun(own, suite);
    const start = own.core.clock
      .sleep(ciDelayMs, this.#signal)
      .then(() => this.#addRun(own, suite))
      .catch(() => undefined) // The forge closes; the next one takes it up.
      .finally(() => this.#delayed.delete(start));
    this.#delayed.add(start);
  }

  #addRun(own: Write, suite: SuiteRecord): void {
    const command = this.#commandOf(own);
    if (command === null) return;
    const check = createCheck(own, suite.headSha, { name: CI_CHECK_NAME, suiteId: suite.id }, true);
    this.#enqueue(own, check, command);
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
    const cancel = new AbortController();
    const signal = AbortSignal.any([this.#signal, cancel.signal]);
    if (check.status === "completed") return; // Somebody cancelled it while it waited.
    this.#cancels.set(check.id, cancel);
    try {
      this.#log({ type: "ci.started", ...about });
      editCheck(write, check, { status: "in_progress" });
      await saveAll(write.core, write.repository);
      const end = await runInCheckout(write, check, { command, path: this.#settings.path }, signal);
      if (signal.aborted) return;
      // I1
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
      if (signal.aborted) return;
      this.#log({ type: "ci.broken", ...about, reason: messageOf(thrown) });
      editCheck(write, check, { conclusion: "failure", title: "CI is broken", summary: messageOf(thrown) });
      await saveAll(write.core, write.repository).catch(() => undefined);
    } finally {
      this.#cancels.delete(check.id);
    }
  }
}

/** Gives a branch that stands at this commit; there is none where it has moved on already. */
function branchAt({ repository }: Write, sha: string): string | null {
  const found = Object.entries(repository.record.refs).find(([ref, at]) => at === sha && ref.startsWith("refs/heads/"));
  return found?.[0].slice("refs/heads/".length) ?? null;
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
  closed.catch(() => undefined); // A shell that cannot start is reported by `exit` below.
  try {
    const [code] = (await once(child, "exit")) as [number | null];
    await killTree({ identity: null, marker, graceMs: 0 }, limit); // Its orphans hold the pipes (I3).
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
