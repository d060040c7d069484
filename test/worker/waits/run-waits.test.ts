// Shows how runs, the reconciler and the inbox put down what has to wait, without git and an agent, by a clock of the
// test's own.

import { describe, expect, it } from "vitest";

import { resolveConfig } from "../../../src/core/config/config-layers.ts";
import type { Stage } from "../../../src/core/domain/stage.ts";
import { ClaimKeeper } from "../../../src/worker/claims/claim-keeper.ts";
import type { WorkerEvent } from "../../../src/worker/events/event.ts";
import type { HitlState, RunState } from "../../../src/worker/state/issue-state.ts";
import { IssueStore } from "../../../src/worker/issues/issue-store.ts";
import { Journal } from "../../../src/worker/state/journal.ts";
import { LabelMover } from "../../../src/worker/issues/label-mover.ts";
import { BugBook } from "../../../src/worker/waits/bug-book.ts";
import { HitlInbox } from "../../../src/worker/orchestrator/hitl-inbox.ts";
import { IssueRunner } from "../../../src/worker/orchestrator/issue-runner.ts";
import { RunsInFlight } from "../../../src/worker/orchestrator/runs-in-flight.ts";
import { RunEmitter } from "../../../src/worker/settlement/run-emitter.ts";
import { Settler } from "../../../src/worker/settlement/settler.ts";
import { type SeenEnd, type SettlingStep, stepMark } from "../../../src/worker/state/run-step.ts";
import type { StageContext, StageWork } from "../../../src/worker/pipeline/stage-context.ts";
import { retry, wait } from "../../../src/worker/pipeline/stage-outcome.ts";
import { Reconciler } from "../../../src/worker/orchestrator/reconciler.ts";
import { WaitBook } from "../../../src/worker/waits/wait-book.ts";
import type { SessionLog } from "../../../src/worker/state/session-log.ts";
import { StateTracker } from "../../../src/worker/state/state-tracker.ts";
import { pauseOf, questionOf, runOf, underWay, waitedOf } from "../../../src/worker/state/issue-way.ts";
import { askPerson } from "../../../src/worker/pipeline/question-record.ts";
import { seeEnd } from "../../../src/worker/settlement/settle.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { unreachable } from "../../support/memory-fault.ts";
import { MemoryGitHub } from "../../support/memory-github.ts";
import { makeTemporaryDirectory } from "../../support/temporary-directory.ts";

const { signal } = new AbortController();
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const LEASE_MS = 900_000;
const FULL = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });

const BEGUN: RunState = {
  by: "stage",
  id: "run",
  stage: "triage",
  attempt: 1,
  sessionId: "s",
  startedAt: "2026-03-01T10:00:00.000Z",
  step: { at: "begun" },
};

const FRESH = { asked: null, pause: null, waited: null };

const ANSWERED: HitlState = {
  question: "Which one?",
  cause: "question",
  origin: "ready",
  askedAt: "2026-03-01T09:00:00.000Z",
  commentId: null,
  awaits: null,
  resumes: false,
  said: {
    is: "answer",
    text: "The first.",
    last: "The first.",
    by: "alice",
    door: "api",
    at: "2026-03-01T09:30:00.000Z",
    commentId: null,
    lastSeen: null,
  },
};

describe("An issue that waits", () => {
  it("and loses its claim over the limit is put down without a word on GitHub", async () => {
    await using rig = await newRig();
    const issue = rig.world.addIssue({ labels: ["hydraflow-find"] });
    await rig.hasWaited(issue.number, BEGUN, "claim", 2 * HOUR_MS);

    await rig.run("triage", issue.number, async (_context, _run, lost) => {
      rig.client.updateComment = () => Promise.resolve({ ok: false, failure: unreachable() });
      while (!lost.aborted) await rig.clock.advance(MINUTE_MS);
      return { kind: "interrupted" };
    });

    expect(rig.world.commentsOf(issue.number)).toHaveLength(1);
    expect(rig.world.issue(issue.number).labels).toContain("hydraflow-find");
    expect(runOf(rig.state.issue(issue.number))?.step).toEqual(BEGUN.step);
    expect(rig.waits.notice).toContain("the claim was lost");
  });

  it("while a person's answer is worked in keeps question and answer, and is a notice", async () => {
    await using rig = await newRig();
    const issue = rig.world.addIssue({ labels: ["hydraflow-hitl"] });
    await rig.state.update(issue.number, (old) => askPerson(old, ANSWERED));
    await rig.hasWaited(issue.number, { ...BEGUN, stage: "hitl" }, "git-locked", 2 * HOUR_MS);

    await rig.run("hitl", issue.number, () => Promise.resolve(wait("git: index.lock", null, "git-locked")));

    expect(questionOf(rig.state.issue(issue.number))).toEqual(ANSWERED);
    expect(rig.waits.notice).toContain("git: index.lock");
  });

  it("after a restart waits on for the same thing only", async () => {
    await using rig = await newRig();
    const [same, other] = [0, 1].map(() => rig.world.addIssue({ labels: ["hydraflow-find"] }).number);
    await rig.hasWaited(same ?? 0, BEGUN, "git-locked", 30 * MINUTE_MS);
    await rig.hasWaited(other ?? 0, BEGUN, "agent", 5 * HOUR_MS);

    for (const number of [same ?? 0, other ?? 0])
      await rig.run("triage", number, () => Promise.resolve(wait("git: index.lock", null, "git-locked")));

    expect(waitedOf(rig.state.issue(same ?? 0))?.ms).toBe(30 * MINUTE_MS);
    expect(rig.state.issue(other ?? 0)).toMatchObject({
      way: { asked: null, waited: { cause: "git-locked", ms: 0 } },
    });
  });

  it("waits no more once its run is taken up, or has gone a step on", async () => {
    await using rig = await newRig();
    const issue = rig.world.addIssue({ labels: ["hydraflow-find"] });
    await rig.hasWaited(issue.number, BEGUN, "git-locked", HOUR_MS);
    rig.client.inject({ at: 1, method: "issue", when: "before", how: unreachable() });
    await rig.run("triage", issue.number, () => Promise.reject(new Error("it was not looked at")));
    const before = rig.waits.of(issue.number)?.cause;
    await rig.clock.advance(MINUTE_MS);

    let during: unknown = "never run";
    await rig.run("triage", issue.number, async (_context, run) => {
      await run.mark({ at: "prompted" });
      during = [rig.waits.of(issue.number), pauseOf(run.state()), waitedOf(run.state())];
      return { kind: "interrupted" };
    });

    expect(before).toBe("github");
    expect(during).toEqual([null, null, null]);
  });

  it("waits no more when a person has moved it", async () => {
    await using rig = await newRig();
    const issue = rig.world.addIssue({ labels: ["hydraflow-find"] });
    rig.client.inject({ at: 1, method: "issue", when: "before", how: unreachable() });
    const never: StageWork = () => Promise.reject(new Error("it is not to be worked on"));
    await rig.run("triage", issue.number, never);
    const before = rig.waits.issues;
    rig.world.setLabels(issue.number, ["hydraflow-plan"]);

    await rig.run("triage", issue.number, never);

    expect([before, rig.waits.issues]).toEqual([[issue.number], []]);
  });

  it("for a machine that is short is no bug, wherever that is met", async () => {
    await using rig = await newRig();
    const issue = rig.world.addIssue({ labels: ["hydraflow-find"] });
    await rig.state.update(issue.number, (old) => ({ ...old, way: underWay({ ...BEGUN, step: SETTLING }, FRESH) }));
    rig.client.issue = () => Promise.reject(FULL);

    await rig.run("triage", issue.number, () => Promise.reject(new Error("it was not looked at")));
    await rig.reconciler.run(signal);

    expect(rig.waits.of(issue.number)).toMatchObject({ cause: "machine", reason: expect.stringContaining("ENOSPC") });
    expect(rig.bugs.notice).toContain("this machine is short: ENOSPC");
    expect(rig.emitted.filter(({ type }) => type === "worker.bug")).toEqual([]);
  });

  it("for what a run throws waits longer each time, however far the run comes before", async () => {
    await using rig = await newRig();
    const issue = rig.world.addIssue({ labels: ["hydraflow-find"] });
    const update = rig.state.update.bind(rig.state);
    for (let round = 0; round < 3; round += 1) {
      rig.state.update = update;
      await rig.run("triage", issue.number, () => {
        rig.state.update = () => Promise.reject(FULL);
        return Promise.resolve(retry("it failed"));
      });
      await rig.clock.advance(MINUTE_MS);
    }

    expect(rig.waits.of(issue.number)).toMatchObject({ cause: "machine", times: 3 });
  });

  it("for GitHub to say that it was closed is forgotten when it was opened again", async () => {
    await using rig = await newRig();
    const issue = rig.world.addIssue({ labels: ["hydraflow-find"] });
    await rig.state.update(issue.number, (old) => seeEnd(old, SEEN_END));
    await rig.store.refresh(signal);
    rig.client.inject({ at: 1, method: "issue", when: "before", how: unreachable() });
    await rig.reconciler.run(signal);
    const before = rig.waits.of(issue.number)?.cause;

    await rig.reconciler.run(signal);

    expect([before, rig.waits.issues, runOf(rig.state.issue(issue.number))]).toEqual(["github", [], null]);
  });
});

describe("The inbox", () => {
  it("asks nothing about an issue that moved on while the others were read", async () => {
    await using rig = await newRig();
    const [first, second] = [0, 1].map(() => rig.world.addIssue({ labels: ["hydraflow-hitl"] }));
    await rig.store.refresh(signal);
    const comments = rig.client.comments.bind(rig.client);
    rig.client.comments = (number, inner) => {
      if (second !== undefined) rig.store.put({ ...second, labels: ["hydraflow-ready"] });
      return comments(number, inner);
    };

    await new HitlInbox(rig.context, rig.store, rig.waits).look(signal);

    expect(questionOf(rig.state.issue(first?.number ?? 0))).not.toBeNull();
    expect(questionOf(rig.state.issue(second?.number ?? 0))).toBeNull();
  });
});

const SETTLING: SettlingStep = {
  at: "settling",
  outcome: { kind: "close", result: "closed", reason: "it was closed" },
  decidedAt: "2026-03-01T11:00:00.000Z",
};

const SEEN_END: SeenEnd = { by: "person", id: "closed-1", stage: "triage", startedAt: BEGUN.startedAt, step: SETTLING };

async function newRig() {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await makeTemporaryDirectory());
  const clock = new ManualClock();
  const world = new MemoryGitHub({ now: () => clock.now() });
  world.allowWriting("alice");
  const client = world.connect();
  const emitted: WorkerEvent[] = [];
  const emit = (event: WorkerEvent) => void emitted.push(event);
  const state = stack.use(await StateTracker.open(directory.file("state.json"), clock));
  const journal = stack.use(await Journal.open(directory.file("journal.jsonl"), clock));
  const config = resolveConfig([]);
  if (!config.ok) throw new Error("the defaults are not well");
  const shared = { github: client, journal, clock, labelPrefix: "hydraflow", emit, state };
  const claims = stack.use(new ClaimKeeper({ ...shared, owner: "host/acme-web/1", leaseMs: LEASE_MS }));
  const mover = new LabelMover({ ...shared, stateOf: (number) => state.issue(number) });
  const store = new IssueStore({ ...shared, syncIntervalMs: 1, fullSyncIntervalMs: 600_000 });
  const bugs = new BugBook(clock, emit);
  const around = { attention: { suspicion: () => null }, roomProblem: () => Promise.resolve(null) };
  const context = { ...shared, ...around, config: config.value } as unknown as StageContext;
  const sessions = { note: () => Promise.resolve() } as unknown as SessionLog;
  const limits = { limitMs: HOUR_MS, ciTimeoutMs: MINUTE_MS, pollIntervalMs: 30_000 };
  const waits = new WaitBook({ clock, emit, ...limits, isAsking: () => false, isGitHubUp: () => true });
  const parts = { context, claims, mover, store, bugs, sessions, waits };
  let work: StageWork = () => Promise.reject(new Error("no stage runs here"));
  const stage: StageWork = (...given) => work(...given);
  const stages = { triage: stage, plan: stage, implement: stage, review: stage, hitl: stage };
  const emitter = new RunEmitter(context);
  const way = { ...parts, emitter, inFlight: new RunsInFlight(), settler: new Settler({ ...parts, emitter }) };
  const runner = new IssueRunner({ ...way, stages });
  const reconciler = new Reconciler(way);
  const owned = stack.move();
  return {
    ...{ clock, world, client, emitted, state, store, bugs, waits, context, reconciler },
    run: (at: Stage, number: number, given: StageWork) => {
      work = given;
      const { signal: never } = new AbortController();
      return runner.run(at, world.issue(number), never);
    },
    /** Adds what an earlier process noted, with this run. */
    hasWaited: (number: number, run: RunState, cause: "claim" | "git-locked" | "agent", ms: number) => {
      const since = new Date(clock.now().getTime() - ms).toISOString();
      const waited = { since, cause, mark: stepMark(run) ?? "", ms };
      return state.update(number, (old) => ({
        ...old,
        way: underWay(run, { asked: questionOf(old), pause: null, waited }),
      }));
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
