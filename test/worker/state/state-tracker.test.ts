import { copyFile, chmod, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";

import { describe, expect, it } from "vitest";

import { checksum } from "../../../src/core/files/checksum.ts";
import { UNKNOWN_ISSUE } from "../../../src/worker/state/issue-state.ts";
import { StateTracker } from "../../../src/worker/state/state-tracker.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const clock = new ManualClock();
const open = (path: string) => StateTracker.open(path, clock);

async function revisionOf(path: string): Promise<number> {
  return (JSON.parse(await readFile(path, "utf8")) as { revision: number }).revision;
}

/** Makes a file with issues 1 (branch "one") and, written later, 2 (branch "two"). */
async function twoRevisions(path: string): Promise<string> {
  await using state = await open(path);
  await state.update(1, (issue) => ({ ...issue, branch: "one" }));
  await state.update(2, (issue) => ({ ...issue, branch: "two" }));
  return state.instance;
}

async function evidence(directory: string): Promise<string[]> {
  return (await readdir(directory)).filter((name) => name.includes(".corrupt-"));
}

describe("the state of a worker", () => {
  it("is there again after a restart, with the same instance", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    const instance = await twoRevisions(path);
    await using first = await open(path);
    await first.count("pulls_merged");
    await first.count("pulls_merged", 2);

    await using second = await open(path);

    expect(second.instance).toBe(instance);
    expect(second.issue(1).branch).toBe("one");
    expect([...second.issues().keys()]).toEqual([1, 2]);
    expect(second.counters()).toEqual({ pulls_merged: 3 });
    expect(second.degraded).toBeNull();
  });

  it("is on the disk when an update resolves", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await using state = await open(path);

    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await state.update(1, (issue) => ({ ...issue, attempts: { implement: attempt } }));
      const onDisk = JSON.parse(await readFile(path, "utf8")) as { issues: Record<string, { attempts: unknown }> };
      expect(onDisk.issues["1"]?.attempts).toEqual({ implement: attempt });
    }
  });

  it("loses none of many updates that come together, and shares writes between them", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await using state = await open(path);
    const before = await revisionOf(path);

    await Promise.all(
      Array.from({ length: 300 }, (_, n) => state.update(n % 3, (issue) => ({ ...issue, ciFixes: issue.ciFixes + 1 }))),
    );

    expect([0, 1, 2].map((number) => state.issue(number).ciFixes)).toEqual([100, 100, 100]);
    expect((await revisionOf(path)) - before).toBeLessThan(5);
  });

  it("answers for an unknown issue with the defaults and hands out nothing that can be changed", async () => {
    await using directory = await makeTemporaryDirectory();
    await using state = await open(directory.file("state.json"));
    await state.update(1, (issue) => ({ ...issue, guidance: [{ text: "t", by: "alice", at: "now" }] }));

    expect(state.issue(99)).toEqual(UNKNOWN_ISSUE);
    expect(() => Object.assign(state.issue(1), { branch: "x" })).toThrow(TypeError);
    expect(() => Object.assign(state.issue(1).guidance[0] ?? {}, { text: "x" })).toThrow(TypeError);
  });

  it("refuses a state that could not be read again, and only that update", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await using state = await open(path);

    const bad = state.update(1, (issue) => ({ ...issue, reviewRounds: Number.NaN }));
    const thrown = state.update(2, () => {
      throw new Error("a bug");
    });
    const good = state.update(3, (issue) => ({ ...issue, branch: "three" }));

    await expect(bad).rejects.toThrow(/reviewRounds/);
    await expect(thrown).rejects.toThrow("a bug");
    await good;
    await using again = await open(path);
    expect(again.degraded).toBeNull();
    expect([...again.issues().keys()]).toEqual([3]);
  });

  it("keeps histories bounded, and of old finished issues only what journal keys need", async () => {
    await using directory = await makeTemporaryDirectory();
    await using state = await open(directory.file("state.json"));
    const history = Array.from({ length: 150 }, (_, n) => ({ at: "t", text: `line ${n}` }));

    await state.update(1, (issue) => ({ ...issue, history }));
    await Promise.all(
      Array.from({ length: 250 }, (_, n) => {
        const outcome = { kind: "merged" as const, reason: "", at: new Date(n * 1_000).toISOString(), pull: n + 1 };
        return state.update(1_000 + n, (issue) => ({
          ...issue,
          cycle: 3,
          way: { is: "ended", outcome, onHold: null },
          history: [{ at: "t", text: "done" }],
        }));
      }),
    );

    expect(
      state
        .issue(1)
        .history.map(({ text }) => text)
        .slice(0, 1),
    ).toEqual(["line 50"]);
    expect(state.issue(1).history).toHaveLength(100);
    expect(state.issue(1_000)).toEqual({
      ...UNKNOWN_ISSUE,
      cycle: 3,
      way: {
        is: "ended",
        outcome: { kind: "merged", reason: "", at: "1970-01-01T00:00:00.000Z", pull: 1 },
        onHold: null,
      },
    });
    expect(state.issue(1_249).history).toHaveLength(1);
    expect(
      [...state.issues().values()].filter(({ way, history: kept }) => way.is === "ended" && kept.length > 0),
    ).toHaveLength(200);
  });

  it("forgets no question about a finished issue, however many finish after it", async () => {
    await using directory = await makeTemporaryDirectory();
    await using state = await open(directory.file("state.json"));
    const history = [{ at: "t", text: "done" }];
    const outcome = { kind: "merged" as const, reason: "", at: "1970-01-01T00:00:00.000Z", pull: null };
    const question = { question: "On hold", cause: "question", origin: "find", askedAt: "t" } as const;
    const onHold = { ...question, commentId: null, awaits: null, resumes: false, said: null };

    await state.update(1, (issue) => ({ ...issue, history, way: { is: "ended", outcome, onHold } }));
    const after = { ...outcome, at: "1970-01-02T00:00:00.000Z" };
    await Promise.all(
      Array.from({ length: 250 }, (_, n) =>
        state.update(2 + n, (issue) => ({ ...issue, history, way: { is: "ended", outcome: after, onHold: null } })),
      ),
    );

    expect(state.issue(1)).toMatchObject({ history, way: { is: "ended", onHold } });
  });
});

describe("a state file that the disk refused", () => {
  it("changes nothing in memory, and the next update works", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("data", "state.json");
    await using state = await open(path);
    await state.update(1, (issue) => ({ ...issue, branch: "kept" }));
    await rm(directory.file("data"), { recursive: true });

    const refused = state.update(1, (issue) => ({ ...issue, branch: "lost" }));
    await expect(refused).rejects.toMatchObject({ code: "STATE_NOT_WRITTEN" });
    const inMemory = state.issue(1).branch;
    await mkdir(directory.file("data"));
    await state.update(2, (issue) => ({ ...issue, branch: "later" }));

    expect(inMemory).toBe("kept");
    await using again = await open(path);
    expect([again.issue(1).branch, again.issue(2).branch]).toEqual(["kept", "later"]);
  });
});

describe("a damaged state file", () => {
  it("gives way to the last good copy, is kept as evidence, and is reported", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    const instance = await twoRevisions(path);
    await writeFile(path, "{ not json");

    await using state = await open(path);

    expect(state.instance).toBe(instance);
    expect([state.issue(1).branch, state.issue(2).branch]).toEqual(["one", null]);
    expect(state.degraded).toContain("damaged");
    const [kept] = await evidence(directory.path);
    expect(await readFile(directory.file(kept ?? ""), "utf8")).toBe("{ not json");
    await using again = await open(path);
    expect(again.degraded).toBeNull();
  });

  it("is detected for every flipped bit; what is then read is the last good copy, never a mix", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await twoRevisions(path);
    const [good, previous] = [await readFile(path), await readFile(`${path}.prev`)];
    // A step that is coprime to 8 reaches every bit position of a byte.
    const step = 37;

    for (let bit = 0; bit < good.length * 8; bit += step) {
      const flipped = Uint8Array.from(good);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      await writeFile(path, flipped);
      await writeFile(`${path}.prev`, previous);
      await using state = await open(path);
      expect(state.degraded, `bit ${bit}`).not.toBeNull();
      expect([state.issue(1).branch, state.issue(2).branch], `bit ${bit}`).toEqual(["one", null]);
    }
  });

  it("is detected when it is cut at any length", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await twoRevisions(path);
    const [good, previous] = [await readFile(path), await readFile(`${path}.prev`)];

    for (let length = 0; length < good.length - 1; length += 13) {
      await writeFile(path, good.subarray(0, length));
      await writeFile(`${path}.prev`, previous);
      await using state = await open(path);
      expect(state.degraded, `cut at ${length}`).not.toBeNull();
      expect(state.issue(1).branch).toBe("one");
    }
  });

  it.each([
    "",
    "null",
    "[]",
    "{}",
    "\uFEFF{}",
    '{"schema":1}',
    '{"__proto__":{"checksum":""}}',
    `${"[".repeat(10_000)}${"]".repeat(10_000)}`,
  ])("that holds %j gives way to the last good copy", async (content) => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await twoRevisions(path);
    await writeFile(path, content);

    await using state = await open(path);

    expect(state.issue(1).branch).toBe("one");
    expect(await evidence(directory.path)).toHaveLength(1);
    expect(Object.hasOwn(Object.prototype, "checksum")).toBe(false);
  });

  it("whose copy is damaged too starts anew, keeps both as evidence, and says what is lost", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await twoRevisions(path);
    await writeFile(path, "x");
    await writeFile(`${path}.prev`, "y");

    await using state = await open(path);

    expect(state.issues().size).toBe(0);
    expect(state.degraded).toContain("no good copy");
    expect(await evidence(directory.path)).toHaveLength(2);
  });

  it("that is missing gives way to its copy", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await twoRevisions(path);
    await rm(path);

    await using state = await open(path);

    expect(state.issue(1).branch).toBe("one");
    expect(state.degraded).toContain("missing");
  });
});

describe("opening", () => {
  it("refuses the file of a newer version and leaves it untouched", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await using state = await open(path);
    await state.update(1, (issue) => ({ ...issue, branch: "one" }));
    const content = newerCopy(await readFile(path, "utf8"));
    await writeFile(path, content);

    await expect(open(path)).rejects.toMatchObject({ code: "STATE_NEWER", exitCode: 78 });
    expect(await readFile(path, "utf8")).toBe(content);
    expect(await evidence(directory.path)).toEqual([]);
  });

  it("removes what a killed write left behind and touches nothing else", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await twoRevisions(path);
    await copyFile(path, directory.file(".state.json.0011aabbccdd.tmp"));
    await writeFile(directory.file(".other.json.0011aabbccdd.tmp"), "");

    await using _ = await open(path);

    expect((await readdir(directory.path)).toSorted()).toEqual([
      ".other.json.0011aabbccdd.tmp",
      "state.json",
      "state.json.prev",
    ]);
  });

  it("writes nothing when the file is good", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await twoRevisions(path);
    const before = await readFile(path, "utf8");
    await chmod(path, 0o400);

    await using _ = await open(path);

    expect(await readFile(path, "utf8")).toBe(before);
  });
});

/** Writes the same document as a later version would, with a checksum that is right. */
function newerCopy(text: string): string {
  const document = { ...(JSON.parse(text) as object), schema: 3, checksum: "", added: true };
  return JSON.stringify({ ...document, checksum: checksum(JSON.stringify(document)) });
}
