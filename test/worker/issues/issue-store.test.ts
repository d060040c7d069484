import { describe, expect, it } from "vitest";

import { STAGES } from "../../../src/core/domain/stage.ts";
import type { WorkerEvent } from "../../../src/worker/events/event.ts";
import type { Issue } from "../../../src/worker/github/port/github.ts";
import { IssueStore, type IssueStoreOptions } from "../../../src/worker/issues/issue-store.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { unreachable } from "../../support/memory-fault.ts";
import { type MemoryClient, MemoryGitHub } from "../../support/memory-github.ts";

const YEAR_MS = 365 * 86_400_000;
const { signal } = new AbortController();
const SYNC_MS = 30_000;
const FULL_MS = 600_000;

interface Rig {
  readonly clock: ManualClock;
  readonly world: MemoryGitHub;
  readonly client: MemoryClient;
  readonly store: IssueStore;
  readonly emitted: WorkerEvent[];
  add(label: string | readonly string[], title?: string): Promise<Issue>;
  sync(): Promise<void>;
}

function newRig(options: Partial<IssueStoreOptions> = {}): Rig {
  const clock = new ManualClock();
  const world = new MemoryGitHub({ now: () => clock.now() });
  const client = world.connect();
  const emitted: WorkerEvent[] = [];
  const store = new IssueStore({
    github: client,
    labelPrefix: "hydraflow",
    clock,
    emit: (event) => emitted.push(event),
    syncIntervalMs: SYNC_MS,
    fullSyncIntervalMs: FULL_MS,
    ...options,
  });
  const add = async (label: string | readonly string[], title?: string) => {
    await clock.advance(1_000);
    return world.addIssue({ labels: [label].flat(), ...(title === undefined ? {} : { title }) });
  };
  const sync = async () => {
    const done = await store.refresh(signal, { force: true });
    expect(done.ok).toBe(true);
  };
  return { clock, world, client, store, emitted, add, sync };
}

function numbers(issues: readonly Issue[]): number[] {
  return issues.map(({ number }) => number);
}

function take(rig: Rig, stage: Parameters<IssueStore["take"]>[0]): number | undefined {
  return rig.store.take(stage, rig.clock.now())?.number;
}

describe("the issue store", () => {
  it("hands out issues of a stage in the order of their creation, each to one taker", async () => {
    const rig = newRig();
    await rig.add("hydraflow-ready");
    await rig.add("hydraflow-find");
    await rig.add("hydraflow-ready");
    await rig.sync();

    const taken = [take(rig, "implement"), take(rig, "implement"), take(rig, "implement"), take(rig, "triage")];

    expect(taken).toEqual([1, 3, undefined, 2]);
    expect(rig.store.queues().implement).toMatchObject({ queued: [], active: [{ number: 1 }, { number: 3 }] });
  });

  it("gives an issue out again once it is released", async () => {
    const rig = newRig();
    const issue = await rig.add("hydraflow-plan");
    await rig.sync();
    take(rig, "plan");

    rig.store.release(issue);

    expect(take(rig, "plan")).toBe(1);
  });

  it("leaves out what is not due, what another worker holds, and takes it when the time has come", async () => {
    const due = new Set([2]);
    const rig = newRig({ isDue: ({ number }) => due.has(number) });
    await rig.add("hydraflow-plan");
    const held = await rig.add("hydraflow-plan");
    await rig.sync();
    rig.store.defer(held, new Date(rig.clock.now().getTime() + 60_000));

    const early = take(rig, "plan");
    await rig.clock.advance(60_000);
    const later = take(rig, "plan");
    due.add(1);

    expect([early, later, take(rig, "plan")]).toEqual([undefined, 2, 1]);
  });

  it("asks again after an hour for one that another clock's claim holds for a year, also where ours was set back", async () => {
    const rig = newRig();
    const held = await rig.add("hydraflow-plan");
    await rig.sync();
    rig.store.defer(held, new Date(rig.clock.now().getTime() + YEAR_MS));
    rig.clock.jumpWall(-YEAR_MS);

    const early = take(rig, "plan");
    await rig.clock.advance(3_600_000);

    expect([early, take(rig, "plan")]).toEqual([undefined, held.number]);
  });

  it("knows nothing of pull requests, of issues without a stage label, and of closed ones", async () => {
    const rig = newRig();
    await rig.add("bug");
    const closed = await rig.add("hydraflow-find");
    rig.world.setState(closed.number, "closed");
    await rig.sync();
    await rig.sync();

    expect(STAGES.flatMap((stage) => numbers(rig.store.queues()[stage].queued))).toEqual([]);
    expect(rig.store.find(1)).toBeUndefined();
  });

  it("takes an issue with two stage labels out of the more advanced queue only", async () => {
    const rig = newRig();
    await rig.add(["hydraflow-ready", "hydraflow-review"]);
    await rig.add(["hydraflow-review", "hydraflow-fixed"]);
    await rig.sync();

    expect(take(rig, "implement")).toBeUndefined();
    expect([take(rig, "review"), take(rig, "review")]).toEqual([1, 2]);
  });

  it("tells of each issue once when it enters the pipeline", async () => {
    const rig = newRig();
    await rig.add("bug");
    await rig.sync();
    await rig.clock.advance(1_000);
    rig.world.setLabels(1, ["bug", "hydraflow-find"]);

    await rig.sync();
    await rig.sync();

    expect(rig.emitted.filter(({ type }) => type === "issue.found")).toMatchObject([{ issue: 1, stage: "triage" }]);
  });
});

describe("a sync", () => {
  it("is full first, then asks only for changes, and is full again after its interval", async () => {
    const rig = newRig();
    await rig.add("hydraflow-find");

    await rig.store.refresh(signal);
    await rig.clock.advance(SYNC_MS);
    await rig.store.refresh(signal);
    await rig.clock.advance(FULL_MS);
    await rig.store.refresh(signal);

    expect(rig.client.calls.map(({ detail }) => detail)).toEqual(["all", "2026-03-01T11:59:01Z", "all"]);
  });

  it("is made once for callers that overlap, and not at all before its interval has passed", async () => {
    const rig = newRig();

    await Promise.all([
      rig.store.refresh(signal),
      rig.store.refresh(signal),
      rig.store.refresh(signal, { force: true }),
    ]);
    await rig.clock.advance(SYNC_MS - 1);
    await rig.store.refresh(signal);
    const before = rig.client.calls.length;
    await rig.clock.advance(1);
    await rig.store.refresh(signal);

    expect([before, rig.client.calls.length]).toEqual([1, 2]);
  });

  it("that fails keeps what was known and says so", async () => {
    const rig = newRig();
    await rig.add("hydraflow-find");
    await rig.sync();
    rig.client.inject({ at: 1, when: "before", how: unreachable("no route") });

    const failed = await rig.store.refresh(signal, { force: true });

    expect(failed.ok).toBe(false);
    expect(rig.store.lastSync).toEqual({ at: rig.clock.now().toISOString(), ok: false, problem: "no route" });
    expect(take(rig, "triage")).toBe(1);
    expect(rig.emitted.at(-1)).toEqual({
      type: "github.failed",
      request: "list issues",
      status: 0,
      message: "no route",
    });
  });

  it("follows labels that people change, forwards and back", async () => {
    const rig = newRig();
    await rig.add("hydraflow-review");
    await rig.sync();

    await rig.clock.advance(2_000);
    rig.world.setLabels(1, ["hydraflow-ready"]);
    await rig.sync();

    expect(numbers(rig.store.queues().implement.queued)).toEqual([1]);
    expect(rig.store.queues().review.queued).toEqual([]);
  });

  it("does not go back to what a late replica still shows", async () => {
    const rig = newRig();
    const old = await rig.add("hydraflow-review");
    await rig.clock.advance(2_000);
    rig.world.setLabels(1, ["hydraflow-ready"]);
    await rig.sync();

    Object.assign(rig.world.stored(1), { labels: old.labels, updatedAt: old.updatedAt });
    await rig.sync();

    expect(numbers(rig.store.queues().implement.queued)).toEqual([1]);
  });

  it("drops an issue that was closed, by either kind of sync", async () => {
    const rig = newRig();
    await rig.add("hydraflow-find");
    await rig.add("hydraflow-find");
    await rig.sync();

    await rig.clock.advance(1_000);
    rig.world.setState(1, "closed");
    await rig.sync();
    const afterIncremental = numbers(rig.store.queues().triage.queued);
    await rig.clock.advance(FULL_MS);
    rig.world.issues.delete(2);
    await rig.sync();

    expect(afterIncremental).toEqual([2]);
    expect(rig.store.find(2)).toBeUndefined();
  });

  it("keeps a closed issue while it is in flight and drops it at its release", async () => {
    const rig = newRig();
    const issue = await rig.add("hydraflow-review");
    await rig.sync();
    take(rig, "review");
    await rig.clock.advance(1_000);
    rig.world.setState(1, "closed");
    await rig.sync();

    const inFlight = rig.store.find(1)?.state;
    rig.store.release(issue);

    expect(inFlight).toBe("closed");
    expect(rig.store.find(1)).toBeUndefined();
  });

  it("notifies whoever listens when something changed", async () => {
    const rig = newRig();
    let woken = 0;
    const listening = rig.store.onChange(() => {
      woken += 1;
    });
    await rig.add("hydraflow-find");

    await rig.sync();
    await rig.sync();
    const afterSyncs = woken;
    listening[Symbol.dispose]();
    await rig.add("hydraflow-find");
    await rig.sync();

    expect([afterSyncs, woken]).toEqual([1, 1]);
  });
});

describe("our own word", () => {
  it("stands against a poll that was asked before it, backwards moves included", async () => {
    const rig = newRig();
    await rig.add("hydraflow-review");
    await rig.sync();
    const issue = rig.store.take("review", rig.clock.now());
    if (issue === undefined) throw new Error("the issue is there");
    const answer = Promise.withResolvers<void>();
    rig.client.intercept = ({ method }, when) =>
      method === "listIssues" && when === "after" ? answer.promise : undefined;
    await rig.clock.advance(1_000);
    const late = rig.store.refresh(signal, { force: true });
    await rig.clock.advance(1_000);
    rig.world.setLabels(1, ["hydraflow-ready"]);

    rig.store.put({ ...issue, labels: ["hydraflow-ready"] });
    rig.store.release(issue);
    answer.resolve();
    await late;

    expect(take(rig, "review")).toBeUndefined();
    expect(take(rig, "implement")).toBe(1);
  });

  it("stands against a poll that was answered in the middle of our move", async () => {
    const rig = newRig();
    const before = await rig.add("hydraflow-review");
    await rig.sync();
    const [answered, answer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    rig.client.intercept = (_, when) => {
      if (when === "before") return undefined;
      answered.resolve();
      return answer.promise;
    };
    await rig.clock.advance(2_000);
    rig.world.setLabels(1, ["hydraflow-review", "hydraflow-ready"]);
    const halfway = rig.store.refresh(signal, { force: true });
    await answered.promise;
    rig.world.setLabels(1, ["hydraflow-ready"]);

    rig.store.put({ ...before, labels: ["hydraflow-ready"] });
    answer.resolve();
    await halfway;

    expect(numbers(rig.store.queues().implement.queued)).toEqual([1]);
    expect(rig.store.queues().review.queued).toEqual([]);
  });

  it("stands against a replica that still shows the old labels, and gives way when GitHub shows a newer change", async () => {
    const rig = newRig();
    const before = await rig.add("hydraflow-review");
    await rig.sync();
    rig.store.put({ ...before, labels: ["hydraflow-ready"] });

    await rig.sync();
    const whileLate = numbers(rig.store.queues().implement.queued);
    await rig.clock.advance(2_000);
    rig.world.setLabels(1, ["hydraflow-hitl"]);
    await rig.sync();

    expect(whileLate).toEqual([1]);
    expect(numbers(rig.store.queues().hitl.queued)).toEqual([1]);
  });

  it("is given up when GitHub goes on showing something else", async () => {
    const rig = newRig();
    const before = await rig.add("hydraflow-review");
    await rig.sync();
    rig.store.put({ ...before, labels: ["hydraflow-ready"] });

    await rig.clock.advance(60_000);
    await rig.sync();

    expect(numbers(rig.store.queues().review.queued)).toEqual([1]);
  });

  it("that an issue is closed removes it at once", async () => {
    const rig = newRig();
    const issue = await rig.add("hydraflow-review");
    await rig.sync();

    rig.store.put({ ...issue, state: "closed" });

    expect(rig.store.find(1)).toBeUndefined();
  });

  it("of a new issue survives a full listing that was asked before it", async () => {
    const rig = newRig();
    const answer = Promise.withResolvers<void>();
    rig.client.intercept = (_, when) => (when === "after" ? answer.promise : undefined);
    const late = rig.store.refresh(signal);
    const issue = await rig.add("hydraflow-find");

    rig.store.put(issue);
    answer.resolve();
    await late;

    expect(take(rig, "triage")).toBe(1);
  });
});
