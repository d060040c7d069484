import { execFile } from "node:child_process";
import { appendFile, readFile, stat, truncate, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { describe, expect, it } from "vitest";

import { AppendLog } from "../../../src/core/files/append-log.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

interface Note {
  readonly n: number;
  readonly text?: string;
}

const BYTES_MAX = 1_048_576;
const FIXTURE = fileURLToPath(new URL("../../fixtures/append-three-records.ts", import.meta.url));

async function write(path: string, notes: readonly Note[], bytesMax = BYTES_MAX): Promise<void> {
  await using log = await AppendLog.open<Note>(path, { bytesMax });
  for (const note of notes) await log.append(note, "durable");
}

async function read(path: string): Promise<{ numbers: number[]; damagedLines: number; cutTail: boolean }> {
  await using log = await AppendLog.open<Note>(path, { bytesMax: BYTES_MAX });
  return { numbers: log.records.map(({ n }) => n), ...log.damage };
}

/** Numbers that are the same in every run. */
function pseudoRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe("an append log", () => {
  it("gives back after reopening what was appended, in order", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");

    await write(path, [{ n: 1 }, { n: 2, text: 'ünïcödé\n\u2028"}' }]);
    await write(path, [{ n: 3 }]);

    await using log = await AppendLog.open<Note>(path, { bytesMax: BYTES_MAX });
    expect(log.records).toEqual([{ n: 1 }, { n: 2, text: 'ünïcödé\n\u2028"}' }, { n: 3 }]);
    expect(log.damage).toEqual({ damagedLines: 0, cutTail: false });
  });

  it("writes lines that any JSON reader understands, with the record's own fields on top", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");

    await write(path, [{ n: 7, text: "hello" }]);
    await using log = await AppendLog.open<object>(path, { bytesMax: BYTES_MAX });
    await log.append({}, "buffered");

    const lines = (await readFile(path, "utf8")).trimEnd().split("\n");
    expect(JSON.parse(lines[0] ?? "")).toMatchObject({ _seq: 1, n: 7, text: "hello" });
    expect(JSON.parse(lines[1] ?? "")).toMatchObject({ _seq: 2 });
  });

  it("keeps the order of appends that were not awaited", async () => {
    await using directory = await makeTemporaryDirectory();
    await using log = await AppendLog.open<Note>(directory.file("log.jsonl"), { bytesMax: BYTES_MAX });
    const wanted = Array.from({ length: 200 }, (_, n) => n);

    await Promise.all(wanted.map((n) => log.append({ n }, n % 3 === 0 ? "durable" : "buffered")));

    expect(log.records.map(({ n }) => n)).toEqual(wanted);
    expect((await read(directory.file("log.jsonl"))).numbers).toEqual(wanted);
  });

  it("loses at most the last record when the file is cut at any byte of it", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");
    await write(path, [{ n: 1 }, { n: 2 }]);
    const { size: before } = await stat(path);
    await write(path, [{ n: 3, text: "é".repeat(200) }]);
    const whole = await readFile(path);
    expect(whole.length - before).toBeGreaterThan(400);

    for (let length = before; length <= whole.length; length += 1) {
      await writeFile(path, whole.subarray(0, length));
      const { numbers, damagedLines, cutTail } = await read(path);
      const isWhole = length === whole.length;
      expect(numbers, `cut at ${length}`).toEqual(isWhole ? [1, 2, 3] : [1, 2]);
      expect({ damagedLines, cutTail }).toEqual({ damagedLines: 0, cutTail: !isWhole && length > before });
    }
  });

  it("goes on after a cut with a record that stands on a line of its own", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");
    await write(path, [{ n: 1 }, { n: 2 }]);
    await truncate(path, (await stat(path)).size - 5);

    await write(path, [{ n: 3 }]);

    expect(await read(path)).toEqual({ numbers: [1, 3], damagedLines: 0, cutTail: false });
  });

  it("detects every single flipped bit, wherever it is", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");
    await write(path, [{ n: 1 }, { n: 2, text: "some text" }, { n: 3 }]);
    const whole = await readFile(path);

    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const flipped = Uint8Array.from(whole);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await writeFile(path, flipped);
      const { numbers, damagedLines, cutTail } = await read(path);
      expect(damagedLines > 0 || cutTail, `bit ${bit} went unseen`).toBe(true);
      expect([1, 2, 3], `bit ${bit}`).toEqual(expect.arrayContaining(numbers));
      expect(numbers.length, `bit ${bit}`).toBeLessThan(3);
    }
  });

  it("detects random bursts of damage and keeps every record that they did not touch", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");
    await write(
      path,
      Array.from({ length: 30 }, (_, n) => ({ n, text: `record ${n}` })),
    );
    const whole = await readFile(path);
    const random = pseudoRandom(42);

    for (let round = 0; round < 200; round += 1) {
      const at = Math.floor(random() * (whole.length - 8));
      const burst = Uint8Array.from(whole);
      for (let index = at; index < at + 8; index += 1)
        burst[index] = (burst[index] ?? 0) ^ (1 + Math.floor(random() * 255));
      await writeFile(path, burst);
      const { numbers, damagedLines, cutTail } = await read(path);
      expect(damagedLines > 0 || cutTail, `burst at ${at}`).toBe(true);
      expect(numbers.length, `burst at ${at}`).toBeGreaterThanOrEqual(28);
    }
  });

  it("keeps damaged lines of every opening beside the file as evidence", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");
    await write(path, [{ n: 1 }]);
    await appendFile(path, "first damage\n");
    const first = await read(path);
    await appendFile(path, "second damage\n");
    const second = await read(path);

    expect([first.damagedLines, second.damagedLines]).toEqual([1, 1]);
    expect(await readFile(`${path}.damaged`, "utf8")).toBe("first damage\nsecond damage\n");
    expect(await read(path)).toEqual({ numbers: [1], damagedLines: 0, cutTail: false });
  });

  it("stays within its bound under load, in the file and in memory, and keeps the newest records", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");
    const bytesMax = 20_000;
    await using log = await AppendLog.open<Note>(path, { bytesMax });
    let largest = 0;

    for (let n = 0; n < 2_000; n += 1) {
      await log.append({ n, text: "x".repeat((n * 37) % 900) }, "buffered");
      largest = Math.max(largest, (await stat(path)).size);
    }

    expect(largest).toBeLessThanOrEqual(bytesMax);
    const numbers = log.records.map(({ n }) => n);
    expect(numbers.at(-1)).toBe(1_999);
    expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => 2_000 - numbers.length + index));
    expect((await read(path)).numbers).toEqual(numbers);
  });

  it("drops nothing that must be kept, though the file then passes its bound", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");
    const bytesMax = 4_000;
    await using log = await AppendLog.open<Note>(path, { bytesMax, keep: ({ n }) => n % 2 === 0 });

    for (let n = 0; n < 400; n += 1) await log.append({ n, text: "kept" }, "buffered");

    const kept = new Set(log.records.map(({ n }) => n));
    expect(Array.from({ length: 200 }, (_, index) => index * 2).filter((n) => !kept.has(n))).toEqual([]);
    expect(kept.size).toBeLessThan(400);
  });

  it("does not write the file anew for each record when all must be kept", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");
    await using log = await AppendLog.open<Note>(path, { bytesMax: 4_000, keep: () => true });
    const inodes: bigint[] = [];

    for (let n = 0; n < 600; n += 1) {
      await log.append({ n, text: "kept" }, "buffered");
      inodes.push((await stat(path, { bigint: true })).ino);
    }

    const rewrites = inodes.filter((inode, index) => index > 0 && inode !== inodes[index - 1]).length;
    expect(log.records).toHaveLength(600);
    expect(rewrites).toBeGreaterThan(0);
    expect(rewrites).toBeLessThan(25);
  });

  it("refuses a record over the limit and goes on without it", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");
    await using log = await AppendLog.open<Note>(path, { bytesMax: BYTES_MAX });

    await expect(log.append({ n: 1, text: "x".repeat(300_000) }, "durable")).rejects.toThrow(RangeError);
    await log.append({ n: 2 }, "durable");

    expect((await read(path)).numbers).toEqual([2]);
  });

  it("does not join a record to what a failed write left behind", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("log.jsonl");

    // The soft limit on file sizes is 2 or 4 KiB, depending on the shell: the second record is torn by the kernel.
    const { stdout } = await promisify(execFile)("sh", [
      "-c",
      'ulimit -S -f 4; exec "$0" "$@"',
      process.execPath,
      FIXTURE,
      path,
    ]);

    expect(JSON.parse(stdout)).toEqual(["written", "EFBIG", "written"]);
    expect(await read(path)).toEqual({ numbers: [1, 3], damagedLines: 0, cutTail: false });
  });

  it("fails appends after it was closed instead of losing them in silence", async () => {
    await using directory = await makeTemporaryDirectory();
    const log = await AppendLog.open<Note>(directory.file("log.jsonl"), { bytesMax: BYTES_MAX });
    await log[Symbol.asyncDispose]();

    await expect(log.append({ n: 1 }, "durable")).rejects.toThrow(/closed/);
    await expect(log.append({ n: 2 }, "durable")).rejects.toThrow(/closed/);
  });
});
