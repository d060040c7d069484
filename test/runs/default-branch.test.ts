// The default branch is renamed, or not there yet, while a worker runs: no issue is asked about, and no agent's turn
// paid. A person is asked about a pull request that goes elsewhere than to the branch its work is made for.

import { expect, it } from "vitest";

import { ok } from "../../src/core/base/result.ts";
import type { StageContext } from "../../src/worker/pipeline/stage-context.ts";
import { baseMismatchOutcome } from "../../src/worker/merge/base-mismatch.ts";
import { questionOf } from "../../src/worker/state/issue-way.ts";
import { approve, type Behaviour } from "../support/scripted-agent.ts";
import { PipelineRig, sh } from "../worker/pipeline/pipeline-rig.ts";

const NOW = {
  fullName: "acme/web",
  defaultBranch: "main",
  isArchived: false,
  hasIssues: true,
  mergeMethods: ["squash" as const],
  mayPush: true,
};

it.each(["trunk", "основная/1.0"])("goes on with the default branch %s when it is renamed meanwhile", async (name) => {
  await using rig = await PipelineRig.create();
  const worker = await rig.start();
  await rig.until("prepared", () => worker.orchestrator !== null);
  sh(rig.bare, "branch", "-m", "main", name);
  rig.client.repository = () => Promise.resolve(ok({ ...NOW, defaultBranch: name }));

  const issue = rig.addIssue();
  await rig.untilState(worker, issue.number, "planned", ({ history }) =>
    history.some(({ text }) => text.startsWith("plan")),
  );

  expect(rig.labels(issue.number)).not.toContain("hitl");
  expect(sh(rig.checkout, "rev-parse", `refs/remotes/origin/${name}`)).toBe(sh(rig.bare, "rev-parse", name));
});

it("says in one sentence that it does not work with a branch of such a name, and asks about no issue", async () => {
  await using rig = await PipelineRig.create();
  const worker = await rig.start();
  await rig.until("prepared", () => worker.orchestrator !== null);
  sh(rig.bare, "branch", "-m", "main", "$(id)");
  rig.client.repository = () => Promise.resolve(ok({ ...NOW, defaultBranch: "$(id)" }));
  const issue = rig.addIssue();

  await rig.until("the sentence", () => worker.notice?.startsWith("the base branch of acme/web is '$(id)'") === true);

  expect(rig.labels(issue.number)).not.toContain("hitl");
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

/** Does what somebody does with the pull request's base on GitHub. */
function sendPullTo(rig: PipelineRig, base: string): void {
  const { pull } = rig.world.stored(rig.pulls()[0] ?? 0);
  if (pull !== null) pull.baseBranch = base;
}

it("merges nothing into a branch that somebody chose while the review ran, and goes on when it is put right", async () => {
  await using rig = await PipelineRig.create();
  sh(rig.bare, "branch", "release");
  const retargets: Behaviour = (turn, signal) => {
    sendPullTo(rig, "release");
    return approve(turn, signal);
  };
  rig.agent.next("review", retargets);
  const issue = rig.addIssue();

  const worker = await rig.start();
  await rig.untilHandedOver(worker, issue.number);
  const asked = questionOf(worker.state.issue(issue.number));
  const merged = rig.writes("merge").length;
  sendPullTo(rig, "main");
  await worker.orchestrator?.inbox.answer(issue.number, "done", "operator");
  worker.orchestrator?.notify();
  await rig.untilLabel(issue.number, "fixed");

  expect(asked).toMatchObject({ cause: "git", question: expect.stringContaining("goes to `release`") });
  expect(merged).toBe(0);
  expect(rig.agent.turnsOf("review")).toHaveLength(1);
});

it("pays no review of a pull request that goes elsewhere", async () => {
  await using rig = await PipelineRig.create();
  sh(rig.bare, "branch", "release");
  const open = rig.world.openPull.bind(rig.world);
  rig.world.openPull = (author, given, headSha) => open(author, { ...given, base: "release" }, headSha);
  const issue = rig.addIssue();

  const worker = await rig.start();
  await rig.untilHandedOver(worker, issue.number);

  expect(rig.agent.turnsOf("review")).toHaveLength(0);
  expect(questionOf(worker.state.issue(issue.number))?.cause).toBe("git");
});

it.each([
  ["waits where the pull request went along with the default branch", undefined, "wait"],
  ["asks where a setting names the branch", "main", "hand-off"],
])("%s", async (_title, baseBranch, kind) => {
  const github = { repository: () => Promise.resolve(ok({ ...NOW, defaultBranch: "trunk" })) };
  const context = { github, baseBranch: "main", config: { baseBranch } } as unknown as StageContext;

  const outcome = await baseMismatchOutcome(context, { number: 3, baseBranch: "trunk" }, new AbortController().signal);

  expect(outcome).toMatchObject({ kind });
});
