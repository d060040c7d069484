// These strikes are made on a path, and the others left out. It is pure: the same walk and seed choose the same.
//
//   S1  The worker dies at each boundary that has a name of its own: the first time it comes and the last. A read
//       changes nothing anywhere, so the seed chooses one side of it.
//   S2  On a path beside the first it dies at what the first path has not: at names of its own, and at the last of what
//       recurs more often there.
//   S3  Each call is answered once in every way: all calls in one life, each in another way than its neighbour, and so
//       on in turn. What hides an effect or denies it is tried for each write alone as well.
//   S4  A second death comes where S1 has one, in the life after a death at the merge.

import { FAULTS } from "./fault-server.ts";
import type { Attempt } from "./trials.ts";
import type { Strike } from "./world.ts";

const DOUBTFUL = ["done-then-reset", "401", "404"];
const READ = /^(?:before|after) (?:GET|git (?:ls-remote|fetch))/;
const CALL = /^before (?:[A-Z]|git )/;

interface Boundary {
  readonly name: string;
  readonly times: number;
}

export interface Chosen {
  readonly attempts: readonly Attempt[];
  /** S1, S2 or S4 leaves out so many boundaries. */
  readonly leftOut: number;
}

/** Chooses by S1. */
export function deaths(passed: readonly string[], seed: number): Chosen {
  return chosen(passed, seed, ({ times }) => [1, times]);
}

/** Chooses by S2. */
export function furtherDeaths(passed: readonly string[], first: readonly string[], seed: number): Chosen {
  const known = new Map(boundariesOf(first).map(({ name, times }) => [name, times]));
  return chosen(passed, seed, ({ name, times }) => {
    const before = known.get(name);
    if (before === undefined) return [1, times];
    return times > before ? [times] : [];
  });
}

/** Chooses by S4. */
export function secondDeaths(first: Strike, passed: readonly string[], seed: number): Chosen {
  const { attempts, leftOut } = deaths(passed, seed);
  const twice = attempts.map(({ what, strikes }) => ({
    what: `${first.name}, then ${what}`,
    strikes: [first, ...strikes],
  }));
  return { attempts: twice, leftOut };
}

/** Chooses by S3. */
export function faults(passed: readonly string[], known: readonly string[] = []): readonly Attempt[] {
  const first = new Set(boundariesOf(known).map(({ name }) => name));
  const own = boundariesOf(passed).flatMap(({ name }) => (CALL.test(name) && !first.has(name) ? [name] : []));
  if (own.length === 0) return [];
  const together = FAULTS.map((fault, turn) => ({
    what: `all in one life, from ${fault} on`,
    strikes: [{ faults: Object.fromEntries(own.map((name, index) => [name, inTurn(turn + index)])) }],
  }));
  const writes = own.filter((name) => !READ.test(name));
  return [...together, ...writes.flatMap((name) => DOUBTFUL.map((fault) => single(name, fault)))];
}

/** Takes a life with many faults apart, into as many lives. */
export function takenApart({ strikes }: Attempt): readonly Attempt[] {
  const all = strikes.flatMap((one) => Object.entries(one.faults ?? {}));
  return all.length < 2 ? [] : all.map(([name, fault]) => single(name, fault));
}

/** Gives a part of them that the seed decides, the same for the same seed. */
export function someOf(attempts: readonly Attempt[], count: number, seed: number): readonly Attempt[] {
  const ranked = attempts.map((attempt, index) => ({ attempt, rank: rankOf(seed, index) }));
  return ranked
    .toSorted((a, b) => a.rank - b.rank)
    .slice(0, count)
    .map(({ attempt }) => attempt);
}

function single(name: string, fault: string): Attempt {
  return { what: `${fault} for ${name.replace("before ", "")}`, strikes: [{ faults: { [name]: fault } }] };
}

function inTurn(index: number): string {
  return FAULTS[index % FAULTS.length] ?? "500";
}

function chosen(passed: readonly string[], seed: number, timesOf: (boundary: Boundary) => readonly number[]): Chosen {
  const side = (rankOf(seed, 1) >>> 16) % 2 === 0 ? "before" : "after";
  const boundaries = boundariesOf(passed).filter(({ name }) => !READ.test(name) || name.startsWith(side));
  const attempts = boundaries.flatMap((boundary) =>
    [...new Set(timesOf(boundary))].map((count) => ({
      what: `${boundary.name} #${count}`,
      strikes: [{ name: boundary.name, count }],
    })),
  );
  return { attempts, leftOut: passed.length - attempts.length };
}

function boundariesOf(passed: readonly string[]): readonly Boundary[] {
  const times = new Map<string, number>();
  for (const line of passed) {
    const name = line.replace(/ #\d+$/, "");
    times.set(name, (times.get(name) ?? 0) + 1);
  }
  return [...times].map(([name, count]) => ({ name, times: count }));
}

function rankOf(seed: number, index: number): number {
  return Math.imul((seed ^ (index * 0x9e37_79b9)) | 1, 0x85eb_ca6b) >>> 0;
}
