// Which strikes there are on a path, and what came of each. The boundaries of a path are those that an undisturbed life
// passes, so the first trial of each path is one without a strike.

import type { FAULTS } from "./fault-server.ts";
import type { Path } from "./paths.ts";
import { type Strike, Trial, type World } from "./world.ts";

const LIVES_MAX = 400;

export interface Attempt {
  readonly what: string;
  readonly strikes: readonly Strike[];
}

export interface Outcome {
  readonly what: string;
  /** False where the strike's moment never came, so that nothing was tried. */
  readonly tried: boolean;
  readonly problems: readonly string[];
  readonly turns: number;
}

let trials = 0;

/** An undisturbed life: the boundaries of the path. Throws where the path itself does not end as it should. */
export async function walk(world: World, path: Path): Promise<{ passed: readonly string[]; turns: number }> {
  const trial = await make(world, path);
  const { passed } = await trial.live(null);
  const problems = trial.problems();
  if (problems.length > 0)
    throw new Error(`${path.name} does not end well undisturbed: ${problems.join("; ")}\n${trial.said}`);
  return { passed, turns: trial.turns.length };
}

/** One strike after the other, each in a life of its own; then a life without one. */
export async function strike(world: World, path: Path, { what, strikes }: Attempt): Promise<Outcome> {
  const trial = await make(world, path);
  let isTried = strikes.length > 0;
  for (const each of strikes) {
    const life = await trial.live(each);
    isTried &&= life.struck !== null;
  }
  if (strikes.at(-1)?.fault === undefined) await trial.live(null);
  return { what, tried: isTried, problems: trial.problems(), turns: trial.turns.length };
}

/** Each life dies at one boundary more than the one before it. */
export async function strikeOnAndOn(world: World, path: Path): Promise<Outcome & { readonly lives: number }> {
  const trial = await make(world, path);
  let lives = 1;
  while (lives < LIVES_MAX && (await trial.live({ nth: lives })).struck !== null) lives += 1;
  return {
    what: "life after life",
    tried: true,
    problems: trial.problems(),
    turns: trial.turns.length,
    lives,
  };
}

/** A listing that is asked for again and again is two boundaries like any other, and then the same ones again. */
export function deaths(passed: readonly string[]): Attempt[] {
  return distinct(passed).map((boundary) => ({ what: boundary, strikes: [strikeAt(boundary)] }));
}

/** Every distinct call, once. */
export function faults(passed: readonly string[], kinds: readonly (typeof FAULTS)[number][]): Attempt[] {
  const calls = new Set(passed.filter((line) => /^before [A-Z]/.test(line)).map((line) => line.replace(/ #\d+$/, "")));
  return [...calls].flatMap((name) =>
    kinds.map((fault) => ({
      what: `${fault} for ${name.slice("before ".length)}`,
      strikes: [{ name, count: 1, fault }],
    })),
  );
}

/** Around the merge: dead just before it and just after it, and dead again at each boundary of the life that follows. */
export async function secondDeaths(world: World, path: Path): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  for (const when of ["before", "after"]) {
    const first = { name: `${when} PUT /pulls/2/merge`, count: 1 };
    const trial = await make(world, path);
    await trial.live(first);
    const { passed } = await trial.live(null);
    for (const boundary of distinct(passed))
      attempts.push({ what: `${when} the merge, then ${boundary}`, strikes: [first, strikeAt(boundary)] });
  }
  return attempts;
}

function distinct(passed: readonly string[]): readonly string[] {
  return passed.filter((boundary) => !/ GET \/issues\?since #(?:[2-9]|\d\d)/.test(boundary));
}

function strikeAt(boundary: string): Strike {
  const [, name = "", count = "1"] = /^(.*) #(\d+)$/.exec(boundary) ?? [];
  return { name, count: Number(count) };
}

function make(world: World, path: Path): Promise<Trial> {
  trials += 1;
  return Trial.make(world, path, `${path.name}-${trials}`);
}
