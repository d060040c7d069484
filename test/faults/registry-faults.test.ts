// The state file promises this: what is acknowledged is durable, and a kill or a failing disk leaves the old document
// or the new one.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect } from "vitest";

import { systemClock } from "../../src/core/base/clock.ts";
import { supervisorPaths } from "../../src/core/files/paths.ts";
import { RegistryFile } from "../../src/daemon/registry/registry-file.ts";
import { Rig } from "../daemon/daemon-rig.ts";
import { fault, repeat, traced } from "./fault.ts";

const MUTATOR = fileURLToPath(new URL("../fixtures/mutate-registry.ts", import.meta.url));
const KILL_MS_MAX = 40;
const ENDLESS = 1_000_000;
const LANES = 2;
/** A process makes so many changes, with two calls of a kind each, and one of the first calls fails. */
const CHANGES = 12;
const CALLS_FAILED_MAX = 20;

interface Mutator {
  readonly child: ChildProcess;
  readonly exited: Promise<unknown>;
  readonly acked: () => number[];
  readonly refused: () => string[];
}

let rig: Rig;

beforeEach(async () => {
  rig = await Rig.make();
  await mkdir(rig.home);
});
afterEach(() => rig[Symbol.asyncDispose]());

/** One thread works on files, so that strace counts their calls in order. */
function mutate(home: string, first: number, count: number, injection: readonly string[] = []): Mutator {
  const program = [process.execPath, MUTATOR, home, `${first}`, `${count}`];
  const [file = "", ...args] = injection.length === 0 ? program : traced(injection, program);
  const child = spawn(file, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, UV_THREADPOOL_SIZE: "1" },
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (output += text));
  const lines = (word: string): string[] => output.split("\n").filter((line) => line.startsWith(word));
  return {
    child,
    exited: once(child, "close"),
    acked: () => lines("ack").map((line) => Number(line.slice(4))),
    refused: () => lines("refused"),
  };
}

/** Gives what the next start finds. A killed writer's lock is removed here; taking it over has tests of its own. */
async function reload(home: string): Promise<{ last: number; degraded: string | null }> {
  const paths = supervisorPaths(home);
  await rm(`${paths.state}.lock`, { recursive: true, force: true });
  const { document, degraded } = await new RegistryFile(paths, systemClock).load();
  return { last: Number(document.retired.at(-1)?.slug.slice(1) ?? -1), degraded };
}

/** Nothing acknowledged may be lost; at most the one change that was under way may be there too. */
async function expectKept(home: string, acked: readonly number[], before: number): Promise<number> {
  const { last, degraded } = await reload(home);
  const lastAcked = acked.at(-1) ?? before;
  expect(degraded).toBeNull();
  expect(last).toBeGreaterThanOrEqual(lastAcked);
  expect(last).toBeLessThanOrEqual(lastAcked + 1);
  return last;
}

/** Each lane has a state directory, and the number of the last change in it. */
async function makeLanes(): Promise<{ home: string; last: number }[]> {
  const lanes = Array.from({ length: LANES }, (_, lane) => ({ home: join(rig.directory, `lane-${lane}`), last: -1 }));
  for (const { home } of lanes) await mkdir(home);
  return lanes;
}

function laneOf<T>(lanes: readonly T[], index: number): T {
  const lane = lanes[index];
  if (lane === undefined) throw new Error(`no lane ${index}`);
  return lane;
}

function at(call: string, effect: string, when: number): string[] {
  return ["-o", "/dev/null", "-e", `trace=${call}`, "-e", `inject=${call}:${effect}:when=${when}`];
}

describe("a writer that is killed", () => {
  fault(
    "F01 at any moment of a stream of changes loses none that was acknowledged",
    { few: 8, many: 1_000, roundMs: 2_000 },
    async ({ count, random }) => {
      const lanes = await makeLanes();
      const moments = Array.from({ length: count }, () => random() * KILL_MS_MAX);
      await repeat(
        count,
        async (index, own) => {
          const lane = laneOf(lanes, own);
          const writer = mutate(lane.home, lane.last + 1, ENDLESS);
          await once(writer.child.stdout ?? writer.child, "data");
          await delay(moments[index]);
          writer.child.kill("SIGKILL");
          await writer.exited;
          expect(writer.acked()).not.toEqual([]);
          lane.last = await expectKept(lane.home, writer.acked(), lane.last);
        },
        LANES,
      );
    },
  );

  // Each is killed before its call, within the second of three changes; the first has put a copy beside the file
  // already.
  const steps: readonly (readonly [name: string, call: string, when: number, acked: number])[] = [
    ["the copy of the old file", "link", 2, 1],
    ["the copy's place", "rename", 3, 1],
    ["fsync of what is written", "fsync", 3, 1],
    ["the new file's place", "rename", 4, 1],
    ["fsync of the directory", "fsync", 4, 1],
    ["the acknowledgement", "rmdir", 2, 1],
    ["the change after it", "link", 3, 2],
  ];

  fault(
    "F02 at each step of a write leaves the old document or the new one",
    { few: 1, many: 50, roundMs: 30_000 },
    async ({ count }) => {
      const lanes = await makeLanes();
      for (const lane of lanes) {
        await mutate(lane.home, 0, 1).exited;
        lane.last = 0;
      }
      await repeat(
        count,
        async (_index, own) => {
          const lane = laneOf(lanes, own);
          for (const [name, call, when, acked] of steps) {
            const writer = mutate(lane.home, lane.last + 1, 3, at(call, "signal=KILL", when));
            await writer.exited;
            expect([name, writer.child.signalCode, writer.acked().length]).toEqual([name, "SIGKILL", acked]);
            lane.last = await expectKept(lane.home, writer.acked(), lane.last);
          }
        },
        LANES,
      );
    },
  );
});

describe("a write", () => {
  fault(
    "F03 goes to the disk in the one right order before it is acknowledged",
    { few: 10, many: 100, roundMs: 500 },
    async ({ count }) => {
      const trace = join(rig.directory, "trace");
      await mutate(rig.home, 0, count, ["-y", "-s", "16", "-o", trace, "-e", "trace=write,fsync,rename"]).exited;

      const calls = completedCalls(await readFile(trace, "utf8")).flatMap(stepOf);

      expect(calls.join(" ")).toBe(
        Array.from({ length: count }, () => "write fsync rename fsync-directory ack").join(" "),
      );
    },
  );

  /** The n-th call fails, for every n of the first changes, again and again. */
  const refusals: readonly (readonly [title: string, call: string, error: string, few: number, many: number])[] = [
    ["F04 whose fsync fails is not acknowledged, and the next one works", "fsync", "EIO", 3, 100],
    ["F05 for which there is no space is refused and changes nothing", "rename", "ENOSPC", 3, 40],
  ];

  for (const [title, call, error, few, many] of refusals) {
    fault(title, { few, many, roundMs: 10_000 }, async ({ count }) => {
      const lanes = await makeLanes();
      await repeat(
        count,
        async (index, own) => {
          const lane = laneOf(lanes, own);
          const writer = mutate(
            lane.home,
            lane.last + 1,
            CHANGES,
            at(call, `error=${error}`, 1 + (index % CALLS_FAILED_MAX)),
          );
          await writer.exited;
          expect(writer.refused()).toEqual([expect.stringContaining("storage_failed")]);
          expect(writer.acked()).toHaveLength(CHANGES - 1);
          const { last, degraded } = await reload(lane.home);
          lane.last = last;
          expect(degraded).toBeNull();
          expect(lane.last).toBe(Math.max(...writer.acked()));
        },
        LANES,
      );
    });
  }
});

/** Gives the system calls in the order in which they ended. */
function completedCalls(trace: string): string[] {
  const begun = new Map<string, string>();
  const calls: string[] = [];
  for (const line of trace.split("\n")) {
    const [, pid = "", text = ""] = /^(\d+)\s+(.*)$/.exec(line) ?? [];
    if (text.includes("<unfinished")) begun.set(pid, text);
    else if (text.startsWith("<...")) calls.push(begun.get(pid) ?? text);
    else calls.push(text);
  }
  return calls;
}

function stepOf(call: string): string[] {
  const isOurs = call.includes(".supervisor-state.json.");
  if (call.startsWith("write(1<") && call.includes('"ack')) return ["ack"];
  if (call.startsWith("write(") && isOurs) return ["write"];
  if (call.startsWith("rename(") && isOurs) return ["rename"];
  if (call.startsWith("fsync(")) return [isOurs ? "fsync" : "fsync-directory"];
  return [];
}
