import { describe, expect, it } from "vitest";

import { labelName, STAGE_LABELS, type StageLabel, stageLabelsOf } from "../../../src/core/domain/stage.ts";
import type { WorkerEvent } from "../../../src/worker/events/event.ts";
import { type IssueState, UNKNOWN_ISSUE } from "../../../src/worker/state/issue-state.ts";
import { Journal } from "../../../src/worker/state/journal.ts";
import { LabelMover } from "../../../src/worker/issues/label-mover.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryBranches } from "../../support/memory-branches.ts";
import { Crash, forbidden, unreachable } from "../../support/memory-fault.ts";
import { type MemoryClient, MemoryGitHub } from "../../support/memory-github.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const { signal } = new AbortController();
const clock = new ManualClock();
const name = (key: Parameters<typeof labelName>[1]) => labelName("hydraflow", key);

interface Worker extends AsyncDisposable {
  readonly mover: LabelMover;
  readonly client: MemoryClient;
  readonly journal: Journal;
  readonly emitted: WorkerEvent[];
}

async function startWorker(path: string, world: MemoryGitHub, state: IssueState = UNKNOWN_ISSUE): Promise<Worker> {
  const journal = await Journal.open(path, clock);
  const client = world.connect();
  const emitted: WorkerEvent[] = [];
  const mover = new LabelMover({
    github: client,
    journal,
    labelPrefix: "hydraflow",
    emit: (event) => emitted.push(event),
    stateOf: () => state,
  });
  return { mover, client, journal, emitted, [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose]() };
}

function stagesOf(world: MemoryGitHub, number = 1): StageLabel[] {
  return stageLabelsOf(world.issue(number).labels, "hydraflow");
}

describe("a move", () => {
  it("adds the new label before it removes the old one and the marker of an answer", async () => {
    await using directory = await makeTemporaryDirectory();
    const world = new MemoryGitHub();
    const issue = world.addIssue({ labels: ["bug", name("hitl"), name("hitl-active"), name("in-progress")] });
    await using worker = await startWorker(directory.file("journal.jsonl"), world);

    const moved = await worker.mover.move(issue, { from: "hitl", to: "ready" }, UNKNOWN_ISSUE, signal);

    expect(moved.ok && moved.value.labels.toSorted()).toEqual(["bug", name("in-progress"), name("ready")].toSorted());
    expect(world.issue(1).labels.toSorted()).toEqual(["bug", name("in-progress"), name("ready")].toSorted());
    expect(world.writes.map(({ method, detail }) => `${method} ${detail}`)).toEqual([
      `addLabels ${name("ready")}`,
      `removeLabel ${name("hitl")}`,
      `removeLabel ${name("hitl-active")}`,
    ]);
    expect(worker.emitted).toEqual([{ type: "issue.moved", issue: 1, from: "hitl", to: "ready" }]);
  });

  it("that is not in the table of legal moves is refused without a call", async () => {
    await using directory = await makeTemporaryDirectory();
    const world = new MemoryGitHub();
    const issue = world.addIssue({ labels: [name("fixed")] });
    await using worker = await startWorker(directory.file("journal.jsonl"), world);

    const moved = await worker.mover.move(issue, { from: "fixed", to: "find" }, UNKNOWN_ISSUE, signal);

    expect(moved).toMatchObject({ ok: false, failure: { kind: "illegal-move" } });
    expect(worker.client.calls).toEqual([]);
  });

  it("gives way to a person who moved the issue meanwhile", async () => {
    await using directory = await makeTemporaryDirectory();
    const world = new MemoryGitHub();
    const issue = world.addIssue({ labels: [name("ready")] });
    await using worker = await startWorker(directory.file("journal.jsonl"), world);
    world.setLabels(1, [name("hitl")]);

    const moved = await worker.mover.move(issue, { from: "ready", to: "review" }, UNKNOWN_ISSUE, signal);

    expect(moved).toMatchObject({ ok: false, failure: { kind: "illegal-move" } });
    expect(stagesOf(world)).toEqual(["hitl"]);
    expect(worker.journal.pending()).toEqual([]);
  });

  it("can be made again in the same cycle: to review, back, and to review once more", async () => {
    await using directory = await makeTemporaryDirectory();
    const world = new MemoryGitHub();
    world.addIssue({ labels: [name("ready")] });
    await using worker = await startWorker(directory.file("journal.jsonl"), world);

    for (const [from, to] of [
      ["ready", "review"],
      ["review", "ready"],
      ["ready", "review"],
    ] as const) {
      const moved = await worker.mover.move(world.issue(1), { from, to }, UNKNOWN_ISSUE, signal);
      expect(moved.ok).toBe(true);
      expect(stagesOf(world)).toEqual([to]);
    }
  });

  it("puts the same label on the pull request", async () => {
    await using directory = await makeTemporaryDirectory();
    const { world, pull } = await worldWithPull();
    await using worker = await startWorker(directory.file("journal.jsonl"), world);

    await worker.mover.move(world.issue(1), { from: "ready", to: "review" }, { ...UNKNOWN_ISSUE, pull }, signal);
    await worker.mover.move(world.issue(1), { from: "review", to: "fixed" }, { ...UNKNOWN_ISSUE, pull }, signal);

    expect(stagesOf(world, pull)).toEqual(["fixed"]);
  });

  it("goes on when the label on the pull request is refused for good", async () => {
    await using directory = await makeTemporaryDirectory();
    const { world, pull } = await worldWithPull();
    await using worker = await startWorker(directory.file("journal.jsonl"), world);
    worker.client.inject({ method: "addLabels", at: 2, when: "before", how: forbidden() });

    const moved = await worker.mover.move(
      world.issue(1),
      { from: "ready", to: "review" },
      { ...UNKNOWN_ISSUE, pull },
      signal,
    );

    expect(moved.ok).toBe(true);
    expect(stagesOf(world)).toEqual(["review"]);
  });

  it.each([
    { method: "addLabels" as const, at: 2, status: 401, kind: "unauthorized" as const },
    { method: "addLabels" as const, at: 2, status: 404, kind: "not-found" as const },
    { method: "removeLabel" as const, at: 2, status: 404, kind: "not-found" as const },
  ])(
    "tries the pull request again whose $method was answered with $status once",
    async ({ method, at, status, kind }) => {
      await using directory = await makeTemporaryDirectory();
      const { world, pull } = await worldWithPull();
      world.setLabels(pull, [name("ready")]);
      await using worker = await startWorker(directory.file("journal.jsonl"), world);
      const how = { kind, message: "no", status, retryable: false, retryAt: null };
      worker.client.inject({ method, at, when: "before", how });

      const first = await worker.mover.move(
        world.issue(1),
        { from: "ready", to: "review" },
        { ...UNKNOWN_ISSUE, pull },
        signal,
      );
      const second = await worker.mover.move(
        world.issue(1),
        { from: "ready", to: "review" },
        { ...UNKNOWN_ISSUE, pull },
        signal,
      );

      expect(first).toMatchObject({ ok: false, failure: { retryable: true } });
      expect(second.ok).toBe(true);
      expect(stagesOf(world, pull)).toEqual(["review"]);
    },
  );

  it("that fails after its first change is to be tried again, whatever the refusal was", async () => {
    await using directory = await makeTemporaryDirectory();
    const world = new MemoryGitHub();
    const issue = world.addIssue({ labels: [name("ready")] });
    await using worker = await startWorker(directory.file("journal.jsonl"), world);
    worker.client.inject({ method: "removeLabel", at: 1, when: "before", how: forbidden() });

    const first = await worker.mover.move(issue, { from: "ready", to: "review" }, UNKNOWN_ISSUE, signal);
    const between = stagesOf(world);
    const second = await worker.mover.move(issue, { from: "ready", to: "review" }, UNKNOWN_ISSUE, signal);

    expect(first).toMatchObject({ ok: false, failure: { retryable: true } });
    expect(between).toEqual(["ready", "review"]);
    expect(second.ok).toBe(true);
    expect(stagesOf(world)).toEqual(["review"]);
  });
});

async function worldWithPull(): Promise<{ world: MemoryGitHub; pull: number }> {
  const branches = new MemoryBranches(["main"]);
  const world = new MemoryGitHub({ branches });
  world.addIssue({ labels: [name("ready")] });
  branches.commit("agent/issue-1");
  const opened = await world
    .connect()
    .createPull({ title: "t", body: "b", head: "agent/issue-1", base: "main", draft: false }, signal);
  if (!opened.ok) throw new Error("the pull request is the test's own");
  return { world, pull: opened.value.number };
}

describe("after a crash", () => {
  const moves = [
    ["find", "plan", []],
    ["ready", "review", []],
    ["review", "ready", []],
    ["review", "hitl", []],
    ["hitl", "ready", ["hitl-active"]],
    ["hitl", "find", ["hitl-active"]],
    ["review", "fixed", []],
    ["plan", "dup", []],
  ] as const;

  it.each(moves)(
    "between any two calls of a move from %s to %s, reconcile leaves exactly the label of its target, or the old one when it had not begun",
    async (from, to, markers) => {
      let crashes = 0;
      for (const when of ["before", "after"] as const) {
        for (let at = 1; at <= 8; at += 1) {
          await using directory = await makeTemporaryDirectory();
          const path = directory.file("journal.jsonl");
          const world = new MemoryGitHub();
          world.addIssue({ labels: ["bug", name(from), ...markers.map(name)] });
          const crashed = await moveAndCrash(path, world, { from, to }, { at, when });
          if (crashed) crashes += 1;
          expect(stagesOf(world).length, `${when} ${at}: never without a stage label`).toBeGreaterThan(0);
          const hadBegun = world.writes.length > 0;

          await using worker = await startWorker(path, world);
          const reconciled = await worker.mover.reconcile(world.issue(1), signal);

          expect(reconciled.ok && stageLabelsOf(reconciled.value.labels, "hydraflow")).toEqual(stagesOf(world));
          expect(stagesOf(world), `${when} ${at}`).toHaveLength(1);
          if (hadBegun || !crashed) expect(stagesOf(world), `${when} ${at}`).toEqual([to]);
          if (stagesOf(world)[0] === to) expect(world.issue(1).labels).not.toContain(name("hitl-active"));
          expect(world.issue(1).labels).toContain("bug");
          expect(worker.journal.pending()).toEqual([]);
        }
      }
      // The calls are read, add, remove the old one, remove each marker; a crash comes before and after each.
      expect(crashes).toBe((3 + markers.length) * 2);
    },
  );

  it("of the reconcile itself, the next reconcile leaves exactly one stage label", async () => {
    for (const when of ["before", "after"] as const) {
      for (let first = 1; first <= 4; first += 1) {
        for (let second = 1; second <= 6; second += 1) {
          await using directory = await makeTemporaryDirectory();
          const path = directory.file("journal.jsonl");
          const world = new MemoryGitHub();
          world.addIssue({ labels: [name("hitl"), name("hitl-active")] });
          await moveAndCrash(path, world, { from: "hitl", to: "ready" }, { at: first, when });
          const hadBegun = world.writes.length > 0;
          await reconcileAndCrash(path, world, { at: second, when });

          await using worker = await startWorker(path, world);
          await worker.mover.reconcile(world.issue(1), signal);

          expect(stagesOf(world), `${when} ${first} ${second}`).toHaveLength(1);
          if (hadBegun) expect(stagesOf(world), `${when} ${first} ${second}`).toEqual(["ready"]);
        }
      }
    }
  });

  it("in which the journal was lost too, the most advanced label wins", async () => {
    for (const from of STAGE_LABELS) {
      for (const to of STAGE_LABELS.filter((label) => label !== from)) {
        await using directory = await makeTemporaryDirectory();
        const world = new MemoryGitHub();
        world.addIssue({ labels: [name(from), name(to)] });
        await using worker = await startWorker(directory.file("journal.jsonl"), world);

        await worker.mover.reconcile(world.issue(1), signal);

        const expected = STAGE_LABELS.findLast((label) => label === from || label === to);
        expect(stagesOf(world)).toEqual([expected]);
      }
    }
  });
});

async function moveAndCrash(
  path: string,
  world: MemoryGitHub,
  move: { from: StageLabel; to: StageLabel },
  fault: { at: number; when: "before" | "after" },
): Promise<boolean> {
  await using worker = await startWorker(path, world);
  worker.client.inject({ ...fault, how: "crash" });
  return await worker.mover.move(world.issue(1), move, UNKNOWN_ISSUE, signal).then(() => false, isCrash);
}

async function reconcileAndCrash(
  path: string,
  world: MemoryGitHub,
  fault: { at: number; when: "before" | "after" },
): Promise<boolean> {
  await using worker = await startWorker(path, world);
  worker.client.inject({ ...fault, how: "crash" });
  return await worker.mover.reconcile(world.issue(1), signal).then(() => false, isCrash);
}

function isCrash(error: unknown): boolean {
  if (error instanceof Crash) return true;
  throw error;
}

describe("reconcile", () => {
  it("changes nothing where there is one stage label and no open move", async () => {
    await using directory = await makeTemporaryDirectory();
    const world = new MemoryGitHub();
    const issue = world.addIssue({ labels: [name("hitl"), name("hitl-active")] });
    await using worker = await startWorker(directory.file("journal.jsonl"), world);

    const reconciled = await worker.mover.reconcile(issue, signal);

    expect(reconciled.ok && reconciled.value.labels).toEqual(issue.labels);
    expect(world.writes).toEqual([]);
  });

  it("leaves an issue alone that a person took out of the pipeline in the middle of a move", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("journal.jsonl");
    const world = new MemoryGitHub();
    world.addIssue({ labels: [name("ready")] });
    await moveAndCrash(path, world, { from: "ready", to: "review" }, { at: 3, when: "before" });
    world.setLabels(1, ["wontfix"]);

    await using worker = await startWorker(path, world);
    await worker.mover.reconcile(world.issue(1), signal);

    expect(world.issue(1).labels).toEqual(["wontfix"]);
    expect(worker.journal.pending()).toEqual([]);
  });

  it("follows a person who moved the issue elsewhere in the middle of a move", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("journal.jsonl");
    const world = new MemoryGitHub();
    world.addIssue({ labels: [name("ready")] });
    await moveAndCrash(path, world, { from: "ready", to: "review" }, { at: 2, when: "before" });
    world.setLabels(1, [name("plan")]);

    await using worker = await startWorker(path, world);
    await worker.mover.reconcile(world.issue(1), signal);

    expect(stagesOf(world)).toEqual(["plan"]);
  });

  it("reports that GitHub does not answer and keeps the move open", async () => {
    await using directory = await makeTemporaryDirectory();
    const path = directory.file("journal.jsonl");
    const world = new MemoryGitHub();
    world.addIssue({ labels: [name("ready")] });
    await moveAndCrash(path, world, { from: "ready", to: "review" }, { at: 3, when: "before" });

    await using worker = await startWorker(path, world);
    worker.client.inject({ at: 1, when: "before", how: unreachable() });
    const reconciled = await worker.mover.reconcile(world.issue(1), signal);

    expect(reconciled.ok).toBe(false);
    expect(worker.journal.pending()).toHaveLength(1);
  });
});

describe("the form in which the repository has a label", () => {
  it("counts as ours in every move", async () => {
    await using directory = await makeTemporaryDirectory();
    const world = new MemoryGitHub();
    world.addIssue({ labels: ["HydraFlow-Find", "Bug"] });
    await using worker = await startWorker(directory.file("journal.jsonl"), world);

    const moved = await worker.mover.move(world.issue(1), { from: "find", to: "plan" }, UNKNOWN_ISSUE, signal);

    expect(moved.ok).toBe(true);
    expect(world.issue(1).labels).toEqual(["Bug", "hydraflow-plan"]);
  });
});
