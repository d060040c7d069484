// Walks an issue's whole way, from the first label to the merge.

import { describe, expect, it } from "vitest";

import { outcomeOf } from "../../src/worker/state/issue-way.ts";
import { approve, requestChanges } from "../support/scripted-agent.ts";
import { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";

describe("The pipeline", () => {
  it("takes an issue from find to fixed and merges its change", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilEnded(worker, issue.number);

    expect(outcomeOf(worker.state.issue(issue.number))).toMatchObject({ kind: "merged" });
    expect(rig.labels(issue.number)).toEqual(["fixed"]);
    expect(rig.world.issue(issue.number).state).toBe("closed");
    expect(rig.fileOn("main", `part-${issue.number}.txt`)).toBe(`part of ${issue.number}`);
    expect(rig.pulls()).toHaveLength(1);
    expect(rig.writes("merge")).toHaveLength(1);
    expect(rig.fileOn(`agent/issue-${issue.number}`, "README.md")).toBeNull();
    expect(rig.commentsOf(issue.number, "## Implementation Plan")).toHaveLength(1);
    expect(rig.agent.turns.map(({ role, access }) => `${role} ${access}`)).toEqual([
      "triage read",
      "plan read",
      "implement write",
      "review read",
    ]);
  });

  it("takes an issue back to implement when the review objects, and merges after the second round", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("review", requestChanges("README.md says nothing of it"), approve);
    rig.agent.next("implement", async (turn) => {
      const { writes } = await import("../support/scripted-agent.ts");
      return writes("part.txt", "first\n")(turn, new AbortController().signal);
    });
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilEnded(worker, issue.number);

    expect(outcomeOf(worker.state.issue(issue.number))?.kind).toBe("merged");
    expect(rig.world.reviews.map(({ body }) => body.split("\n")[0])).toEqual([
      "## Review, round 1: changes requested",
      "## Review, round 2: approved",
    ]);
    expect(rig.agent.turnsOf("implement")[1]?.prompt).toContain(
      "<feedback>\nNot yet.\n- README.md says nothing of it\n</feedback>",
    );
    expect(rig.pulls()).toHaveLength(1);
  });

  it("works on two issues at the same time", async () => {
    await using rig = await PipelineRig.create();
    const first = rig.addIssue("Add the first missing part");
    const second = rig.addIssue("Add the second missing part");

    const worker = await rig.start();
    for (const { number } of [first, second]) await rig.untilEnded(worker, number);

    expect(rig.fileOn("main", `part-${first.number}.txt`)).not.toBeNull();
    expect(rig.fileOn("main", `part-${second.number}.txt`)).not.toBeNull();
    expect(rig.writes("merge")).toHaveLength(2);
  });
});
