// Files of schema 1 kept the step of a run as a JSON text, an end that a person made as a run, a pause and a wait in
// four fields, and all that an issue can be beside each other. The samples were written by the last version that did
// so: one has each step and each kind of decision once, with texts that it could not have meant; the other has each way
// of an issue to stand.

import { copyFile, readFile, truncate } from "node:fs/promises";
import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import type { IssueState } from "../../../src/worker/state/issue-state.ts";
import { outcomeOf, pauseOf, questionOf, runOf, waitedOf } from "../../../src/worker/state/issue-way.ts";
import { StateTracker } from "../../../src/worker/state/state-tracker.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

/** In the sample of steps these issues have texts of no form that a step has. */
const STRANGE = [12, 13, 14];
const SAMPLES = ["steps", "ways"] as const;
const FORMER = ["run", "hitl", "retryAt", "retryReason", "waitingSince", "waited", "outcome", "claim"];
const PRESENT = ["way", "claim"];

interface Run {
  readonly id: string;
  readonly stage: string;
  readonly startedAt: string;
  readonly attempt: number;
  readonly sessionId: string;
  readonly step: string;
}

interface Asked extends Readonly<Record<string, unknown>> {
  readonly answer: object | null;
  readonly decision: string | null;
  readonly reason: string | null;
}

interface Claim {
  readonly commentId: number;
  readonly expiresAt: string;
  readonly closing?: string;
}

interface Sample {
  readonly counters: Readonly<Record<string, number>>;
  readonly issues: Readonly<
    Record<
      string,
      Readonly<Record<string, unknown>> & Readonly<{ run: Run | null; hitl: Asked | null; claim: Claim | null }>
    >
  >;
}

async function open(name: (typeof SAMPLES)[number]) {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await makeTemporaryDirectory());
  const path = directory.file("state.json");
  const source = fileURLToPath(new URL(`../../fixtures/state/schema-1-${name}.json`, import.meta.url));
  const text = await readFile(source, "utf8");
  await copyFile(source, path);
  const state = stack.use(await StateTracker.open(path, new ManualClock()));
  const owned = stack.move();
  const sample = JSON.parse(text) as Sample;
  return { path, text, sample, state, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

function without(entry: object, names: readonly string[]): object {
  return Object.fromEntries(Object.entries(entry).filter(([name]) => !names.includes(name)));
}

describe("A state file of schema 1", () => {
  it.each(SAMPLES)("with %s keeps everything that has the form it had", async (name) => {
    await using opened = await open(name);
    const { sample, state } = opened;

    expect(state.degraded).toBeNull();
    expect(state.counters()).toEqual(sample.counters);
    expect([...state.issues()].map(([number, entry]) => [number, without(entry, PRESENT)])).toStrictEqual(
      Object.entries(sample.issues).map(([number, entry]) => [Number(number), without(entry, FORMER)]),
    );
  });

  it.each(SAMPLES)("with %s has every run with its step and decision as they were written", async (name) => {
    await using opened = await open(name);
    const { sample, state } = opened;
    const isStrange = (number: string) => name === "steps" && STRANGE.includes(Number(number));

    expect([...state.issues().values()].map(runOf)).toStrictEqual(
      Object.entries(sample.issues).map(([number, { run }]) => (run === null ? null : runAs(run, isStrange(number)))),
    );
  });

  it.each(SAMPLES)("with %s has every question, and what a person said of it", async (name) => {
    await using opened = await open(name);
    const { sample, state } = opened;

    expect([...state.issues().values()].map(questionOf)).toStrictEqual(
      Object.values(sample.issues).map(({ hitl }) => (hitl === null ? null : questionAs(hitl))),
    );
  });

  it.each(SAMPLES)("with %s has every outcome, and every claim with its last words", async (name) => {
    await using opened = await open(name);
    const { sample, state } = opened;
    const entries = [...state.issues().values()];

    expect(entries.map(outcomeOf)).toStrictEqual(Object.values(sample.issues).map(({ outcome }) => outcome));
    expect(entries.map(({ claim }) => claim)).toStrictEqual(
      Object.values(sample.issues).map(({ claim }) => (claim === null ? null : claimAs(claim))),
    );
  });

  it.each(SAMPLES)("with %s is read by the table alone", async (name) => {
    await using opened = await open(name);

    expect(opened.state.guessed).toEqual([]);
  });

  it("has each step there is, and begins a run anew whose text is of no form that a step has", async () => {
    await using opened = await open("steps");
    const { state } = opened;
    const steps = [...state.issues().values()].map((entry) => runOf(entry)?.step.at);

    expect(new Set(steps)).toEqual(
      new Set(["begun", "behind", "prompted", "gated", "judged", "approved", "settling", undefined]),
    );
    expect(STRANGE.map((number) => runOf(state.issue(number))?.step)).toEqual(STRANGE.map(() => ({ at: "begun" })));
  });

  it("tells the end that a person made from a run's own decision", async () => {
    await using opened = await open("ways");
    const { state } = opened;

    expect([5, 9, 13].map((number) => runOf(state.issue(number))?.by)).toEqual(["stage", "stage", "person"]);
  });

  it("tells a pause from a wait, and drops a wait of which nobody noted the cause", async () => {
    await using opened = await open("ways");
    const { state } = opened;
    const restOf = (entry: IssueState) => [pauseOf(entry)?.reason ?? null, waitedOf(entry)?.cause ?? null];

    expect([1, 2, 3, 4, 5, 6].map((number) => restOf(state.issue(number)))).toEqual([
      ["it broke", null],
      ["index.lock", "git-locked"],
      [null, "git-locked"],
      ["index.lock", null],
      ["GitHub: down", null],
      [null, null],
    ]);
    expect(waitedOf(state.issue(2))).toEqual({
      since: "2026-03-01T10:00:00.000Z",
      cause: "git-locked",
      mark: "run-2 begun ",
      ms: 60_000,
    });
    expect(pauseOf(state.issue(2))?.until).toBe("2026-03-01T10:30:00.000Z");
  });

  it("is replaced by schema 2, which an earlier version refuses, with the old file whole beside it", async () => {
    await using opened = await open("ways");
    const { path, state, text } = opened;
    const before = [...state.issues()];

    await state.count("once");
    await using again = await StateTracker.open(path, new ManualClock());

    expect(JSON.parse(await readFile(path, "utf8"))).toMatchObject({ schema: 2 });
    expect(await readFile(`${path}.prev`, "utf8")).toBe(text);
    expect(again.degraded).toBeNull();
    expect([...again.issues()]).toStrictEqual(before);
  });

  it("is gone on with when the newer file is damaged", async () => {
    await using opened = await open("ways");
    const { path, state } = opened;
    const before = [...state.issues()];
    await state.count("once");
    await truncate(path, 100);

    await using again = await StateTracker.open(path, new ManualClock());

    expect(again.degraded).toContain("went on with the copy");
    expect([...again.issues()]).toStrictEqual(before);
  });
});

function runAs({ id, stage, startedAt, attempt, sessionId, step: text }: Run, isStrange: boolean): unknown {
  const step: unknown = isStrange ? { at: "begun" } : JSON.parse(text);
  const shared = { id, stage, startedAt, step };
  return id.startsWith("closed-") ? { by: "person", ...shared } : { by: "stage", ...shared, attempt, sessionId };
}

function questionAs({ answer, decision, reason, ...rest }: Asked): unknown {
  if (decision !== null) return { ...rest, said: { is: "end", decision, reason } };
  return { ...rest, said: answer === null ? null : { is: "answer", ...answer } };
}

function claimAs({ commentId, expiresAt, closing }: Claim): unknown {
  return closing === undefined ? { is: "held", commentId, expiresAt } : { is: "releasing", commentId, closing };
}
