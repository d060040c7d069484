// Everything that an issue leaves on disk has an end, even when nobody was there to see the issue's own.

import { existsSync, readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";

import { outcomeOf, runOf } from "../../src/worker/state/issue-way.ts";
import { hangs } from "../support/scripted-agent.ts";
import { PipelineRig, sh } from "../worker/pipeline/pipeline-rig.ts";

const WEEK_MS = 7 * 86_400_000;

const worktrees = (rig: PipelineRig) => {
  const names = readdirSync(join(rig.directory, "worktrees", "one", "acme-web"));
  return names.filter((name) => name !== ".trash");
};
const refs = (rig: PipelineRig) => sh(rig.checkout, "for-each-ref", "--format=%(refname)").split("\n");
const homeOf = (rig: PipelineRig, issue: number) => join(rig.dataRoot(), "agents", `issue-${issue}`);

/** Starts a worker that works on the issue, lets go of it when its label is taken away, and ends. */
async function letGoOf(rig: PipelineRig, issue: number): Promise<void> {
  const before = rig.agent.turnsOf("implement").length;
  rig.agent.next("implement", hangs);
  const worker = await rig.start();
  await rig.until("it is being built", () => rig.agent.turnsOf("implement").length > before);
  await mkdir(join(homeOf(rig, issue), ".cache"), { recursive: true });
  rig.world.setLabels(issue, []);
  await rig.untilState(worker, issue, "let go", (entry) => runOf(entry) === null && entry.claim === null);
  await worker[Symbol.asyncDispose]();
}

describe("An issue whose label was taken away and that was closed later", () => {
  it("leaves no worktree and no home, and its branch for a week", async () => {
    await using rig = await PipelineRig.create();
    const { number } = rig.addIssue();
    await letGoOf(rig, number);
    expect(worktrees(rig)).toEqual([`issue-${number}`]);
    rig.world.setState(number, "closed");

    const worker = await rig.start();
    await rig.untilState(worker, number, "ended", (entry) => outcomeOf(entry)?.kind === "closed");
    await rig.until("the worktree is gone", () => worktrees(rig).length === 0);
    await rig.until("the home is gone", () => !existsSync(homeOf(rig, number)));
    await worker[Symbol.asyncDispose]();
    expect(refs(rig)).toContain(`refs/heads/agent/issue-${number}`);

    rig.clockShiftMs = WEEK_MS + 60_000;
    await rig.start();
    await rig.until("the branch is gone", () => !refs(rig).some((ref) => ref.includes("agent/issue-")));
  });

  it("keeps all of it while the issue is open", async () => {
    await using rig = await PipelineRig.create();
    const { number } = rig.addIssue();
    const other = rig.addIssue("Second thing to be done in this repository", "");
    await letGoOf(rig, number);
    await mkdir(homeOf(rig, other.number), { recursive: true });
    rig.world.setState(other.number, "closed");

    await rig.start();
    await rig.until("the other's home is gone", () => !existsSync(homeOf(rig, other.number)));

    expect(worktrees(rig)).toEqual([`issue-${number}`]);
    expect(existsSync(homeOf(rig, number))).toBe(true);
  });
});

describe("The branch of an ended issue", () => {
  it("stays where somebody has it checked out, and goes when they have left it", async () => {
    await using rig = await PipelineRig.create();
    const { number } = rig.addIssue();
    await letGoOf(rig, number);
    rig.world.setState(number, "closed");
    sh(rig.checkout, "checkout", "-q", "--ignore-other-worktrees", `agent/issue-${number}`);
    rig.clockShiftMs = WEEK_MS + 60_000;

    const worker = await rig.start();
    await rig.until("the worktree is gone", () => worktrees(rig).length === 0);
    await worker[Symbol.asyncDispose]();
    expect(refs(rig)).toContain(`refs/heads/agent/issue-${number}`);

    sh(rig.checkout, "checkout", "-q", "main");
    await rig.start();
    await rig.until("the branch is gone", () => !refs(rig).some((ref) => ref.includes("agent/issue-")));
  });

  it("leaves nothing behind here or on the remote when its pull request is merged", async () => {
    await using rig = await PipelineRig.create();
    const { number } = rig.addIssue();
    const worker = await rig.start();

    await rig.untilState(worker, number, "merged", (entry) => outcomeOf(entry)?.kind === "merged");

    expect(refs(rig).filter((ref) => ref.includes("agent/"))).toEqual([]);
    expect(sh(rig.bare, "for-each-ref", "--format=%(refname)")).toBe("refs/heads/main");
    expect(worktrees(rig)).toEqual([]);
  });
});

describe("A name that the work branch cannot have", () => {
  it.each(["agent", "agent/issue-1/more"])("gets another one where the server has a branch %s", async (taken) => {
    await using rig = await PipelineRig.create();
    sh(rig.bare, "branch", taken, "main");
    const { number } = rig.addIssue();
    expect(number).toBe(1);
    let worker = await rig.start();
    rig.agent.next("review", hangs);
    await rig.until("it is in review", () => rig.agent.turnsOf("review").length === 1);
    await worker[Symbol.asyncDispose]();
    expect(sh(rig.bare, "for-each-ref", "--format=%(refname)", "refs/heads/hydraflow")).toBe(
      "refs/heads/hydraflow/issue-1",
    );

    worker = await rig.start();
    await rig.untilState(worker, number, "merged", (entry) => outcomeOf(entry)?.kind === "merged");

    expect(rig.pulls()).toHaveLength(1);
    expect(sh(rig.bare, "for-each-ref", "--format=%(refname)").split("\n").toSorted()).toEqual(
      [`refs/heads/${taken}`, "refs/heads/main"].toSorted(),
    );
    expect(refs(rig).filter((ref) => ref.includes("issue-1"))).toEqual([]);
  });

  it("is no obstacle where only the checkout remembers a branch agent", async () => {
    await using rig = await PipelineRig.create();
    sh(rig.checkout, "update-ref", "refs/remotes/origin/agent", "HEAD");
    sh(rig.checkout, "branch", "agent");
    const { number } = rig.addIssue();

    await rig.start();
    await rig.untilLabel(number, "fixed");

    expect(refs(rig)).toEqual(expect.arrayContaining(["refs/heads/agent", "refs/remotes/origin/agent"]));
  });
});

it("a home or a worktree that cannot be read holds up no other", async () => {
  await using rig = await PipelineRig.create();
  const { number } = rig.addIssue("A thing that is done already in here", "");
  rig.world.setState(number, "closed");
  await mkdir(join(rig.dataRoot(), "agents"), { recursive: true });
  await writeFile(join(rig.dataRoot(), "agents", "issue-99"), "no directory\n");
  await mkdir(homeOf(rig, number));

  await rig.start();

  await rig.until("the home is gone", () => !existsSync(homeOf(rig, number)));
});
