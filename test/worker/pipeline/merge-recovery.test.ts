// A worker died right after its merge, whose answer it never saw: GitHub has closed the issue by then. The next one
// finds that out between the stages, and may die at any call of that, or be refused any. The tests use no git and no
// agent, so that every boundary can be tried.

import { describe, expect, it } from "vitest";

import { resolveConfig } from "../../../src/core/config/config-layers.ts";
import { workerPaths } from "../../../src/core/files/paths.ts";
import { ok } from "../../../src/core/base/result.ts";
import { ClaimKeeper } from "../../../src/worker/claims/claim-keeper.ts";
import type { GitHubFailure } from "../../../src/worker/github/port/github.ts";
import { IssueStore } from "../../../src/worker/issues/issue-store.ts";
import { Journal } from "../../../src/worker/state/journal.ts";
import { LabelMover } from "../../../src/worker/issues/label-mover.ts";
import { BugBook } from "../../../src/worker/waits/bug-book.ts";
import { RunsInFlight } from "../../../src/worker/orchestrator/runs-in-flight.ts";
import { RunEmitter } from "../../../src/worker/settlement/run-emitter.ts";
import { Settler } from "../../../src/worker/settlement/settler.ts";
import { approvedStep } from "../../../src/worker/state/run-step.ts";
import type { StageContext } from "../../../src/worker/pipeline/stage-context.ts";
import { workBranchName } from "../../../src/worker/git/command/branch-name.ts";
import { Reconciler } from "../../../src/worker/orchestrator/reconciler.ts";
import { WaitBook } from "../../../src/worker/waits/wait-book.ts";
import type { SessionLog } from "../../../src/worker/state/session-log.ts";
import { StateTracker } from "../../../src/worker/state/state-tracker.ts";
import { outcomeOf, underWay } from "../../../src/worker/state/issue-way.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { MemoryBranches } from "../../support/memory-branches.ts";
import { Crash, type Fault } from "../../support/memory-fault.ts";
import { MemoryGitHub } from "../../support/memory-github.ts";
import { makeTemporaryDirectory, type TemporaryDirectory } from "../../support/temporary-directory.ts";

const { signal } = new AbortController();
const ROUNDS_MAX = 30;
const ROUND_MS = 60_000;
const BRANCH = "agent/issue-1";

const REFUSALS: readonly GitHubFailure[] = [
  { kind: "unauthorized", message: "Bad credentials", status: 401, retryable: false, retryAt: null },
  { kind: "not-found", message: "Not Found", status: 404, retryable: false, retryAt: null },
  { kind: "unreachable", message: "no answer", status: 0, retryable: true, retryAt: null },
];

describe("A merge whose answer was lost", () => {
  it("is settled by the next start", async () => {
    await using rig = await LostMerge.make();

    await rig.live([]);

    expect(await rig.end()).toEqual(WELL);
  });

  it("is settled wherever a second crash hits its recovery", async () => {
    const calls = await callsOfRecovery();
    const failed = [];
    for (const when of ["before", "after"] as const) {
      for (let at = 1; at <= calls; at += 1) {
        await using rig = await LostMerge.make();
        await rig.live([{ at, when, how: "crash" }]);
        await rig.live([]);
        if (JSON.stringify(await rig.end()) !== JSON.stringify(WELL)) failed.push({ when, at, end: await rig.end() });
      }
    }

    expect(failed).toEqual([]);
    expect(calls).toBe(12);
  });

  it("is settled where each start dies one call later than the one before it", async () => {
    await using rig = await LostMerge.make();
    for (let at = 1; at <= (await callsOfRecovery()); at += 1) await rig.live([{ at, when: "after", how: "crash" }]);

    await rig.live([]);

    expect(await rig.end()).toEqual(WELL);
  });

  it.each(REFUSALS)("is settled whichever of its calls is refused once with $kind", async (how) => {
    const calls = await callsOfRecovery();
    const failed = [];
    for (let at = 1; at <= calls; at += 1) {
      await using rig = await LostMerge.make();
      await rig.live([{ at, when: "before", how }]);
      if (JSON.stringify(await rig.end()) !== JSON.stringify(WELL)) failed.push({ at, end: await rig.end() });
    }

    expect(failed).toEqual([]);
  });
});

const WELL = {
  outcome: "merged",
  reason: "merged in #2",
  labels: ["hydraflow-fixed"],
  ofPull: ["hydraflow-fixed"],
  state: "closed",
  branch: null,
  claim: null,
  claims: ["**HydraFlow** has ended its work on this issue: merged in #2"],
};

async function callsOfRecovery(): Promise<number> {
  await using rig = await LostMerge.make();
  return await rig.live([]);
}

class LostMerge implements AsyncDisposable {
  readonly #clock = new ManualClock();
  readonly #branches = new MemoryBranches(["main"]);
  readonly #world = new MemoryGitHub({ branches: this.#branches, now: () => this.#clock.now() });
  readonly #directory: TemporaryDirectory;

  static async make(): Promise<LostMerge> {
    const rig = new LostMerge(await makeTemporaryDirectory());
    await rig.#merge();
    return rig;
  }

  private constructor(directory: TemporaryDirectory) {
    this.#directory = directory;
  }

  /**
   * Lives one life of the worker: syncs and reconciles until it dies or nothing is left. Returns the calls that it
   * made.
   */
  async live(faults: readonly Fault[]): Promise<number> {
    await using life = await this.#open();
    const { client, state, store, reconciler, claims } = life;
    for (const fault of faults) client.inject(fault);
    for (let round = 0; round < ROUNDS_MAX; round += 1) {
      const synced = await store.refresh(signal, { force: true }).catch(() => undefined);
      if (synced === undefined) return client.calls.length;
      if (synced.ok) await reconciler.run(signal);
      if (outcomeOf(state.issue(1)) !== null && !claims.isReleasing(1)) break;
      await this.#clock.advance(ROUND_MS);
    }
    return client.calls.length;
  }

  async end(): Promise<Record<string, unknown>> {
    await using state = await StateTracker.open(this.#directory.file("state.json"), this.#clock);
    const { claim } = state.issue(1);
    const outcome = outcomeOf(state.issue(1));
    const issue = this.#world.issue(1);
    return {
      outcome: outcome?.kind,
      reason: outcome?.reason,
      labels: issue.labels,
      ofPull: this.#world.issue(2).labels,
      state: issue.state,
      branch: await this.#branches.head(BRANCH),
      claim,
      claims: this.#world.commentsOf(1).map(({ body }) => body.split("\n\n<!--")[0]),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#directory[Symbol.asyncDispose]();
  }

  /** Does what the first life did until it died. */
  async #merge(): Promise<void> {
    this.#world.addIssue({ labels: ["hydraflow-review"] });
    const headSha = this.#branches.commit(BRANCH);
    await using life = await this.#open();
    const { client, state, claims, journal } = life;
    await claims.acquire(this.#world.issue(1), "review", signal);
    await client.createPull({ title: "t", body: "Closes #1", head: BRANCH, base: "main", draft: false }, signal);
    await client.addLabels(2, ["hydraflow-review"], signal);
    const step = approvedStep(headSha, this.#clock.now());
    const run = {
      by: "stage" as const,
      id: "run",
      stage: "review" as const,
      attempt: 1,
      sessionId: "s",
      startedAt: "now",
      step,
    };
    await state.update(1, (old) => ({
      ...old,
      pull: 2,
      way: underWay(run, { asked: null, pause: null, waited: null }),
    }));
    const act = async () => {
      await client.merge(2, { headSha, method: "squash", title: "t", message: "" }, signal);
      throw new Crash();
    };
    await journal.effect("1.1/merge", { look: () => Promise.resolve(ok(null)), act }, signal).catch(() => undefined);
  }

  async #open() {
    await using stack = new AsyncDisposableStack();
    const clock = this.#clock;
    const client = this.#world.connect();
    const state = stack.use(await StateTracker.open(this.#directory.file("state.json"), clock));
    const journal = stack.use(await Journal.open(this.#directory.file("journal.jsonl"), clock));
    const config = resolveConfig([]);
    if (!config.ok) throw new Error("the defaults are not well");
    const shared = { github: client, journal, clock, labelPrefix: "hydraflow", emit: () => undefined, state };
    const claims = stack.use(new ClaimKeeper({ ...shared, owner: "host/acme-web/1", leaseMs: 900_000 }));
    const mover = new LabelMover({ ...shared, stateOf: (number) => state.issue(number) });
    const store = new IssueStore({ ...shared, syncIntervalMs: 1, fullSyncIntervalMs: 600_000 });
    const bugs = new BugBook(clock, () => undefined);
    const workspaces = {
      branchOf: (issue: number) => Promise.resolve(workBranchName(issue)),
      remove: () => Promise.resolve(),
    };
    const paths = workerPaths(this.#directory.file("data"));
    const context = { ...shared, config: config.value, workspaces, paths } as unknown as StageContext;
    const sessions = { note: () => Promise.resolve() } as unknown as SessionLog;
    const waits = new WaitBook({
      ...{ clock, emit: () => undefined, limitMs: 3_600_000, ciTimeoutMs: 60_000, pollIntervalMs: 1 },
      isAsking: () => false,
      isGitHubUp: () => true,
    });
    const parts = { context, claims, mover, store, bugs, sessions, waits };
    const settler = new Settler({ ...parts, emitter: new RunEmitter(context) });
    const owned = stack.move();
    return {
      client,
      state,
      claims,
      journal,
      store,
      reconciler: new Reconciler({ ...parts, settler, inFlight: new RunsInFlight() }),
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  }
}
