// This thread feeds hostile texts to expressions and parsers, and can be ended, should one of them never come back. It
// says what it begins, and then how long the worst text took: the time of this thread's own processor, the best of
// several.

import { parentPort, workerData } from "node:worker_threads";

// @ts-expect-error The linter's own code has no types.
import { positionsOf } from "../../scripts/lint/expression-cost.mjs";
import { hostileTexts } from "./hostile-texts.ts";
import { ROOT } from "./source-file.ts";

export interface Job {
  readonly name: string;
  readonly expression?: { readonly pattern: string; readonly flags: string; readonly isSplit: boolean };
  /** A job is an exported function that takes a text, and what it is called with; the text stands where TEXT does. */
  readonly parser?: { readonly module: string; readonly export: string; readonly arguments: readonly unknown[] };
}

export interface Outcome {
  readonly name: string;
  readonly state: "begun" | "ended";
  readonly worstMs: number;
  readonly ratio: number;
}

export const TEXT = "\u0001text";
/** This stands for a function that gives back its text; a function itself cannot be sent to a thread. */
export const REDACT = "\u0001redact";
const UNITS = 100_000;
const TRIES = 4;
/** Below this, nothing is measured more closely. */
const CALM_MS = 25;

interface Position {
  readonly characters: { readonly ranges: readonly { readonly min: number; readonly max: number }[] };
  readonly edges: readonly { readonly to: number }[];
}

if (parentPort !== null) await runAll(workerData as Job[]);

async function runAll(jobs: readonly Job[]): Promise<void> {
  // The rule means windows of a browser.
  // oxlint-disable-next-line unicorn/require-post-message-target-origin
  const emit = (outcome: Outcome) => parentPort?.postMessage(outcome);
  for (const job of jobs) {
    emit({ name: job.name, state: "begun", worstMs: 0, ratio: 0 });
    const { call, parts, loops } = await prepared(job);
    const times = hostileTexts(parts, loops, UNITS).map((text) => best(call, text));
    const worstMs = Math.max(...times);
    const half = hostileTexts(parts, loops, UNITS / 2)[times.indexOf(worstMs)] ?? "";
    const ratio = worstMs < CALM_MS ? 1 : worstMs / Math.max(0.1, best(call, half));
    emit({ name: job.name, state: "ended", worstMs, ratio });
  }
}

interface Prepared {
  readonly call: (text: string) => unknown;
  readonly parts: readonly string[];
  readonly loops: readonly number[];
}

async function prepared({ expression, parser }: Job): Promise<Prepared> {
  if (expression !== undefined) {
    const { pattern, flags, isSplit } = expression;
    const regExp = new RegExp(pattern, flags);
    const use = (text: string) => {
      regExp.lastIndex = 0;
      if (isSplit) return text.split(regExp);
      return regExp.global ? text.replace(regExp, "") : regExp.exec(text);
    };
    return { call: use, ...partsOf(pattern, flags) };
  }
  if (parser === undefined) throw new Error("neither an expression nor a parser");
  const module = (await import(`${ROOT}/${parser.module}`)) as Record<string, (...given: unknown[]) => unknown>;
  const call = module[parser.export];
  if (call === undefined) throw new Error(`${parser.module} exports no ${parser.export}`);
  const given = (text: string) => parser.arguments.map((argument) => withText(argument, text));
  return { call: (text) => call(...given(text)), parts: ["#", " ", "x", ":", "1", "{", '"', "="], loops: [] };
}

function withText(argument: unknown, text: string): unknown {
  if (argument === TEXT) return text;
  if (argument === REDACT) return (same: string) => same;
  if (Array.isArray(argument)) return argument.map((each) => withText(each, text));
  if (argument === null || typeof argument !== "object" || argument instanceof Date || argument instanceof Map)
    return argument;
  return Object.fromEntries(Object.entries(argument).map(([key, value]) => [key, withText(value, text)]));
}

/** A refusal is an answer as good as any; a stack that a text can overflow is none. */
function answer(call: (text: string) => unknown, text: string): void {
  try {
    call(text);
  } catch (error) {
    if (error instanceof RangeError || !(error instanceof Error)) throw error;
  }
}

function best(call: (text: string) => unknown, text: string): number {
  let bestMs = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < TRIES && bestMs > CALM_MS; attempt += 1) {
    const before = process.threadCpuUsage();
    answer(call, text);
    const { user, system } = process.threadCpuUsage(before);
    bestMs = Math.min(bestMs, (user + system) / 1_000);
  }
  return bestMs;
}

/** Gives one character for each place of the expression. */
function partsOf(pattern: string, flags: string): Omit<Prepared, "call"> {
  const positions = positionsOf(pattern, flags) as readonly Position[];
  const loops = [...positions.keys()].filter((at) => positions[at]?.edges.some(({ to }) => to <= at));
  const parts = positions.map(({ characters: { ranges } }) => {
    const printable = ranges.find(({ max }) => max > 0x20) ?? ranges[0];
    return String.fromCodePoint(Math.max(printable?.min ?? 0x61, Math.min(0x61, printable?.max ?? 0x61)));
  });
  return { parts, loops };
}
