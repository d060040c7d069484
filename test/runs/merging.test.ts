// Shows what GitHub may say to a merge, and what becomes of it.

import { describe, expect, it } from "vitest";

import type { MergeBlocked } from "../../src/worker/github/port/github.ts";
import { outcomeOf, questionOf, runOf } from "../../src/worker/state/issue-way.ts";
import { approve, writes } from "../support/scripted-agent.ts";
import { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";

/** Refuses to merge until `isLifted` says that there is no reason any more; counts the tries. */
function refuse(rig: PipelineRig, reason: MergeBlocked["reason"], isLifted: () => boolean = () => false) {
  const tries = { count: 0 };
  rig.world.mergeBlocked = () => {
    tries.count += 1;
    return isLifted() ? null : reason;
  };
  return tries;
}

describe("A merge method", () => {
  it("that the repository does not allow gives way to one that it allows", async () => {
    await using rig = await PipelineRig.create({ config: { mergeMethod: "squash" } });
    rig.world.mergeMethods = ["merge", "rebase"];
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.writes("merge")).toHaveLength(1);
    expect(rig.agent.turnsOf("review")).toHaveLength(1);
  });

  it("that only a rule refuses gives way to the next one, without another review", async () => {
    await using rig = await PipelineRig.create();
    const tried: string[] = [];
    rig.world.mergeBlocked = ({ method }) => {
      tried.push(method);
      return method === "rebase" ? null : "method";
    };
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "fixed");

    expect(tried).toEqual(["squash", "merge", "rebase"]);
    expect(rig.agent.turnsOf("review")).toHaveLength(1);
  });

  it("is the setting's where the repository allows it", async () => {
    await using rig = await PipelineRig.create({ config: { mergeMethod: "merge" } });
    const tried: string[] = [];
    rig.world.mergeBlocked = ({ method }) => {
      tried.push(method);
      return null;
    };
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "fixed");

    expect(tried).toEqual(["merge"]);
  });

  it("is a person's to allow when every one is refused", async () => {
    await using rig = await PipelineRig.create();
    const tries = refuse(rig, "method");
    const issue = rig.addIssue();

    const worker = await rig.start();
    const asked = await rig.untilHandedOver(worker, issue.number);

    expect(asked).toMatchObject({ cause: "git", origin: "review" });
    expect(tries.count).toBe(3);
    expect(rig.agent.turnsOf("review")).toHaveLength(1);
  });
});

describe("A missing review of a person", () => {
  it("is asked for once and waited for, and the merge then costs no second review of the agent", async () => {
    await using rig = await PipelineRig.create();
    const isApproved = () => rig.world.reviews.some(({ author, state }) => author === "olivia" && state === "APPROVED");
    refuse(rig, "review", isApproved);
    const issue = rig.addIssue();

    const worker = await rig.start();
    const asked = await rig.untilHandedOver(worker, issue.number);
    expect(asked?.question).toContain("approves the pull request on GitHub");
    rig.world.allowWriting("olivia");
    const [pull = 0] = rig.pulls();
    rig.world.reviews.push({ id: 1, pull, author: "mallory", body: "", state: "APPROVED" });
    rig.world.reviews.push({ id: 2, pull, author: "olivia", body: "Fine.", state: "APPROVED" });
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.agent.turnsOf("review")).toHaveLength(1);
    expect(rig.agent.turnsOf("hitl")).toHaveLength(0);
    expect(rig.commentsOf(issue.number, "## HydraFlow needs a person")).toHaveLength(1);
  });

  it("is not given by a stranger's approval", async () => {
    await using rig = await PipelineRig.create();
    const tries = refuse(rig, "review");
    const { issue, worker } = await rig.askPerson();

    const [pull = 0] = rig.pulls();
    rig.world.reviews.push({ id: 1, pull, author: "mallory", body: "", state: "APPROVED" });
    const before = rig.client.calls.filter(({ method }) => method === "reviews").length;
    await rig.until(
      "the reviews were read three times more",
      () => rig.client.calls.filter(({ method }) => method === "reviews").length > before + 3,
    );

    expect(tries.count).toBe(1);
    expect(questionOf(worker.state.issue(issue.number))?.said).toBeNull();
  });
});

describe("A branch that is behind its base", () => {
  it("takes the base in and is merged, and what was approved is not reviewed again", async () => {
    await using rig = await PipelineRig.create();
    let isBehind = true;
    rig.world.mergeBlocked = () => (isBehind ? "behind" : null);
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.until("the merge was refused", () => rig.client.calls.some(({ method }) => method === "merge"));
    await rig.commitToRemote("main", { "other.txt": "somebody else's\n" });
    const updated = () => rig.fileOn(`agent/issue-${issue.number}`, "other.txt") !== null;
    await rig.until("the base is in the branch", updated);
    isBehind = false;
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.agent.turnsOf("review")).toHaveLength(1);
    expect(worker.state.issue(issue.number).history.filter(({ text }) => text.includes("failed"))).toEqual([]);
  });

  it("is reviewed again where the base has changed what the change is", async () => {
    await using rig = await PipelineRig.create();
    let isBehind = true;
    rig.world.mergeBlocked = () => (isBehind ? "behind" : null);
    rig.agent.next("implement", writes("part.txt", "ours\n"), writes("part.txt", "both\n"));
    const issue = rig.addIssue();

    await rig.start();
    await rig.until("the merge was refused", () => rig.client.calls.some(({ method }) => method === "merge"));
    await rig.commitToRemote("main", { "part.txt": "theirs\n" });
    await rig.until("the branch was reviewed again", () => rig.agent.turnsOf("review").length === 2);
    isBehind = false;
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.fileOn("main", "part.txt")).toBe("both");
  });
});

describe("A merge queue", () => {
  it("gets the pull request, which is settled when the queue has merged it", async () => {
    await using rig = await PipelineRig.create();
    refuse(rig, "queue");
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.until("it is in the queue", () => rig.world.queue.length === 1);
    await rig.untilWaits(worker, issue.number, "queue");
    const [pull = 0] = rig.pulls();
    const stored = rig.world.stored(pull);
    if (stored.pull !== null) stored.pull.merged = true;
    rig.world.setState(pull, "closed");
    await rig.untilEnded(worker, issue.number);

    expect(rig.writes("enqueue")).toHaveLength(1);
    expect(rig.writes("merge")).toEqual([]);
    expect(outcomeOf(worker.state.issue(issue.number))?.kind).toBe("merged");
  });

  it("gives it back when the issue is taken away meanwhile", async () => {
    await using rig = await PipelineRig.create();
    refuse(rig, "queue");
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilWaits(worker, issue.number, "queue");
    rig.world.setLabels(issue.number, []);
    await rig.untilState(worker, issue.number, "is let go", (entry) => runOf(entry) === null && entry.claim === null);

    expect(rig.world.queue).toEqual([]);
  });

  it("that gives it back is a person's to look at", async () => {
    await using rig = await PipelineRig.create();
    refuse(rig, "queue");
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.until("it is in the queue", () => rig.world.queue.length === 1);
    rig.world.queue.length = 0;
    const asked = await rig.untilHandedOver(worker, issue.number);

    expect(asked).toMatchObject({ cause: "ci", question: expect.stringContaining("given it back") });
    expect(rig.agent.turnsOf("review")).toHaveLength(1);
  });
});

describe("A required check that has not reported to GitHub's own rule", () => {
  it("is waited for without another review", async () => {
    await using rig = await PipelineRig.create();
    let isThere = false;
    const tries = refuse(rig, "checks", () => isThere);
    const issue = rig.addIssue();

    await rig.start();
    await rig.until("the merge was tried three times", () => tries.count >= 3);
    isThere = true;
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.agent.turnsOf("review")).toHaveLength(1);
  });
});

describe("Checks that GitHub only expects because the branch is behind", () => {
  it("are had by taking the base in", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    rig.world.mergeBlocked = () => (rig.fileOn(`agent/issue-${issue.number}`, "other.txt") === null ? "checks" : null);

    await rig.start();
    await rig.until("the merge was refused", () => rig.client.calls.some(({ method }) => method === "merge"));
    await rig.commitToRemote("main", { "other.txt": "somebody else's\n" });
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.agent.turnsOf("review")).toHaveLength(1);
  });
});

describe("A refusal that no program can end", () => {
  it.each(["signature", "other"] as const)("(%s) is one question, and an answer tries again", async (reason) => {
    await using rig = await PipelineRig.create();
    let isLifted = false;
    refuse(rig, reason, () => isLifted);
    rig.agent.always("review", approve);
    const issue = rig.addIssue();

    const worker = await rig.start();
    const asked = await rig.untilHandedOver(worker, issue.number);
    expect(asked).toMatchObject({ cause: "git", question: expect.stringContaining(`blocked: ${reason}`) });
    isLifted = true;
    await worker.orchestrator?.inbox.answer(issue.number, "approve", "operator");
    worker.orchestrator?.notify();
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.agent.turnsOf("review")).toHaveLength(1);
    expect(rig.agent.turnsOf("hitl")).toHaveLength(0);
  });
});

describe("Checks", () => {
  it("that report late are waited for where they report on other pull requests", async () => {
    await using rig = await PipelineRig.create();
    rig.world.expected = { required: [], seen: ["build"] };
    let names = ["license/cla"];
    rig.checks = () => ({ kind: "passed", total: names.length, names });
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilWaits(worker, issue.number, "build");
    expect(rig.writes("merge")).toEqual([]);
    names = ["license/cla", "build"];
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.writes("merge")).toHaveLength(1);
  });

  it("that never report are asked about, and a person may let them go", async () => {
    await using rig = await PipelineRig.create({ config: { ciTimeoutMs: 600_000 } });
    rig.world.expected = { required: [], seen: ["build"] };
    rig.checks = () => ({ kind: "passed", total: 1, names: ["license/cla"] });
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilWaits(worker, issue.number, "build");
    rig.clockShiftMs = 700_000;
    const asked = await rig.untilHandedOver(worker, issue.number);
    expect(asked).toMatchObject({ cause: "ci", question: expect.stringContaining("`build`") });
    rig.world.allowWriting("olivia");
    rig.world.addComment(issue.number, "olivia", "approve");
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.agent.turnsOf("review")).toHaveLength(1);
    expect(rig.agent.turnsOf("hitl")).toHaveLength(0);
  });

  it("that cannot be mended are merged over a person's word, and no agent is paid for it", async () => {
    await using rig = await PipelineRig.create({ config: { maxCiFixAttempts: 0 } });
    const failed = { name: "flaky", conclusion: "failure", summary: "now and then", url: "" };
    rig.checks = () => ({ kind: "failed", failed: [failed] });
    const issue = rig.addIssue();

    const worker = await rig.start();
    const asked = await rig.untilHandedOver(worker, issue.number);
    expect(asked).toMatchObject({ cause: "ci", question: expect.stringContaining("flaky") });
    await worker.orchestrator?.inbox.answer(issue.number, "approve", "operator");
    worker.orchestrator?.notify();
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.agent.turnsOf("implement")).toHaveLength(1);
    expect(rig.agent.turnsOf("hitl")).toHaveLength(0);
  });

  it("that end without a verdict on the code pay no agent, and are merged when they ran again", async () => {
    await using rig = await PipelineRig.create();
    let hasRun = false;
    const cancelled = { name: "build", conclusion: "cancelled", summary: "", url: "" };
    rig.checks = () =>
      hasRun ? { kind: "passed", total: 1, names: ["test"] } : { kind: "undecided", undecided: [cancelled] };
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilWaits(worker, issue.number, "build (cancelled)");
    hasRun = true;
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.agent.turnsOf("implement")).toHaveLength(1);
  });
});
