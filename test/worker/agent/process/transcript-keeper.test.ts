import { rmSync } from "node:fs";
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { describe, expect, it } from "vitest";

import {
  LOOK_INTERVAL_MS,
  TranscriptKeeper,
  type TranscriptKeeperOptions,
} from "../../../../src/worker/agent/process/transcript-keeper.ts";
import { ManualClock } from "../../../support/manual-clock.ts";
import { makeTemporaryDirectory } from "../../../support/temporary-directory.ts";

const NONE: ReadonlySet<string> = new Set();

function keeperOf(directory: string, more: Partial<TranscriptKeeperOptions> = {}) {
  const lines: unknown[] = [];
  const keeper = new TranscriptKeeper({
    directory,
    clock: new ManualClock(),
    log: {
      write: (level, message, fields) => void lines.push({ level, message, ...fields }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    inUse: () => NONE,
    ...more,
  });
  return { keeper, lines };
}

/** `age` is in seconds. */
async function put(directory: string, name: string, bytes: number, age: number): Promise<void> {
  const path = join(directory, name);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, "x".repeat(bytes));
  await utimes(path, 1_700_000_000 - age, 1_700_000_000 - age);
}

async function filesIn(directory: string): Promise<string[]> {
  return (await readdir(directory, { recursive: true })).toSorted();
}

describe("the keeper of transcripts", () => {
  it("removes the oldest until the rest is within the bound, with directories that became empty", async () => {
    await using directory = await makeTemporaryDirectory();
    await put(directory.path, "issue-1/plan-1.jsonl", 400, 30);
    await put(directory.path, "issue-2/plan-1.jsonl", 400, 20);
    await put(directory.path, "issue-2/implement-1.jsonl", 400, 10);
    await put(directory.path, "issue-3/plan-1.jsonl", 100, 5);
    const { keeper, lines } = keeperOf(directory.path, { bytesMax: 500 });

    await keeper.prune();
    await keeper.prune();

    expect(await filesIn(directory.path)).toEqual([
      "issue-2",
      "issue-2/implement-1.jsonl",
      "issue-3",
      "issue-3/plan-1.jsonl",
    ]);
    expect(lines).toEqual([{ level: "info", message: "transcripts.pruned", files: 2, bytes: 800 }]);
  });

  it("bounds their number too", async () => {
    await using directory = await makeTemporaryDirectory();
    for (let n = 1; n <= 5; n += 1) await put(directory.path, `issue-${n}/plan-1.jsonl`, 1, n);

    await keeperOf(directory.path, { countMax: 2 }).keeper.prune();

    expect(await readdir(directory.path)).toEqual(["issue-1", "issue-2"]);
  });

  it("never removes one of a run in flight, however old and large it is", async () => {
    await using directory = await makeTemporaryDirectory();
    await put(directory.path, "issue-1/implement-1.jsonl", 900, 99);
    await put(directory.path, "issue-2/plan-1.jsonl", 100, 1);
    const inUse = () => new Set([join(directory.path, "issue-1/implement-1.jsonl")]);

    await keeperOf(directory.path, { bytesMax: 500, inUse }).keeper.prune();

    expect(await filesIn(directory.path)).toEqual(["issue-1", "issue-1/implement-1.jsonl"]);
  });

  it("leaves everything else alone that is in the directory", async () => {
    await using directory = await makeTemporaryDirectory();
    const others = ["worker.log", "worker.1.log", "issue-7", "issue-x/plan-1.jsonl", "issue-1/notes.txt"];
    for (const name of others) await put(directory.path, name, 1_000, 50);
    await put(directory.path, "issue-1/plan-1.jsonl", 1_000, 1);

    await keeperOf(directory.path, { bytesMax: 10 }).keeper.prune();

    expect(await filesIn(directory.path)).toEqual([...others, "issue-1", "issue-x"].toSorted());
  });

  it("is not held up by one that goes away between two steps, as the supervisor's own bound may have it", async () => {
    await using directory = await makeTemporaryDirectory();
    await put(directory.path, "issue-1/plan-1.jsonl", 400, 30);
    await put(directory.path, "issue-2/plan-1.jsonl", 400, 20);
    await put(directory.path, "issue-3/plan-1.jsonl", 400, 10);
    const inUse = () => {
      rmSync(join(directory.path, "issue-1"), { recursive: true });
      return NONE;
    };

    await keeperOf(directory.path, { bytesMax: 500, inUse }).keeper.prune();

    expect(await readdir(directory.path)).toEqual(["issue-3"]);
  });

  it("looks again each time and goes on after a look that failed", async () => {
    await using directory = await makeTemporaryDirectory();
    const clock = new ManualClock();
    const logs = directory.file("logs");
    const { keeper, lines } = keeperOf(logs, { clock, bytesMax: 10 });
    const stop = new AbortController();

    const running = keeper.run(stop.signal);
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(lines).toMatchObject([{ level: "warn", message: "transcripts.failed" }]);
    await put(logs, "issue-1/plan-1.jsonl", 1_000, 1);
    await clock.advance(LOOK_INTERVAL_MS);
    while (clock.sleeping === 0) await new Promise((resolve) => setImmediate(resolve));
    stop.abort();
    await running;

    expect(await readdir(logs)).toEqual([]);
  });
});
