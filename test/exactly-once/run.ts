// All trials of the chosen paths, some at a time, and what came of them in lines for a person. The control is a worker that
// loses its journal: where its trials held, the verdict would prove nothing.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startForge } from "../../src/forge/forge.ts";
import { FAULTS, FaultServer } from "./fault-server.ts";
import { type Path, PATHS } from "./paths.ts";
import { type Attempt, deaths, faults, type Outcome, secondDeaths, strike, strikeOnAndOn, walk } from "./trials.ts";
import type { World } from "./world.ts";

export interface Options {
  /** Empty: all. */
  readonly paths: readonly string[];
  readonly kinds: readonly Kind[];
  /** How many trials of each kind on each path; all of them where null. */
  readonly few: number | null;
  readonly seed: number;
  readonly atOnce: number;
  readonly patienceMs: number;
  /** Only trials whose name has this in it. */
  readonly only: string;
  readonly keep: boolean;
  readonly say: (line: string) => void;
}

export const KINDS = ["once", "twice", "on-and-on", "faults"] as const;
type Kind = (typeof KINDS)[number];

export interface Tally {
  tried: number;
  held: number;
  turnsTwice: number;
  /** What went wrong, each with the boundary's name. */
  failed: string[];
}

export async function runTrials(options: Options): Promise<Tally> {
  await using stack = new AsyncDisposableStack();
  const world = await openWorld(options, stack);
  const total = newTally();
  for (const path of PATHS.filter(({ name }) => options.paths.length === 0 || options.paths.includes(name))) {
    const tally = await tryPath(world, path, options);
    options.say(`${path.name}: ${lineOf(tally)}`);
    add(total, tally);
  }
  return total;
}

/** A worker that dies right after a comment and has lost its journal by then posts it again. True when that was seen. */
export async function runControl(options: Options): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const world = { ...(await openWorld(options, stack)), isForgetful: true };
  const path = PATHS.find(({ name }) => name === "happy");
  if (path === undefined) return false;
  const at = { name: "after POST /issues/1/comments", count: 2 };
  const { problems } = await strike(world, path, { what: "the control", strikes: [at] });
  const isCaught = problems.some((problem) => problem.includes("2 instead of 1"));
  options.say(`control: ${isCaught ? "caught" : "NOT caught"} (${problems.join("; ")})`);
  return isCaught;
}

async function openWorld({ patienceMs, keep }: Options, stack: AsyncDisposableStack): Promise<World> {
  const directory = await mkdtemp(join(tmpdir(), "once-"));
  if (!keep) stack.defer(() => rm(directory, { recursive: true, force: true, maxRetries: 3 }));
  const forge = stack.use(await startForge({ port: 0, dataDir: join(directory, "forge"), ci: { command: "true" } }));
  const faultServer = stack.use(await FaultServer.start(forge.url));
  return { forge, faults: faultServer, directory, patienceMs, isForgetful: false };
}

async function tryPath(world: World, path: Path, options: Options): Promise<Tally> {
  const undisturbed = await walk(world, path);
  const tally = newTally();
  const attempts: Attempt[] = [];
  if (options.kinds.includes("once")) attempts.push(...chosen(deaths(undisturbed.passed), options));
  if (options.kinds.includes("faults")) attempts.push(...chosen(faults(undisturbed.passed, FAULTS), options));
  if (options.kinds.includes("twice") && path.name === "happy")
    attempts.push(...chosen(await secondDeaths(world, path), options));
  const queue = attempts[Symbol.iterator]();
  const work = async () => {
    for (const attempt of queue) note(tally, await strike(world, path, attempt), undisturbed.turns, options);
  };
  await Promise.all(Array.from({ length: options.atOnce }, work));
  if (options.kinds.includes("on-and-on") && options.only === "") {
    const outcome = await strikeOnAndOn(world, path);
    options.say(`${path.name}: died ${outcome.lives - 1} times, one boundary later each time`);
    note(tally, outcome, undisturbed.turns, options);
  }
  return tally;
}

function note(tally: Tally, { what, tried, problems, turns }: Outcome, turnsOnce: number, { say }: Options): void {
  tally.turnsTwice += Math.max(0, turns - turnsOnce);
  if (tried) tally.tried += 1;
  if (tried && problems.length === 0) tally.held += 1;
  if (problems.length === 0) return;
  const line = `${what}: ${problems.join("; ")}`;
  tally.failed.push(line);
  say(`  FAILED ${line}`);
}

/** With `few` a part of them that the seed decides, the same for the same seed. */
function chosen(attempts: readonly Attempt[], { few, seed, only }: Options): Attempt[] {
  const wanted = attempts.filter(({ what }) => what.includes(only));
  if (few === null) return wanted;
  const ranked = wanted.map((attempt, index) => ({ attempt, rank: rankOf(seed, index) }));
  return ranked
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, few)
    .map(({ attempt }) => attempt);
}

function rankOf(seed: number, index: number): number {
  return Math.imul((seed ^ (index * 0x9e37_79b9)) | 1, 0x85eb_ca6b) >>> 0;
}

function newTally(): Tally {
  return { tried: 0, held: 0, turnsTwice: 0, failed: [] };
}

function add(total: Tally, { tried, held, turnsTwice, failed }: Tally): void {
  total.tried += tried;
  total.held += held;
  total.turnsTwice += turnsTwice;
  total.failed.push(...failed);
}

export function lineOf({ tried, held, failed, turnsTwice }: Tally): string {
  return `${tried} boundaries tried, ${held} held, ${failed.length} failed, ${turnsTwice} turns paid twice`;
}
