// Shows what stands between an approved pull request and its merge.

import { describe, expect, it } from "vitest";

import type { CheckState } from "../../src/worker/github/port/github.ts";
import { outcomeOf, questionOf, runOf } from "../../src/worker/state/issue-way.ts";
import { unreachable } from "../support/memory-fault.ts";
import { type Behaviour, done, writes } from "../support/scripted-agent.ts";
import { PASSED, PipelineRig } from "../worker/pipeline/pipeline-rig.ts";

const FAILED: CheckState = {
  kind: "failed",
  failed: [{ name: "unit", conclusion: "failure", summary: "2 of 9 failed", url: "https://ci.test/1" }],
};

/** Writes what somebody else has just written into the base in other words. */
function conflictsWithBase(rig: PipelineRig): Behaviour {
  return async (turn, signal) => {
    await rig.commitToRemote("main", { "README.md": "uno\ntwo\nthree\n" });
    return writes("README.md", "ONE\ntwo\nthree\n")(turn, signal);
  };
}

describe("An approved pull request", () => {
  it("is mended when its checks fail, and merged when they pass", async () => {
    await using rig = await PipelineRig.create();
    const seen: string[] = [];
    rig.checks = (sha) => {
      if (!seen.includes(sha)) seen.push(sha);
      return seen.indexOf(sha) === 0 ? FAILED : PASSED;
    };
    rig.agent.next("implement", writes("part.txt", "first\n"), writes("part.txt", "mended\n"));
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilEnded(worker, issue.number);

    expect(outcomeOf(worker.state.issue(issue.number))?.kind).toBe("merged");
    expect(rig.fileOn("main", "part.txt")).toBe("mended");
    expect(rig.agent.turnsOf("implement")[1]?.prompt).toContain(
      "<output>\nunit: 2 of 9 failed (https://ci.test/1)\n</output>",
    );
    expect(rig.agent.turnsOf("review")).toHaveLength(2);
    expect(rig.agent.turnsOf("review")[1]?.prompt).toContain("+mended");
    expect(rig.world.reviews).toHaveLength(2);
  });

  it("is mended by one turn, whatever GitHub fails to answer right after it", async () => {
    await using rig = await PipelineRig.create();
    const seen: string[] = [];
    rig.checks = (sha) => {
      if (!seen.includes(sha)) seen.push(sha);
      return seen.indexOf(sha) === 0 ? FAILED : PASSED;
    };
    rig.agent.next("implement", writes("part.txt", "first\n"), (turn, signal) => {
      for (const at of [1, 2, 3]) rig.client.inject({ at, method: "issue", when: "before", how: unreachable() });
      return writes("part.txt", "mended\n")(turn, signal);
    });
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilEnded(worker, issue.number);

    expect(rig.fileOn("main", "part.txt")).toBe("mended");
    expect(rig.agent.turnsOf("implement")).toHaveLength(2);
  });

  it("is reviewed again when what was approved moves to another place that looks alike", async () => {
    const [block, between] = ["p\np\np\nq\nq\nq\n", "r\nr\nr\nr\nr\nr\nr\n"];
    const grown = "p\np\np\nnew\nq\nq\nq\n";
    await using rig = await PipelineRig.create({ files: { "list.txt": `${block}${between}${block}` } });
    const seen: string[] = [];
    rig.checks = (sha) => {
      if (!seen.includes(sha)) seen.push(sha);
      return seen.indexOf(sha) === 0 ? FAILED : PASSED;
    };
    rig.agent.next(
      "implement",
      writes("list.txt", `${grown}${between}${block}`),
      writes("list.txt", `${block}${between}${grown}`),
    );
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilEnded(worker, issue.number);

    expect(rig.agent.turnsOf("review")).toHaveLength(2);
  });

  it("goes to a person when its checks fail more often than may be mended", async () => {
    await using rig = await PipelineRig.create({ config: { maxCiFixAttempts: 1 } });
    rig.checks = () => FAILED;
    rig.agent.next("implement", writes("part.txt", "first\n"), writes("part.txt", "second\n"));
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilLabel(issue.number, "hitl");
    await rig.untilHandedOver(worker, issue.number);

    expect(questionOf(worker.state.issue(issue.number))?.cause).toBe("ci");
    expect(rig.writes("merge")).toEqual([]);
  });

  it("goes to a person when there are no checks at all", async () => {
    await using rig = await PipelineRig.create();
    rig.checks = () => ({ kind: "none" });
    const { issue, worker } = await rig.askPerson();

    expect(questionOf(worker.state.issue(issue.number))?.cause).toBe("ci");
    expect(rig.writes("merge")).toEqual([]);
    rig.world.allowWriting("olivia");
    rig.world.addComment(issue.number, "olivia", "approve");
    await rig.untilLabel(issue.number, "fixed");
    expect(rig.agent.turnsOf("hitl")).toEqual([]);
  });

  it("is merged without checks where the settings say so", async () => {
    await using rig = await PipelineRig.create({ config: { mergeWithoutChecks: true } });
    rig.checks = () => ({ kind: "none" });
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.writes("merge")).toHaveLength(1);
  });

  it("is not merged while its checks cannot be read, and is when they can", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const worker = await rig.start();
    let isDown = true;
    const { client } = rig;
    const checks = client.checks.bind(client);
    let asked = 0;
    client.checks = async (sha, signal) => {
      asked += 1;
      return isDown ? { ok: false, failure: unreachable() } : checks(sha, signal);
    };

    await rig.until("the checks were asked for five times in vain", () => asked >= 5);
    expect(rig.writes("merge")).toEqual([]);
    await rig.untilWaits(worker, issue.number, "could not be read");
    isDown = false;
    await rig.untilLabel(issue.number, "fixed");

    expect(worker.state.issue(issue.number).history.filter(({ text }) => text.includes("failed"))).toEqual([]);
    expect(rig.agent.turnsOf("review")).toHaveLength(1);
  });

  it("waits for pending checks without holding a slot, and gives up at the time limit", async () => {
    await using rig = await PipelineRig.create({ config: { maxReviewers: 1, ciTimeoutMs: 600_000 } });
    const held = rig.addIssue("Add the part whose checks hang");
    rig.checks = (sha) =>
      rig.fileIn(sha, `part-${held.number}.txt`) === null ? PASSED : { kind: "pending", pending: 1, total: 2 };
    const other = rig.addIssue("Add the part whose checks pass");

    const worker = await rig.start();
    await rig.untilLabel(other.number, "fixed");
    expect(rig.labels(held.number)).toContain("review");
    rig.clockShiftMs = 700_000;
    await rig.untilLabel(held.number, "hitl");

    expect(questionOf(worker.state.issue(held.number))).toMatchObject({ cause: "ci", origin: "review" });
    expect(rig.writes("merge")).toHaveLength(1);
  });

  it("is not merged over a commit that nobody reviewed", async () => {
    await using rig = await PipelineRig.create();
    const { issue, passChecks } = await rig.waitForChecks();
    await rig.commitToRemote(`agent/issue-${issue.number}`, { "smuggled.txt": "unseen\n" });
    passChecks();
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.agent.turnsOf("review")).toHaveLength(2);
    expect(rig.agent.turnsOf("review")[1]?.prompt).toContain("smuggled.txt");
  });

  it("is not merged when a person takes the issue away meanwhile", async () => {
    await using rig = await PipelineRig.create();
    const { issue, worker, passChecks } = await rig.waitForChecks();
    rig.world.setLabels(issue.number, []);
    passChecks();
    await rig.untilState(worker, issue.number, "is let go", (entry) => runOf(entry) === null && entry.claim === null);

    expect(rig.writes("merge")).toEqual([]);
  });

  it("that touches workflows is merged only after a person has approved exactly that", async () => {
    await using rig = await PipelineRig.create({ files: { ".github/workflows/ci.yml": "on: push\n" } });
    rig.agent.next("implement", writes(".github/workflows/ci.yml", "on: [push, pull_request]\n"));
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilLabel(issue.number, "hitl");
    await rig.untilHandedOver(worker, issue.number);
    expect(questionOf(worker.state.issue(issue.number))).toMatchObject({ cause: "review", origin: "review" });
    expect(rig.writes("merge")).toEqual([]);
    rig.agent.next("hitl", done);
    rig.world.allowWriting("olivia");
    rig.world.addComment(issue.number, "olivia", "Approve.");
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.fileOn("main", ".github/workflows/ci.yml")).toBe("on: [push, pull_request]");
    expect(rig.agent.turnsOf("hitl")).toHaveLength(0);
  });

  it("whose base moved is brought up to date, and a conflict is given to the agent", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    rig.agent.next("implement", conflictsWithBase(rig), writes("README.md", "uno, ONE\ntwo\nthree\n"));

    const worker = await rig.start();
    await rig.untilEnded(worker, issue.number);

    expect(rig.agent.turnsOf("implement")[1]?.prompt).toContain("- README.md");
    expect(rig.fileOn("main", "README.md")).toBe("uno, ONE\ntwo\nthree");
  });

  it("whose conflict the agent leaves standing goes to a person", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    rig.agent.next("implement", conflictsWithBase(rig), done);

    const worker = await rig.start();
    await rig.untilLabel(issue.number, "hitl");

    expect(questionOf(worker.state.issue(issue.number))).toMatchObject({ cause: "conflict", origin: "review" });
    expect(rig.writes("merge")).toEqual([]);
  });
});
