// Trials make one strike after the other and keep what came of it. The boundaries of a path are those that an
// undisturbed life passes, so the first trial of each path is one without a strike.

import type { Path } from "./paths.ts";
import { type Strike, Trial, type World } from "./world.ts";

const LIVES_MAX = 400;

export interface Attempt {
  readonly what: string;
  readonly strikes: readonly Strike[];
}

export interface Outcome {
  readonly what: string;
  /** So many strikes came about; 0 means that the moment never came, so that nothing was tried. */
  readonly tried: number;
  readonly problems: readonly string[];
  readonly turns: number;
}

export interface Walk {
  readonly passed: readonly string[];
  readonly turns: number;
  readonly problems: readonly string[];
}

let trials = 0;

/** Lets one life pass undisturbed: it shows the boundaries of the path, and what is wrong at its end already. */
export async function walk(world: World, path: Path): Promise<Walk> {
  const trial = await make(world, path);
  const { passed } = await trial.live(null);
  return { passed, turns: trial.turns.length, problems: trial.problems() };
}

/** Makes each strike in a life of its own; then, after a death, lets a life pass without one. */
export async function strike(world: World, path: Path, { what, strikes }: Attempt): Promise<Outcome> {
  const trial = await make(world, path);
  const struck: number[] = [];
  for (const each of strikes) struck.push((await trial.live(each)).struck.length);
  const last = strikes.at(-1);
  if (last?.faults === undefined) await trial.live(null);
  // Two deaths are one trial; faults in one life are one trial each.
  const tried = last?.faults === undefined ? Math.min(...struck) : (struck.at(-1) ?? 0);
  return { what, tried, problems: trial.problems(), turns: trial.turns.length };
}

/** Lets each life die one boundary later than the one before it. */
export async function strikeOnAndOn(world: World, path: Path): Promise<Outcome> {
  const trial = await make(world, path);
  let lives = 0;
  while (lives < LIVES_MAX && (await trial.live({ nth: lives + 1 })).struck.length > 0) lives += 1;
  const what = "life after life, each dead one boundary later";
  return { what, tried: lives, problems: trial.problems(), turns: trial.turns.length };
}

/** Gives the boundaries of the life that follows a death at this one. */
export async function walkAfter(world: World, path: Path, death: Strike): Promise<readonly string[]> {
  const trial = await make(world, path);
  await trial.live(death);
  return (await trial.live(null)).passed;
}

function make(world: World, path: Path): Promise<Trial> {
  trials += 1;
  return Trial.make(world, path, `${path.name}-${trials}`);
}
