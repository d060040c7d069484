import { describe, expect, it } from "vitest";

import { activeBody } from "../../../src/worker/claims/claim-comment.ts";
import { ClaimKeeper } from "../../../src/worker/claims/claim-keeper.ts";
import type { WorkerEvent } from "../../../src/worker/events/event.ts";
import { StateTracker } from "../../../src/worker/state/state-tracker.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { unreachable } from "../../support/memory-fault.ts";
import { type MemoryClient, MemoryGitHub } from "../../support/memory-github.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../../support/temporary-directory.ts";

const { signal } = new AbortController();
const LEASE_MS = 900_000;
const LABEL = "hydraflow-in-progress";

interface Worker extends AsyncDisposable {
  readonly client: MemoryClient;
  readonly keeper: ClaimKeeper;
  readonly state: StateTracker;
  readonly emitted: WorkerEvent[];
}

interface Rig extends AsyncDisposable {
  readonly clock: ManualClock;
  readonly world: MemoryGitHub;
  readonly directory: TemporaryDirectory;
  /** Makes a worker of that owner as it is after a start: its state is read from disk. */
  start(owner?: string, login?: string): Promise<Worker>;
}

async function newRig(): Promise<Rig> {
  const directory = await makeTemporaryDirectory();
  const clock = new ManualClock();
  const world = new MemoryGitHub({ now: () => clock.now() });
  world.addIssue({ labels: ["hydraflow-ready"] });
  const start = async (owner = "host-a/acme-web/1", login?: string): Promise<Worker> => {
    const state = await StateTracker.open(directory.file(owner, "state.json"), clock);
    const client = world.connect(login);
    const emitted: WorkerEvent[] = [];
    const keeper = new ClaimKeeper({
      github: client,
      state,
      clock,
      emit: (event) => emitted.push(event),
      owner,
      labelPrefix: "hydraflow",
      leaseMs: LEASE_MS,
    });
    const dispose = async () => {
      await keeper[Symbol.asyncDispose]();
      await state[Symbol.asyncDispose]();
    };
    return { client, keeper, state, emitted, [Symbol.asyncDispose]: dispose };
  };
  return { clock, world, directory, start, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

/** Waits for what happens beside the clock, such as a write to the disk. */
async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 120_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within the deadline: ${condition.toString()}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("a claim", () => {
  it("is one comment that says so to people and to workers, and the label", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();

    const claim = await worker.keeper.acquire(rig.world.issue(1), "implement", signal);

    expect(claim).toMatchObject({ ok: true, value: { issue: 1, owner: "host-a/acme-web/1" } });
    const [comment, ...others] = rig.world.commentsOf(1);
    expect(others).toEqual([]);
    expect(comment?.body).toMatch(
      /^\*\*HydraFlow\*\* is working on this issue\. Stage: \*\*implement\*\*, since 2026-03-01 12:00 UTC\.\n\n<!-- hydraflow:claim \{.*\} -->$/,
    );
    expect(rig.world.issue(1).labels).toEqual(["hydraflow-ready", LABEL]);
    expect(worker.state.issue(1).claim).toEqual({
      is: "held",
      commentId: comment?.id,
      expiresAt: "2026-03-01T12:15:00.000Z",
    });
  });

  it("that is held already costs no call", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    await worker.keeper.acquire(rig.world.issue(1), "plan", signal);
    const before = worker.client.calls.length;

    const again = await worker.keeper.acquire(rig.world.issue(1), "implement", signal);

    expect(again.ok).toBe(true);
    expect(worker.client.calls).toHaveLength(before);
  });

  it("of another worker is respected, named with its end, and nothing is written", async () => {
    await using rig = await newRig();
    await using first = await rig.start("host-a/acme-web/1", "bot-a");
    await using second = await rig.start("host-b/acme-web/2", "bot-b");
    await first.keeper.acquire(rig.world.issue(1), "plan", signal);
    const writes = rig.world.writes.length;

    const refused = await second.keeper.acquire(rig.world.issue(1), "plan", signal);

    expect(refused).toEqual({
      ok: false,
      failure: { kind: "held", owner: "host-a/acme-web/1", until: new Date("2026-03-01T12:16:00.000Z") },
    });
    expect(rig.world.writes).toHaveLength(writes);
  });

  it("of a dead worker is taken over once it has run out, and not a moment earlier", async () => {
    await using rig = await newRig();
    const dead = await rig.start("host-a/acme-web/1");
    await dead.keeper.acquire(rig.world.issue(1), "plan", signal);
    await dead[Symbol.asyncDispose]();
    await using heir = await rig.start("host-b/acme-web/2");

    const early = await heir.keeper.acquire(rig.world.issue(1), "plan", signal);
    await rig.clock.advance(LEASE_MS + 59_999);
    const almost = await heir.keeper.acquire(rig.world.issue(1), "plan", signal);
    await rig.clock.advance(1);
    const late = await heir.keeper.acquire(rig.world.issue(1), "plan", signal);

    expect([early.ok, almost.ok, late.ok]).toEqual([false, false, true]);
  });

  it("by someone who may not write does not count", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    const forged = {
      owner: "mallory",
      expiresAt: new Date("2026-03-02T00:00:00Z"),
      nonce: "x",
      stage: "plan" as const,
      since: new Date(),
    };
    rig.world.addComment(1, "mallory", activeBody(forged));

    const claim = await worker.keeper.acquire(rig.world.issue(1), "plan", signal);

    expect(claim.ok).toBe(true);
  });

  it("is not taken while it is unknown whether the author of another one may write", async () => {
    await using rig = await newRig();
    await using first = await rig.start("host-a/acme-web/1", "bot-a");
    await using second = await rig.start("host-b/acme-web/2", "bot-b");
    await first.keeper.acquire(rig.world.issue(1), "plan", signal);
    second.client.inject({ method: "mayWrite", at: 1, when: "before", how: unreachable("no permission answer") });

    const refused = await second.keeper.acquire(rig.world.issue(1), "plan", signal);

    expect(refused).toMatchObject({ ok: false, failure: { message: "no permission answer" } });
    expect(rig.world.effects("createComment")).toHaveLength(1);
  });

  it("that claims to last for years ends a day after its last edit", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    rig.world.addComment(
      1,
      "hydraflow-bot",
      activeBody({
        owner: "broken-clock",
        expiresAt: new Date("2099-01-01T00:00:00Z"),
        nonce: "x",
        stage: "plan",
        since: new Date(),
      }),
    );

    const early = await worker.keeper.acquire(rig.world.issue(1), "plan", signal);
    await rig.clock.advance(25 * 3_600_000);
    const late = await worker.keeper.acquire(rig.world.issue(1), "plan", signal);

    expect([early.ok, late.ok]).toEqual([false, true]);
  });

  it("survives an owner name and a text that try to end the marker", async () => {
    await using rig = await newRig();
    const owner = "host --> <!-- hydraflow:claim {}/acme-web/1";
    const first = await rig.start(owner);
    await first.keeper.acquire(rig.world.issue(1), "plan", signal);
    await first[Symbol.asyncDispose]();
    await using other = await rig.start("host-b/acme-web/2");

    const refused = await other.keeper.acquire(rig.world.issue(1), "plan", signal);

    expect(refused).toMatchObject({ ok: false, failure: { kind: "held", owner } });
  });
});

describe("a restarted worker", () => {
  it("goes on with its own claim by one edit and no read", async () => {
    await using rig = await newRig();
    const before = await rig.start();
    await before.keeper.acquire(rig.world.issue(1), "plan", signal);
    await before[Symbol.asyncDispose]();
    await using after = await rig.start();

    const claim = await after.keeper.acquire(rig.world.issue(1), "implement", signal);

    expect(claim.ok).toBe(true);
    expect(after.client.calls.map(({ method }) => method)).toEqual(["updateComment"]);
    expect(rig.world.commentsOf(1)).toHaveLength(1);
  });

  it("uses its one comment again after the claim ran out", async () => {
    await using rig = await newRig();
    const before = await rig.start();
    await before.keeper.acquire(rig.world.issue(1), "plan", signal);
    await before[Symbol.asyncDispose]();
    await rig.clock.advance(10 * LEASE_MS);
    await using after = await rig.start();

    const claim = await after.keeper.acquire(rig.world.issue(1), "plan", signal);

    expect(claim.ok).toBe(true);
    expect(rig.world.commentsOf(1)).toHaveLength(1);
  });

  it("claims anew when a person deleted the comment", async () => {
    await using rig = await newRig();
    const before = await rig.start();
    await before.keeper.acquire(rig.world.issue(1), "plan", signal);
    await before[Symbol.asyncDispose]();
    rig.world.comments.length = 0;
    await using after = await rig.start();

    const claim = await after.keeper.acquire(rig.world.issue(1), "plan", signal);

    expect(claim.ok).toBe(true);
    expect(rig.world.commentsOf(1)).toHaveLength(1);
  });

  it.each(["before", "after"] as const)(
    "that died %s any call of an acquire leaves one comment and takes its claim",
    async (when) => {
      for (let at = 1; at <= 6; at += 1) {
        await using rig = await newRig();
        const dead = await rig.start();
        dead.client.inject({ at, when, how: "crash" });
        await dead.keeper.acquire(rig.world.issue(1), "plan", signal).catch(() => undefined);
        await dead[Symbol.asyncDispose]();
        await using restarted = await rig.start();

        const claim = await restarted.keeper.acquire(rig.world.issue(1), "plan", signal);

        expect(claim.ok, `${when} ${at}`).toBe(true);
        expect(rig.world.commentsOf(1), `${when} ${at}`).toHaveLength(1);
        expect(rig.world.issue(1).labels, `${when} ${at}`).toContain(LABEL);
      }
    },
  );
});

describe("a lease", () => {
  it("is renewed at half its lease, for days, by edits of its one comment alone", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    await worker.keeper.acquire(rig.world.issue(1), "plan", signal);
    const before = worker.client.calls.length;

    for (let renewals = 1; renewals <= 20; renewals += 1) {
      await rig.clock.advance(LEASE_MS / 2);
      const expected = new Date(rig.clock.now().getTime() + LEASE_MS).toISOString();
      await until(() => expiryOf(worker.state) === expected);
    }

    expect(worker.keeper.held(1)?.lost.aborted).toBe(false);
    expect(new Set(worker.client.calls.slice(before).map(({ method }) => method))).toEqual(new Set(["updateComment"]));
    expect(worker.client.calls).toHaveLength(before + 20);
    expect(rig.world.commentsOf(1)).toHaveLength(1);
  });

  it("outlives a GitHub that is away for less than the lease", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    await worker.keeper.acquire(rig.world.issue(1), "plan", signal);
    for (let at = 1; at <= 3; at += 1)
      worker.client.inject({ method: "updateComment", at, when: "before", how: unreachable() });

    await rig.clock.advance(LEASE_MS / 2 + 3 * (LEASE_MS / 10));
    await until(() => expiryOf(worker.state) === new Date(rig.clock.now().getTime() + LEASE_MS).toISOString());

    expect(worker.keeper.held(1)).toBeDefined();
    expect(worker.emitted.filter(({ type }) => type === "github.failed")).toHaveLength(3);
  });

  it("is lost, and says so, before anybody else may take it", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    const claim = await worker.keeper.acquire(rig.world.issue(1), "plan", signal);
    for (let at = 1; at <= 50; at += 1)
      worker.client.inject({ method: "updateComment", at, when: "before", how: unreachable() });
    if (!claim.ok) throw new Error("the claim is free");

    await rig.clock.advance(LEASE_MS - 60_001);
    const before = claim.value.lost.aborted;
    await rig.clock.advance(1);

    expect([before, claim.value.lost.aborted]).toEqual([false, true]);
    expect(worker.keeper.held(1)).toBeUndefined();
    await until(() => worker.state.issue(1).claim === null);
  });

  it("is lost when a renewal is answered too late", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    const claim = await worker.keeper.acquire(rig.world.issue(1), "plan", signal);
    if (!claim.ok) throw new Error("the claim is free");
    const answer = Promise.withResolvers<void>();
    worker.client.intercept = (_, when) => (when === "after" ? answer.promise : undefined);

    await rig.clock.advance(LEASE_MS);
    const lostWhileWaiting = claim.value.lost.aborted;
    answer.resolve();
    await until(() => worker.state.issue(1).claim === null);

    expect(lostWhileWaiting).toBe(true);
    expect(worker.keeper.held(1)).toBeUndefined();
  });

  it("is lost after the machine slept through its lease, though the monotonic clock stood still", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    const claim = await worker.keeper.acquire(rig.world.issue(1), "plan", signal);
    if (!claim.ok) throw new Error("the claim is free");

    rig.clock.jumpWall(LEASE_MS);

    expect(worker.keeper.held(1)).toBeUndefined();
    expect(claim.value.lost.aborted).toBe(true);
  });

  it("is kept when the wall clock is set back", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    await worker.keeper.acquire(rig.world.issue(1), "plan", signal);
    worker.client.inject({ method: "updateComment", at: 1, when: "before", how: unreachable() });

    rig.clock.jumpWall(-3_600_000);
    await rig.clock.advance(LEASE_MS / 2);

    expect(worker.keeper.held(1)).toBeDefined();
  });

  it("shows another stage by one edit, and the same stage by none", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    await worker.keeper.acquire(rig.world.issue(1), "plan", signal);
    const before = worker.client.calls.length;

    await worker.keeper.setStage(1, "implement", signal);
    await worker.keeper.setStage(1, "implement", signal);

    expect(worker.client.calls.slice(before).map(({ method }) => method)).toEqual(["updateComment"]);
    expect(rig.world.commentsOf(1)[0]?.body).toContain("Stage: **implement**, since 2026-03-01 12:00 UTC");
  });
});

describe("a release", () => {
  it("leaves its last word in the one comment, takes the label off, and lets the next worker on at once", async () => {
    await using rig = await newRig();
    await using worker = await rig.start("host-a/acme-web/1");
    await using next = await rig.start("host-b/acme-web/2");
    await worker.keeper.acquire(rig.world.issue(1), "plan", signal);

    await worker.keeper.release({ number: 1 }, signal, "**HydraFlow** has merged #7.");
    const [comment] = rig.world.commentsOf(1);
    const labels = rig.world.issue(1).labels;
    const claim = await next.keeper.acquire(rig.world.issue(1), "plan", signal);

    expect(comment?.body).toMatch(
      /^\*\*HydraFlow\*\* has merged #7\.\n\n<!-- hydraflow:claim .*1970-01-01T00:00:00\.000Z.* -->$/,
    );
    expect(labels).toEqual(["hydraflow-ready"]);
    expect(worker.state.issue(1).claim).toBeNull();
    expect(claim.ok).toBe(true);
  });

  it("that GitHub refused for now is finished by the next call", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    await worker.keeper.acquire(rig.world.issue(1), "plan", signal);
    worker.client.inject({ method: "removeLabel", at: 1, when: "before", how: unreachable() });

    const first = await worker.keeper.release({ number: 1 }, signal);
    const second = await worker.keeper.release({ number: 1 }, signal);
    const third = await worker.keeper.release({ number: 1 }, signal);

    expect([first.ok, second.ok, third.ok]).toEqual([false, true, true]);
    expect(rig.world.issue(1).labels).toEqual(["hydraflow-ready"]);
    expect(worker.emitted.filter(({ type }) => type === "issue.released")).toHaveLength(1);
  });

  it.each(["updateComment", "removeLabel"] as const)(
    "that a crash at %s cut off is ended by the next start, in the same words",
    async (method) => {
      await using rig = await newRig();
      const before = await rig.start();
      await before.keeper.acquire(rig.world.issue(1), "plan", signal);
      before.client.inject({ method, at: 1, when: "before", how: "crash" });
      await before.keeper.release({ number: 1 }, signal, "It is over.").catch(() => undefined);
      await before[Symbol.asyncDispose]();
      await using after = await rig.start();

      const isReleasing = after.keeper.isReleasing(1);
      await after.keeper.release({ number: 1 }, signal);

      expect(isReleasing).toBe(true);
      expect(rig.world.commentsOf(1)[0]?.body).toMatch(/^It is over\.\n/);
      expect(rig.world.issue(1).labels).toEqual(["hydraflow-ready"]);
      expect(after.keeper.isReleasing(1)).toBe(false);
    },
  );

  it("that is ended late leaves the label to whoever has claimed the issue since", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    await worker.keeper.acquire(rig.world.issue(1), "plan", signal);
    worker.client.inject({ method: "removeLabel", at: 1, when: "before", how: unreachable() });
    await worker.keeper.release({ number: 1 }, signal);
    await using other = await rig.start("host-b/acme-web/2");
    await other.keeper.acquire(rig.world.issue(1), "plan", signal);

    const released = await worker.keeper.release({ number: 1 }, signal);

    expect(released.ok).toBe(true);
    expect(rig.world.issue(1).labels).toContain(LABEL);
  });

  it("stops the renewals", async () => {
    await using rig = await newRig();
    await using worker = await rig.start();
    await worker.keeper.acquire(rig.world.issue(1), "plan", signal);

    await worker.keeper.release({ number: 1 }, signal);

    expect(rig.clock.sleeping).toBe(0);
  });

  it("of a claim that only the state file remembers works too", async () => {
    await using rig = await newRig();
    const before = await rig.start();
    await before.keeper.acquire(rig.world.issue(1), "plan", signal);
    await before[Symbol.asyncDispose]();
    await using after = await rig.start();

    const released = await after.keeper.release({ number: 1 }, signal);

    expect(released.ok).toBe(true);
    expect(rig.world.issue(1).labels).toEqual(["hydraflow-ready"]);
    expect(after.state.issue(1).claim).toBeNull();
  });
});

function expiryOf(state: StateTracker): string | null {
  const { claim } = state.issue(1);
  return claim?.is === "held" ? claim.expiresAt : null;
}
