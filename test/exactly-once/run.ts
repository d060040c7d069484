// A run makes all trials of the chosen paths, some at a time, and says in lines for a person what came of them. The
// control is a worker that loses its journal: if its trials held, the verdict would prove nothing.

import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startForge } from "../../src/forge/forge.ts";
import { type Chosen, deaths, faults, furtherDeaths, secondDeaths, someOf, takenApart } from "./attempts.ts";
import { FaultServer } from "./fault-server.ts";
import { type Path, PATHS } from "./paths.ts";
import { type Attempt, type Outcome, strike, strikeOnAndOn, type Walk, walk, walkAfter } from "./trials.ts";
import type { World } from "./world.ts";

export interface Options {
  /** All paths run where it is empty. */
  readonly paths: readonly string[];
  readonly kinds: readonly Kind[];
  /** So many trials of each kind run on each path; all of them where it is null. */
  readonly few: number | null;
  readonly seed: number;
  readonly atOnce: number;
  readonly patienceMs: number;
  /** Only trials whose name has this in it run. */
  readonly only: string;
  readonly keep: boolean;
  readonly say: (line: string) => void;
}

export const KINDS = ["once", "twice", "on-and-on", "faults"] as const;
type Kind = (typeof KINDS)[number];

/** Each trial stands for an hour of its own; together they are one account. */
const RATE_LIMIT = { limit: 10_000_000, windowMs: 3_600_000 };
const NOTHING: Chosen = { attempts: [], leftOut: 0 };

export interface Tally {
  tried: number;
  held: number;
  turnsTwice: number;
  /** Each entry says what went wrong, with the boundary's name. */
  failed: string[];
}

export async function runTrials(options: Options): Promise<Tally> {
  await using stack = new AsyncDisposableStack();
  const world = await openWorld(options, stack);
  const total = newTally();
  const [firstPath] = PATHS;
  if (firstPath === undefined) return total;
  const first = await walk(world, firstPath);
  for (const path of PATHS.filter(({ name }) => options.paths.length === 0 || options.paths.includes(name))) {
    const own = path === firstPath ? first : await walk(world, path);
    if (own.problems.length > 0) {
      fail(total, `${path.name} undisturbed: ${own.problems.join("; ")}`, options);
      continue;
    }
    for (const kind of options.kinds) {
      const tally = await tryKind({ world, path, own, first, options }, kind);
      if (tally === null) continue;
      options.say(`${path.name}, ${kind}: ${lineOf(tally)}`);
      add(total, tally);
    }
  }
  return total;
}

/**
 * A worker that dies right after a comment and has lost its journal by then posts it again. Gives true when that was
 * seen.
 */
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
  const dataDir = join(directory, "forge");
  const forge = stack.use(await startForge({ port: 0, dataDir, ci: { command: "true" }, rateLimit: RATE_LIMIT }));
  const faultServer = stack.use(await FaultServer.start(forge.url));
  return { forge, faults: faultServer, directory, patienceMs, isForgetful: false };
}

interface Trying {
  readonly world: World;
  readonly path: Path;
  readonly own: Walk;
  /** It is the walk of the first path, whose boundaries the others need not try anew. */
  readonly first: Walk;
  readonly options: Options;
}

/** Gives null where the kind has nothing to try on this path. */
async function tryKind(trying: Trying, kind: Kind): Promise<Tally | null> {
  const { world, path, own, first, options } = trying;
  const startedMs = Date.now();
  const isFirst = own === first;
  const tally = newTally();
  if (kind === "on-and-on") {
    if (!isFirst) return null;
    note(tally, await strikeOnAndOn(world, path), { own, options });
  } else {
    const { attempts, leftOut } = await attemptsOf(trying, kind);
    const wanted = attempts.filter(({ what }) => what.includes(options.only));
    const few = options.few === null ? wanted : someOf(wanted, options.few, options.seed);
    if (few.length === 0) return null;
    options.say(`${path.name}, ${kind}: ${few.length} trials`);
    await tryAll(trying, tally, few);
    options.say(`  left out: ${leftOut + attempts.length - few.length} that recur or were not asked for`);
  }
  options.say(`  ${Math.round((Date.now() - startedMs) / 1_000)} s`);
  return tally;
}

async function attemptsOf({ world, path, own, first, options }: Trying, kind: Kind): Promise<Chosen> {
  const isFirst = own === first;
  if (kind === "once")
    return isFirst ? deaths(own.passed, options.seed) : furtherDeaths(own.passed, first.passed, options.seed);
  if (kind === "faults") return { attempts: faults(own.passed, isFirst ? [] : first.passed), leftOut: 0 };
  if (!isFirst) return NOTHING;
  const sides = options.few === null ? ["before", "after"] : [options.seed % 2 === 0 ? "before" : "after"];
  const around = sides.map((side) => ({ name: `${side} PUT /pulls/2/merge`, count: 1 }));
  const each = await Promise.all(
    around.map(async (death) => secondDeaths(death, await walkAfter(world, path, death), options.seed)),
  );
  return {
    attempts: each.flatMap(({ attempts }) => attempts),
    leftOut: each.reduce((sum, { leftOut }) => sum + leftOut, 0),
  };
}

/** A life with many faults that does not end well is taken apart, to name those that it is about. */
async function tryAll(
  { world, path, own, options }: Trying,
  tally: Tally,
  attempts: readonly Attempt[],
): Promise<void> {
  const queue = [...attempts];
  const work = async () => {
    for (let attempt = queue.shift(); attempt !== undefined; attempt = queue.shift()) {
      const outcome = await strike(world, path, attempt);
      note(tally, outcome, { own, options });
      if (outcome.problems.length > 0) queue.push(...takenApart(attempt));
    }
  };
  await Promise.all(Array.from({ length: options.atOnce }, work));
}

function note(
  tally: Tally,
  { what, tried, problems, turns }: Outcome,
  { own, options }: { own: Walk; options: Options },
): void {
  tally.turnsTwice += Math.max(0, turns - own.turns);
  tally.tried += tried;
  if (problems.length === 0) {
    tally.held += tried;
    options.say(tried === 0 ? `  not met ${what}` : `  held ${what}`);
    return;
  }
  fail(tally, `${what}: ${problems.join("; ")}`, options);
}

function fail(tally: Tally, line: string, { say }: Options): void {
  tally.failed.push(line);
  say(`  FAILED ${line}`);
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
