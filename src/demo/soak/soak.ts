// A soak works off many issues over a long time while the forge fails a share of its calls and processes are killed:
// everything must end, nothing may happen twice, nothing may be left, and neither disk nor memory may grow. The verdict
// comes from the forge's records and the machine's own figures.

import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";

import { findMarked } from "../../core/processes/process-tree.ts";
import { treeMarkOf } from "../../core/processes/tree-mark.ts";
import { TREE_VARIABLE } from "../../core/messages/worker-message.ts";
import type { Fault } from "../../forge/doors/fault-plan.ts";
import { seededRandom } from "../../forge/doors/seeded-random.ts";
import { DaemonKeeper, daemonCommand, type DemoHost } from "../daemon-keeper.ts";
import { runGit } from "../demo-git.ts";
import { type DemoWorld, makeDemoWorld, openIssue } from "../demo-world.ts";
import { Door } from "../door.ts";
import { DemoOperator } from "../operator.ts";
import { countEnded, type DemoSummary, duplicatesIn, failingSuites, orphansOn, summarise } from "../verdict.ts";
import { type Growth, judgeGrowth, type Sample } from "./growth.ts";
import { Killer } from "./killer.ts";
import { ALLOWANCES, type Sampled, takeFigures, worktreesOf } from "./sampler.ts";
import { readyOf, soakIssue, soakRepositories } from "./soak-issues.ts";

export interface SoakOptions extends DemoHost {
  readonly durationMs: number;
  readonly repositories: number;
  readonly issueEveryMs: number;
  /** This share of the forge's calls fails, from 0 to 1. */
  readonly failRate: number;
  readonly killEveryMs: number;
  readonly seed: number;
  readonly keepDirectory: boolean;
  readonly emit: (line: string) => void;
}

export interface SoakReport extends DemoSummary {
  readonly made: number;
  readonly ended: number;
  readonly minutes: number;
  readonly calls: number;
  readonly failedCalls: number;
  readonly workerKills: number;
  readonly daemonKills: number;
  /** These happened more than once. */
  readonly doubled: readonly string[];
  /** These are still there of issues that have ended: on the forge, in the checkouts, on the machine. */
  readonly left: readonly string[];
  /** These went wrong beside that, in words. */
  readonly problems: readonly string[];
  readonly growth: readonly Growth[];
  /** A run that is too short to tell warming up from growing has false here. */
  readonly isGrowthJudged: boolean;
}

const FAULTS: readonly Fault[] = [
  { kind: "status", status: 500 },
  { kind: "status", status: 502, body: "<html><body><h1>502 Bad Gateway</h1></body></html>" },
  { kind: "status", status: 429, retryAfter: 2 },
  { kind: "reset" },
  { kind: "half-body" },
  { kind: "after-effect-500" },
];

const PACE_MS = 1_000;
const SETTINGS = {
  // Five repositories of one account that look as often as the demo's use up what GitHub allows an account in an hour.
  pollIntervalMs: 5_000,
  ciPollIntervalMs: 2_000,
  // An hour reaches these bounds: a figure that has a bound is flat behind it, one that has none grows on.
  logFileBytesMax: 65_536,
  logFilesMax: 2,
  eventLogBytesMax: 65_536,
};
const LOOK_INTERVAL_MS = 500;
const SAMPLE_INTERVAL_MS = 30_000;
const JUDGED_DURATION_MS_MIN = 20 * 60_000;
/** After the last issue was opened, everything must have ended within this time, and nothing be left. */
const END_WAIT_MS = 15 * 60_000;

export function isHeld({ doubled, left, problems, growth, isGrowthJudged, made, ended, failed }: SoakReport): boolean {
  const isClean = doubled.length === 0 && left.length === 0 && problems.length === 0;
  const isFlat = !isGrowthJudged || growth.every((figure) => figure.isFlat);
  return isClean && isFlat && made > 0 && made === ended && failed === 0;
}

export async function runSoak(options: SoakOptions, signal: AbortSignal): Promise<SoakReport> {
  const path = options.environment["PATH"] ?? "/usr/bin:/bin";
  const samples = soakRepositories(options.repositories);
  await using world = await makeDemoWorld(
    { samples, keepDirectory: options.keepDirectory, path, settings: SETTINGS },
    signal,
  );
  const temporary = join(world.directory, "t");
  await mkdir(temporary);
  const more = { HYDRAFLOW_DEMO_PACE_MS: String(PACE_MS), TMPDIR: temporary };
  await using keeper = new DaemonKeeper(daemonCommand(options, world, more));
  keeper.start();
  const door = new Door(world.paths);
  const run = new SoakRun(options, { world, door, keeper, temporary });
  await run.toItsEnd(signal);
  const problems = (await keeper.stop()) ? [] : ["the daemon did not stop cleanly"];
  const requests = world.forge.requests;
  world.forge.faults.clear();
  const orphans = await findMarked(TREE_VARIABLE, treeMarkOf(world.paths.home));
  const ended = countEnded(world);
  return {
    ...(await summarise(world, signal)),
    made: run.made,
    ended,
    minutes: run.minutes,
    calls: requests.total,
    failedCalls: requests.faulted,
    workerKills: run.killer.workers,
    daemonKills: run.killer.daemons,
    doubled: duplicatesIn(world.forge.ledger).map(({ what, times }) => `${what}: ${times} times`),
    left: [
      ...world.repositories.flatMap(({ fullName }) => orphansOn(world.forge, fullName)),
      ...(await leftOnMachine(world, temporary, signal)),
      ...orphans.map((pid) => `process ${pid}`),
    ],
    problems: [...problems, ...(await failingSuites(world, signal))],
    isGrowthJudged: options.durationMs >= JUDGED_DURATION_MS_MIN,
    growth: Object.entries(ALLOWANCES).map(([figure, allowance]) => judgeGrowth(run.samples, figure, allowance)),
  };
}

/** The run goes from the first issue until the last has ended. */
class SoakRun {
  readonly #options: SoakOptions;
  readonly #sampled: Sampled;
  readonly #operator: DemoOperator;
  #startMs = performance.now();
  readonly killer: Killer;
  readonly samples: Sample[] = [];
  made = 0;

  constructor(options: SoakOptions, sampled: Sampled) {
    this.#options = options;
    this.#sampled = sampled;
    const { door, keeper, world } = sampled;
    this.#operator = new DemoOperator(world, door);
    const random = seededRandom(options.seed);
    const { killEveryMs: everyMs, emit } = options;
    this.killer = new Killer({ door, keeper, random, everyMs, emit: (line) => emit(`${this.#clock()} ${line}`) }, 0);
  }

  get minutes(): number {
    return this.#elapsedMs / 60_000;
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startMs;
  }

  async toItsEnd(signal: AbortSignal): Promise<void> {
    const { durationMs, failRate: share, seed, emit } = this.#options;
    const { world, door } = this.#sampled;
    for (const { checkout } of world.repositories) await door.addUntilTaken(checkout, signal);
    this.#startMs = performance.now();
    emit(`${world.repositories.length} repositories at ${world.forge.url}, everything in ${world.directory}`);
    world.forge.faults.strikeAtRate({ share, faults: FAULTS, seed });
    const isMaking = () => this.#elapsedMs < durationMs;
    const goesOn = () => isMaking() || (this.#elapsedMs < durationMs + END_WAIT_MS && !this.#isOver());
    // Each part waits for nobody else: a daemon that was just killed answers nothing for a while.
    await Promise.all([
      repeat(isMaking, () => this.#openDueIssues(), LOOK_INTERVAL_MS, signal),
      repeat(isMaking, () => this.killer.strikeIfDue(this.#elapsedMs, signal), LOOK_INTERVAL_MS, signal),
      repeat(goesOn, () => this.#operator.answerOpenQuestions(signal), LOOK_INTERVAL_MS, signal),
      repeat(goesOn, () => this.#takeSample(signal), SAMPLE_INTERVAL_MS, signal),
    ]);
  }

  async #openDueIssues(): Promise<void> {
    const { world } = this.#sampled;
    const ready = readyOf(Math.floor(this.#elapsedMs / this.#options.issueEveryMs) + 1);
    for (; this.made < ready; this.made += 1) {
      const { sample, repository } = soakIssue(this.made, world.repositories.length);
      const chosen = world.repositories[repository];
      if (chosen !== undefined) await openIssue(world.forge, chosen, sample);
    }
  }

  async #takeSample(signal: AbortSignal): Promise<void> {
    const ended = countEnded(this.#sampled.world);
    const figures = await takeFigures(this.#sampled, signal);
    this.samples.push({ atMs: this.#elapsedMs, ended, figures });
    const values = Object.entries(figures).map(([figure, value]) => `${figure} ${Math.round(value)}`);
    this.#options.emit(`${this.#clock()} ${ended} of ${this.made} ended; ${values.join("; ")}`);
  }

  #isOver(): boolean {
    const { world } = this.#sampled;
    const left = world.repositories.flatMap(({ fullName }) => orphansOn(world.forge, fullName));
    return countEnded(world) === this.made && left.length === 0;
  }

  #clock(): string {
    const seconds = Math.floor(this.#elapsedMs / 1_000);
    return `${String(Math.floor(seconds / 60)).padStart(3)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

async function repeat(
  goesOn: () => boolean,
  work: () => Promise<void>,
  pauseMs: number,
  signal: AbortSignal,
): Promise<void> {
  while (goesOn()) {
    await work();
    await delay(pauseMs, undefined, { signal });
  }
}

async function leftOnMachine(world: DemoWorld, temporary: string, signal: AbortSignal): Promise<string[]> {
  const left = (await readdir(temporary)).map((name) => `temporary ${name}`);
  const place = { url: world.forge.url, token: world.githubToken, path: world.path };
  for (const repository of world.repositories) {
    const { slug, checkout: directory } = repository;
    const worktrees = await readdir(worktreesOf(repository)).catch(() => []);
    const format = ["for-each-ref", "--format=%(refname)", "refs/heads", "refs/remotes"];
    const refs = (await runGit({ ...place, directory }, format, signal)).split("\n");
    const extra = refs.filter((ref) => ref !== "" && !/^refs\/(?:heads|remotes\/origin)\/(?:main|HEAD)$/.test(ref));
    left.push(...[...worktrees.map((name) => `worktree ${name}`), ...extra].map((what) => `${slug}: ${what}`));
  }
  return left;
}
