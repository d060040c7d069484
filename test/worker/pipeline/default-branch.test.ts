// The default branch is renamed, or not there yet, while a worker runs: no issue is asked about, and no agent's turn paid.

import { expect, it } from "vitest";

import { ok } from "../../../src/core/result.ts";
import { PipelineRig, sh } from "./pipeline-rig.ts";

const NOW = {
  fullName: "acme/web",
  defaultBranch: "main",
  isArchived: false,
  hasIssues: true,
  mergeMethods: ["squash" as const],
  mayPush: true,
};

it("goes on with the new default branch when it is renamed while the worker runs", async () => {
  await using rig = await PipelineRig.create();
  const worker = await rig.start();
  await rig.until("prepared", () => worker.orchestrator !== null);
  sh(rig.bare, "branch", "-m", "main", "trunk");
  rig.client.repository = () => Promise.resolve(ok({ ...NOW, defaultBranch: "trunk" }));

  const issue = rig.addIssue();
  await rig.untilState(worker, issue.number, "planned", ({ history }) =>
    history.some(({ text }) => text.startsWith("plan")),
  );

  expect(rig.labels(issue.number)).not.toContain("hitl");
  expect(sh(rig.checkout, "rev-parse", "refs/remotes/origin/trunk")).toBe(sh(rig.bare, "rev-parse", "trunk"));
});

it("says in one sentence that the repository has no commit yet, and begins when it has one", async () => {
  await using rig = await PipelineRig.create();
  const first = sh(rig.bare, "rev-parse", "main");
  sh(rig.bare, "update-ref", "-d", "refs/heads/main");
  const worker = await rig.start();
  const issue = rig.addIssue();

  await rig.until(
    "the sentence",
    () => worker.notice?.startsWith("acme/web has no branch 'main'; push a first") === true,
  );
  const held = rig.labels(issue.number);
  sh(rig.bare, "update-ref", "refs/heads/main", first);
  await rig.untilState(worker, issue.number, "triaged", ({ history }) => history.length > 0);

  expect(held).toEqual(["find"]);
});
