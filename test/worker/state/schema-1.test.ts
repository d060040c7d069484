// Files of schema 1 kept the step of a run as a JSON text. The sample was written by the last version that did so, with
// each step and each kind of decision once, and with texts that it could not have meant.

import { copyFile, readFile, truncate } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { expect, it } from "vitest";

import { StateTracker } from "../../../src/worker/state/state-tracker.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const SAMPLE = fileURLToPath(new URL("../../fixtures/state/schema-1.json", import.meta.url));
/** From this issue on the texts are of no form that a step has. */
const STRANGE = [12, 13, 14];

interface Run {
  readonly id: string;
  readonly stage: string;
  readonly startedAt: string;
  readonly attempt: number;
  readonly sessionId: string;
  readonly step: string;
}

interface Sample {
  readonly counters: Readonly<Record<string, number>>;
  readonly issues: Readonly<Record<string, { readonly run: Run | null }>>;
}

async function open() {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await makeTemporaryDirectory());
  const path = directory.file("state.json");
  await copyFile(SAMPLE, path);
  const sample = JSON.parse(await readFile(SAMPLE, "utf8")) as Sample;
  const state = stack.use(await StateTracker.open(path, new ManualClock()));
  const owned = stack.move();
  return { path, sample, state, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

it("reads every step, decision and issue as it was written", async () => {
  await using opened = await open();
  const { sample, state } = opened;
  const written = Object.entries(sample.issues).map(([number, { run, ...rest }]) => [
    Number(number),
    { ...rest, run: run === null ? null : runOf(run, Number(number)) },
  ]);

  expect(state.degraded).toBeNull();
  expect([...state.issues()]).toStrictEqual(written);
  expect(state.counters()).toEqual(sample.counters);
  expect(new Set([...state.issues().values()].map(({ run }) => run?.step.at))).toEqual(
    new Set(["begun", "behind", "prompted", "gated", "judged", "approved", "settling", undefined]),
  );
});

it("knows the end that a person made from a run's own decision", async () => {
  await using opened = await open();
  const { state } = opened;

  expect([9, 10, 11].map((number) => state.issue(number).run?.by)).toEqual(["stage", "person", "stage"]);
});

it("begins a run anew whose text is of no form that a step has", async () => {
  await using opened = await open();

  expect(STRANGE.map((number) => opened.state.issue(number).run?.step)).toEqual(STRANGE.map(() => ({ at: "begun" })));
});

it("is replaced by schema 2, which an earlier version refuses, with the old file whole beside it", async () => {
  await using opened = await open();
  const { path, state } = opened;
  const before = [...state.issues()];

  await state.count("once");
  await using again = await StateTracker.open(path, new ManualClock());

  expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ schema: 2 });
  expect(await readFile(`${path}.prev`, "utf8")).toBe(await readFile(SAMPLE, "utf8"));
  expect(again.degraded).toBeNull();
  expect([...again.issues()]).toStrictEqual(before);
});

it("goes on with the copy of schema 1 when the newer file is damaged", async () => {
  await using opened = await open();
  const { path, state } = opened;
  const before = [...state.issues()];
  await state.count("once");
  await truncate(path, 100);

  await using again = await StateTracker.open(path, new ManualClock());

  expect(again.degraded).toContain("went on with the copy");
  expect([...again.issues()]).toStrictEqual(before);
});

function runOf({ id, stage, startedAt, attempt, sessionId, step: text }: Run, number: number): unknown {
  const step: unknown = STRANGE.includes(number) ? { at: "begun" } : JSON.parse(text);
  const shared = { id, stage, startedAt, step };
  return id.startsWith("closed-") ? { by: "person", ...shared } : { by: "stage", ...shared, attempt, sessionId };
}
