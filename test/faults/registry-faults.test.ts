// What the state file promises: acknowledged is durable, a kill or a failing disk leaves the old document or the new one.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { afterEach, beforeEach, describe, expect } from "vitest";

import { systemClock } from "../../src/core/clock.ts";
import { supervisorPaths } from "../../src/core/paths.ts";
import { RegistryFile } from "../../src/daemon/registry-file.ts";
import { Rig } from "../daemon/daemon-rig.ts";
import { fault, repeat, strace } from "./fault.ts";

const MUTATOR = fileURLToPath(new URL("../fixtures/mutate-registry.ts", import.meta.url));
const KILL_MS_MAX = 40;
const ENDLESS = 1_000_000;

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

/** One thread for files, so that strace counts their calls in order. */
function mutate(first: number, count: number, injection: readonly string[] = []): Mutator {
  const program = [process.execPath, MUTATOR, rig.home, `${first}`, `${count}`];
  const [file = "", ...args] =
    injection.length === 0 ? program : [strace(), "-f", "-qq", ...injection, "--", ...program];
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

/** What the next start finds. A killed writer's lock is removed here; taking it over has tests of its own. */
async function reload(): Promise<{ last: number; degraded: string | null }> {
  const paths = supervisorPaths(rig.home);
  await rm(`${paths.state}.lock`, { recursive: true, force: true });
  const { document, degraded } = await new RegistryFile(paths, systemClock).load();
  return { last: Number(document.retired.at(-1)?.slug.slice(1) ?? -1), degraded };
}

/** Nothing acknowledged is lost; at most the one change that was under way may be there too. */
async function expectKept(acked: readonly number[], before: number): Promise<number> {
  const { last, degraded } = await reload();
  const lastAcked = acked.at(-1) ?? before;
  expect(degraded).toBeNull();
  expect(last).toBeGreaterThanOrEqual(lastAcked);
  expect(last).toBeLessThanOrEqual(lastAcked + 1);
  return last;
}

describe("a writer that is killed", () => {
  fault(
    "F01 at any moment of a stream of changes loses none that was acknowledged",
    { few: 8, many: 1_000, roundMs: 2_000 },
    async ({ count, random }) => {
      let last = -1;
      await repeat(count, async () => {
        const writer = mutate(last + 1, ENDLESS);
        await once(writer.child.stdout ?? writer.child, "data");
        await delay(random() * KILL_MS_MAX);
        writer.child.kill("SIGKILL");
        await writer.exited;
        expect(writer.acked()).not.toEqual([]);
        last = await expectKept(writer.acked(), last);
      });
    },
  );

  fault(
    "F02 at each step of a write leaves the old document or the new one",
    { few: 1, many: 50, roundMs: 30_000 },
    async ({ count }) => {
      let last = -1;
      // Within the second or third change: a file's fsync, the copy's link and rename, the rename, the directory's fsync.
      const steps = ["fsync:when=3", "link:when=1", "rename:when=2", "rename:when=3", "fsync:when=4", "write:when=9"];
      await repeat(count, async () => {
        for (const step of steps) {
          const [call = "", when = ""] = step.split(":");
          const writer = mutate(last + 1, 3, [
            "-o",
            "/dev/null",
            "-e",
            `trace=${call}`,
            "-e",
            `inject=${call}:signal=KILL:${when}`,
          ]);
          await writer.exited;
          expect([step, writer.child.signalCode, writer.acked().length < 3]).toEqual([step, "SIGKILL", true]);
          last = await expectKept(writer.acked(), last);
        }
      });
    },
  );
});

describe("a write", () => {
  fault(
    "F03 goes to the disk in the one right order before it is acknowledged",
    { few: 10, many: 100, roundMs: 500 },
    async ({ count }) => {
      const trace = join(rig.directory, "trace");
      await mutate(0, count, ["-y", "-s", "16", "-o", trace, "-e", "trace=write,fsync,rename"]).exited;

      const steps = completedCalls(await readFile(trace, "utf8")).flatMap(stepOf);

      expect(steps.join(" ")).toBe(
        Array.from({ length: count }, () => "write fsync rename fsync-directory ack").join(" "),
      );
    },
  );

  fault(
    "F04 whose fsync fails is not acknowledged, and the next one works",
    { few: 3, many: 20, roundMs: 60_000 },
    async ({ count }) => {
      let last = -1;
      await repeat(count, async (index) => {
        const when = `when=${index + 1}`;
        const writer = mutate(last + 1, 12, [
          "-o",
          "/dev/null",
          "-e",
          "trace=fsync",
          "-e",
          `inject=fsync:error=EIO:${when}`,
        ]);
        await writer.exited;
        expect(writer.refused()).toEqual([expect.stringContaining("storage_failed")]);
        expect(writer.acked()).toHaveLength(11);
        last = (await reload()).last;
        expect(last).toBe(Math.max(...writer.acked()));
      });
    },
  );

  fault(
    "F05 for which there is no space is refused and changes nothing",
    { few: 3, many: 20, roundMs: 60_000 },
    async ({ count }) => {
      let last = -1;
      await repeat(count, async (index) => {
        const injection = `inject=rename:error=ENOSPC:when=${index + 1}`;
        const writer = mutate(last + 1, 12, ["-o", "/dev/null", "-e", "trace=rename", "-e", injection]);
        await writer.exited;
        expect(writer.refused()).toEqual([expect.stringContaining("storage_failed")]);
        expect((await reload()).degraded).toBeNull();
        last = (await reload()).last;
        expect(last).toBe(Math.max(...writer.acked()));
      });
    },
  );
});

/** System calls in the order in which they ended. */
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
