// One fault is injected many times. `npm test` injects each a few times with a fixed seed, `npm run test:faults` as
// often as the reliability plan asks, with a seed that it prints.

import { execFileSync } from "node:child_process";

import { it } from "vitest";

import { seededRandom } from "../../src/forge/doors/seeded-random.ts";

const IS_FULL = process.env["FAULT_SCALE"] === "full";
const SEED = Number(process.env["FAULT_SEED"] ?? 1);
const START_MS = 60_000;

export interface FaultRun {
  readonly count: number;
  /** It gives 0 ≤ n < 1, the same for the same seed. */
  readonly random: () => number;
}

/** One round may take `roundMs` on a slow machine. */
export function fault(
  title: string,
  { few, many, roundMs }: { few: number; many: number; roundMs: number },
  run: (run: FaultRun) => Promise<void>,
): void {
  const count = IS_FULL ? many : few;
  it(`${title} [${count}]`, () => run({ count, random: seededRandom(SEED) }), START_MS + count * roundMs);
}

/**
 * Rounds that mostly wait go in several lanes; what a round needs for itself then belongs to the round or to its lane.
 */
export async function repeat(
  count: number,
  round: (index: number, lane: number) => Promise<void>,
  lanes = 1,
): Promise<void> {
  let next = 0;
  const run = async (lane: number): Promise<void> => {
    for (let index = next++; index < count; index = next++) await round(index, lane);
  };
  const running = Array.from({ length: lanes }, (_, lane) => run(lane));
  try {
    await Promise.all(running);
  } finally {
    next = count;
    await Promise.allSettled(running);
  }
}

/** Runs `program` under strace. A filter in the kernel makes it cheap, but strace 6.1 then delivers no signals. */
export function traced(options: readonly string[], program: readonly string[]): readonly string[] {
  const filter = options.some((option) => option.includes(":signal=")) ? [] : ["--seccomp-bpf"];
  return [strace(), "-f", ...filter, "-qq", ...options, "--", ...program];
}

/** Gives the program that makes system calls fail; throws one clear line where it is missing. */
export function strace(): string {
  try {
    execFileSync("strace", ["-V"], { stdio: "ignore" });
    return "strace";
  } catch {
    throw new Error("this test needs strace: apt-get install strace");
  }
}
