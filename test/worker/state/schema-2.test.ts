// The sample has each way of an issue to stand, as this version writes it. Later versions must read it, so it stays as
// it is when the schema becomes another one.

import { copyFile, readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { checksum } from "../../../src/core/files/checksum.ts";
import { StateTracker } from "../../../src/worker/state/state-tracker.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const SAMPLE = fileURLToPath(new URL("../../fixtures/state/schema-2-ways.json", import.meta.url));
const clock = new ManualClock();

interface Entry extends Readonly<Record<string, unknown>> {
  readonly way: Readonly<Record<string, unknown>>;
}

interface Sample {
  readonly issues: Readonly<Record<string, Entry>>;
}

const readSample = async (path = SAMPLE) => JSON.parse(await readFile(path, "utf8")) as Sample;

describe("A state file of schema 2", () => {
  it("is read and written as it stands, with all that an issue can be", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    await copyFile(SAMPLE, path);
    const { issues } = await readSample();

    await using state = await StateTracker.open(path, clock);
    const entries = Object.fromEntries(state.issues());
    await state.count("once");

    expect([state.degraded, state.guessed]).toEqual([null, []]);
    expect(entries).toStrictEqual(issues);
    expect((await readSample(path)).issues).toStrictEqual(issues);
    expect(new Set(Object.values(issues).map(({ way }) => way["is"]))).toEqual(
      new Set(["idle", "running", "settling", "asking", "ended"]),
    );
  });

  it.each([
    ["is idle and has an outcome", "10", (way: Entry["way"]) => ({ ...way, is: "idle" })],
    ["has ended and is paused", "10", (way: Entry["way"]) => ({ ...way, pause: null })],
    ["asks nothing", "8", (way: Entry["way"]) => ({ ...way, asked: null })],
    ["runs and has decided", "6", (way: Entry["way"]) => ({ ...way, is: "running", run: way["record"] })],
    ["settles what it has not decided", "2", (way: Entry["way"]) => ({ ...way, is: "settling", record: way["run"] })],
  ])("whose issue %s is damaged", async (_, number, change) => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("state.json");
    const sample = await readSample();
    const entry = sample.issues[number];
    const issues = { ...sample.issues, [number]: { ...entry, way: change(entry?.way ?? {}) } };
    const document = { ...sample, checksum: "", issues };
    await writeFile(path, JSON.stringify({ ...document, checksum: checksum(JSON.stringify(document)) }));

    await using state = await StateTracker.open(path, clock);

    expect(state.degraded).toContain("the fields do not match the schema");
  });
});
