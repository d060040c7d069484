// The demo is the main job on real input: an embedded forge, three repositories, twelve issues, the built daemon as its
// own process, and a person who answers. Nothing in here helps HydraFlow; the verdict comes from the forge's records.

import { performance } from "node:perf_hooks";

import { findMarked } from "../core/processes/process-tree.ts";
import { treeMarkOf } from "../core/processes/tree-mark.ts";
import { TREE_VARIABLE } from "../core/messages/worker-message.ts";
import { Chaos } from "./chaos.ts";
import { DaemonKeeper, daemonCommand, type DemoHost } from "./daemon-keeper.ts";
import { type DemoWorld, makeDemoWorld } from "./demo-world.ts";
import { Door } from "./door.ts";
import { DemoOperator } from "./operator.ts";
import { Progress } from "./progress.ts";
import { countEnded, type DemoSummary, failingSuites, summarise } from "./verdict.ts";

export interface DemoOptions extends DemoHost {
  /** The demo stops when the issues are done; otherwise everything is left up until the signal. */
  readonly once: boolean;
  readonly chaos: boolean;
  readonly keepDirectory: boolean;
  readonly output: { write(text: string): unknown };
  readonly isTerminal: boolean;
}

export interface DemoReport extends DemoSummary {
  readonly seconds: number;
  readonly workerKills: number;
  readonly supervisorKills: number;
  /** So many processes of the daemon were still there after it had stopped. */
  readonly orphans: number;
  /** These went wrong beside the counts, in words. */
  readonly problems: readonly string[];
}

const LOOK_INTERVAL_MS = 150;
/** A run without chaos takes half a minute on two cores. */
const RUN_TIMEOUT_MS = 20 * 60_000;
const PACE_MS = 250;
/** The pace is slow enough that a look falls into every stage of every repository. */
const CHAOS_PACE_MS = 900;

export async function runDemoOnce(options: DemoOptions, signal: AbortSignal): Promise<DemoReport> {
  const startedMs = performance.now();
  const paceMs = options.chaos ? CHAOS_PACE_MS : PACE_MS;
  const path = options.environment["PATH"] ?? "/usr/bin:/bin";
  await using world = await makeDemoWorld({ keepDirectory: options.keepDirectory, path }, signal);
  const keeper = new DaemonKeeper(daemonCommand(options, world, { HYDRAFLOW_DEMO_PACE_MS: String(paceMs) }));
  const problems: string[] = [];
  let chaos: Chaos | undefined;
  {
    await using running = keeper;
    running.start();
    const door = new Door(world.paths);
    const progress = new Progress(world, options.output, options.isTerminal);
    announce(progress, world);
    await addRepositories(world, door, progress, signal);
    if (options.chaos) chaos = new Chaos(world, door, keeper, (line) => progress.note(`chaos: ${line}`));
    const finished = await watch({ world, door, progress, chaos, operator: new DemoOperator(world, door) }, signal);
    if (!finished) problems.push(`not every issue came to an end within ${RUN_TIMEOUT_MS / 60_000} minutes`);
    if (!options.once) await leaveUp(door, world, options, signal);
    if (!(await keeper.stop())) problems.push("the daemon did not stop cleanly");
  }
  for (const target of chaos?.missing ?? []) problems.push(`chaos did not reach: ${target}`);
  const orphans = await findMarked(TREE_VARIABLE, treeMarkOf(world.paths.home));
  problems.push(...(await failingSuites(world, signal)));
  return {
    ...(await summarise(world, signal)),
    seconds: Math.round((performance.now() - startedMs) / 100) / 10,
    workerKills: chaos?.workerKills ?? 0,
    supervisorKills: chaos?.supervisorKills ?? 0,
    orphans: orphans.length,
    problems,
  };
}

/** Says whether the report is what the demo promises. */
export function isAsPromised(report: DemoReport): boolean {
  return report.failed === 0 && report.duplicates === 0 && report.orphans === 0 && report.problems.length === 0;
}

function announce(progress: Progress, world: DemoWorld): void {
  progress.note(
    `Forge with ${world.repositories.length} repositories at ${world.forge.url}, everything in ${world.directory}.`,
  );
  progress.note("The coding agent is a demo agent, not an AI: it writes what the fenced blocks of each issue say.");
}

async function addRepositories(world: DemoWorld, door: Door, progress: Progress, signal: AbortSignal): Promise<void> {
  for (const { checkout, fullName } of world.repositories) {
    await door.addUntilTaken(checkout, signal);
    progress.note(`Added ${fullName}.`);
  }
}

interface Watched {
  readonly world: DemoWorld;
  readonly door: Door;
  readonly progress: Progress;
  readonly chaos: Chaos | undefined;
  readonly operator: DemoOperator;
}

/** Resolves to true when every issue has come to an end. */
async function watch({ world, door, progress, chaos, operator }: Watched, signal: AbortSignal): Promise<boolean> {
  const issues = world.repositories.reduce((sum, repository) => sum + repository.issues.length, 0);
  const deadlineMs = performance.now() + RUN_TIMEOUT_MS;
  while (performance.now() < deadlineMs) {
    const rows = await door.pipeline(signal);
    progress.show(rows);
    const ended = countEnded(world);
    if (ended === issues) return true;
    await chaos?.strike(rows, ended / issues, signal);
    await operator.answerOpenQuestions(signal);
    await pause(signal);
  }
  return false;
}

async function leaveUp(door: Door, world: DemoWorld, options: DemoOptions, signal: AbortSignal): Promise<void> {
  options.output.write(
    [
      "",
      "Done. Everything is left up for you to look at; Ctrl-C stops it and removes it.",
      `  dashboard    hydraflow open --home ${world.paths.home}`,
      `  table        hydraflow list --home ${world.paths.home}`,
      `  one issue    hydraflow explain acme-web 1 --home ${world.paths.home}`,
      `  HTTP door    ${(await door.url()) ?? "(starting)"}   token in ${world.paths.token}`,
      `  clone        git clone ${world.forge.url}/acme/web.git`,
      "",
    ].join("\n"),
  );
  await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}

async function pause(signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise((resolve) => setTimeout(resolve, LOOK_INTERVAL_MS));
}
