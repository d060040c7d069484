// Shows what must never happen: somebody's commit pushed over, a red commit merged, workflows changed without a
// person's word, an answer or a day's work lost.

import { describe, expect, it } from "vitest";

import type { CheckState } from "../../src/worker/github/port/github.ts";
import { outcomeOf, questionOf } from "../../src/worker/state/issue-way.ts";
import { forbidden, unreachable } from "../support/memory-fault.ts";
import { done, hangs, requestChanges, writes } from "../support/scripted-agent.ts";
import { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";

describe("A commit that somebody pushes to the work branch", () => {
  it("while the agent works is not pushed over, but taken in", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const branch = `agent/issue-${issue.number}`;
    rig.agent.next("review", requestChanges("more"));
    rig.agent.next("implement", writes("first.txt", "1\n"), async (turn, signal) => {
      await rig.commitToRemote(branch, { "theirs.txt": "by a person\n" });
      return writes("second.txt", "2\n")(turn, signal);
    });

    await rig.start();
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.fileOn("main", "theirs.txt")).toBe("by a person");
    expect(rig.fileOn("main", "second.txt")).toBe("2");
  });
});

describe("A branch that is red after its base was merged in", () => {
  it("is not reviewed at the next attempt either", async () => {
    await using rig = await PipelineRig.create({
      config: {
        gateCommand: "! { test -e theirs.txt && test -e part.txt; }",
        maxQualityFixAttempts: 0,
        maxIssueAttempts: 2,
        pollIntervalMs: 200,
      },
    });
    rig.agent.next("implement", async (turn, signal) => {
      await rig.commitToRemote("main", { "theirs.txt": "theirs\n" });
      return writes("part.txt", "ours\n")(turn, signal);
    });
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilLabel(issue.number, "hitl");

    expect(questionOf(worker.state.issue(issue.number))).toMatchObject({ cause: "attempts", origin: "review" });
    expect(rig.agent.turnsOf("review")).toHaveLength(0);
    expect(rig.writes("merge")).toEqual([]);
  });
});

describe("An approved pull request", () => {
  it("whose checks are mended by changing a workflow waits for a person", async () => {
    await using rig = await PipelineRig.create({ files: { ".github/workflows/ci.yml": "on: push\n" } });
    rig.checks = (sha): CheckState =>
      rig.fileIn(sha, ".github/workflows/ci.yml") === "on: push"
        ? { kind: "failed", failed: [{ name: "test", conclusion: "failure", summary: "red", url: "" }] }
        : { kind: "passed", total: 1, names: ["test"] };
    rig.agent.next("implement", writes("part.txt", "ours\n"), writes(".github/workflows/ci.yml", "on: never\n"));
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.until("it is merged or handed over", () =>
      rig.labels(issue.number).some((label) => label === "hitl" || label === "fixed"),
    );

    expect(rig.writes("merge")).toEqual([]);
    expect(questionOf(worker.state.issue(issue.number))).toMatchObject({ cause: "review", origin: "review" });
    expect(rig.fileOn(`agent/issue-${issue.number}`, ".github/workflows/ci.yml")).toBe("on: never");
  });

  it("whose checks may not be read goes to a person instead of waiting for ever", async () => {
    await using rig = await PipelineRig.create({ config: { ciTimeoutMs: 1_000 } });
    const issue = rig.addIssue();
    const worker = await rig.start();
    rig.client.checks = async () => ({ ok: false, failure: forbidden() });

    await rig.untilLabel(issue.number, "hitl");

    expect(questionOf(worker.state.issue(issue.number))).toMatchObject({ cause: "ci", origin: "review" });
  });
});

describe("A claim that is lost while the agent works", () => {
  it("keeps the run, so that what the agent had done is gone on with", async () => {
    await using rig = await PipelineRig.create({ config: { claimLeaseMs: 6_000 } });
    rig.agent.next(
      "implement",
      async (turn, signal) => {
        await writes("half.txt", "half\n")(turn, signal);
        return hangs(turn, signal);
      },
      done,
    );
    const issue = rig.addIssue();
    const worker = await rig.start();
    await rig.until("the agent works", () => rig.agent.turnsOf("implement").length === 1);
    const { client } = rig;
    const updateComment = client.updateComment.bind(client);
    client.updateComment = async () => ({ ok: false, failure: unreachable() });
    await rig.untilState(worker, issue.number, "the claim is lost", ({ claim }) => claim === null);
    client.updateComment = updateComment;
    await rig.untilLabel(issue.number, "fixed");

    const turns = rig.agent.turnsOf("implement");
    expect(turns[1]).toMatchObject({ sessionId: turns[0]?.sessionId, resume: true });
    expect(rig.fileOn("main", "half.txt")).toBe("half");
  });
});

describe("An ended issue that a person puts on hold", () => {
  it("keeps the answer for the new cycle", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const worker = await rig.start();
    await rig.untilEnded(worker, issue.number);
    rig.world.setState(issue.number, "open");
    rig.world.setLabels(issue.number, ["hydraflow-hitl"]);
    await rig.untilState(worker, issue.number, "waits", (entry) => questionOf(entry) !== null);
    rig.world.allowWriting("olivia");
    rig.world.addComment(issue.number, "olivia", "Do it once more.");
    await rig.until("it is triaged again", () => rig.agent.turnsOf("triage").length === 2);

    expect(rig.agent.turnsOf("triage")[1]?.prompt).toContain("Do it once more.");
  });
});

describe("A decision that GitHub would not take at first", () => {
  it("leaves the run after it in flight", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("plan", hangs);
    const issue = rig.addIssue();
    const worker = await rig.start();
    await rig.until("it is claimed", () => rig.labels(issue.number).includes("in-progress"));
    rig.client.inject({ at: 1, method: "addLabels", when: "before", how: unreachable() });
    await rig.until("planning", () => rig.agent.turnsOf("plan").length === 1);

    expect(worker.inFlight).toBe(1);
  });
});

describe("An issue that is closed just before its merge", () => {
  it("is not merged, and its worktree is taken away", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    rig.checks = () => {
      rig.world.setState(issue.number, "closed");
      return { kind: "passed", total: 1, names: ["test"] };
    };
    const worker = await rig.start();
    await rig.untilEnded(worker, issue.number);

    expect(rig.writes("merge")).toEqual([]);
    expect(outcomeOf(worker.state.issue(issue.number))?.kind).toBe("closed");
  });
});

describe("An issue that somebody else brought to its end", () => {
  it("keeps the label that says so, and is let go", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    rig.checks = () => ({ kind: "pending", pending: 1, total: 1 });
    const worker = await rig.start();
    await rig.untilWaits(worker, issue.number, "pending");
    rig.world.setLabels(issue.number, ["hydraflow-fixed", "hydraflow-in-progress"]);
    rig.world.setState(issue.number, "closed");
    await rig.untilEnded(worker, issue.number);

    expect(rig.labels(issue.number)).toEqual(["fixed"]);
    expect(worker.state.issue(issue.number)).toMatchObject({
      way: { is: "ended", outcome: { kind: "merged" } },
      claim: null,
    });
  });
});

describe("A move that is cut between the issue and its pull request", () => {
  it("is finished on both", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const worker = await rig.start();
    const { client } = rig;
    const addLabels = client.addLabels.bind(client);
    let failed = false;
    client.addLabels = async (number, labels, signal) => {
      if (failed || number === issue.number || !labels.includes("hydraflow-fixed"))
        return addLabels(number, labels, signal);
      failed = true;
      return { ok: false, failure: unreachable() };
    };
    await rig.untilEnded(worker, issue.number);

    expect(failed).toBe(true);
    expect(rig.pulls().flatMap((pull) => rig.labels(pull))).toEqual(["fixed"]);
  });
});
