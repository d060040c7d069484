// Shows what happens to the operator's checkout while a worker is at work: nothing of it is touched, and nothing of
// ours is lost.

import { createHash } from "node:crypto";
import { readdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { pauseOf, questionOf, runOf } from "../../src/worker/state/issue-way.ts";
import { writes } from "../support/scripted-agent.ts";
import { PipelineRig, sh } from "../worker/pipeline/pipeline-rig.ts";

const YEAR_MS = 365 * 86_400_000;

/**
 * Reads what the operator has there: files, index, branches and stashes. Git's own growing store of objects is not
 * theirs.
 */
async function ownersView(checkout: string): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(checkout)).filter((entry) => entry !== ".git").toSorted())
    hash.update(name).update(await readFile(join(checkout, name)));
  const branch = sh(checkout, "rev-parse", "--abbrev-ref", "HEAD");
  return [hash.digest("hex"), branch, sh(checkout, "rev-parse", "HEAD"), sh(checkout, "stash", "list")].join(" ");
}

describe("The operator's checkout", () => {
  it("with uncommitted, staged and stashed work is as it was when an issue has gone from label to merge", async () => {
    await using rig = await PipelineRig.create();
    await writeFile(join(rig.checkout, "README.md"), "stashed\n");
    sh(rig.checkout, "stash");
    await writeFile(join(rig.checkout, "README.md"), "one\nmine\n");
    await writeFile(join(rig.checkout, "staged.txt"), "staged\n");
    sh(rig.checkout, "add", "staged.txt");
    await writeFile(join(rig.checkout, "new.txt"), "new\n");
    const [before, status] = [await ownersView(rig.checkout), sh(rig.checkout, "status", "--porcelain")];
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "fixed");

    expect(await ownersView(rig.checkout)).toBe(before);
    expect(sh(rig.checkout, "status", "--porcelain")).toBe(status);
  });

  it("with a value that git would die of at a merge is named before an agent's turn is paid", async () => {
    await using rig = await PipelineRig.create();
    sh(rig.checkout, "config", "merge.conflictStyle", "fancy");
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.until("the value is named", () => worker.notice?.includes("'merge.conflictstyle'") === true);
    const before = rig.agent.turns.length;
    sh(rig.checkout, "config", "merge.conflictStyle", "diff3");
    await rig.untilLabel(issue.number, "fixed");
    sh(rig.checkout, "config", "merge.renames", "perhaps");
    await rig.until("the next one is named", () => worker.notice?.includes("'merge.renames'") === true);

    expect(before).toBe(0);
    expect(worker.notice).toContain("no new issue is taken: git cannot commit and merge in");
  });

  it("that is away when the worker starts is waited for, and the worker says so", async () => {
    await using rig = await PipelineRig.create();
    await rename(rig.checkout, `${rig.checkout}-moved`);
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.until("the notice", () => worker.notice?.includes(`${rig.checkout} is not there`) === true);
    expect(rig.labels(issue.number)).toEqual(["find"]);
    await rename(`${rig.checkout}-moved`, rig.checkout);

    await rig.untilLabel(issue.number, "fixed");
    expect(rig.pulls()).toHaveLength(1);
  });

  it("that is moved away in the middle of the work costs an attempt, with the reason; nothing is made in its place, and the work goes on when it is back", async () => {
    await using rig = await PipelineRig.create({ config: { maxIssueAttempts: 10 } });
    const moved = `${rig.checkout}-moved`;
    rig.agent.next("implement", async (turn, signal) => {
      const outcome = await writes("part.txt", "written before the move\n")(turn, signal);
      await rename(rig.checkout, moved);
      return outcome;
    });
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilState(worker, issue.number, "a reason", (entry) => pauseOf(entry) !== null);
    const reason = pauseOf(worker.state.issue(issue.number))?.reason;
    await rename(moved, rig.checkout);
    await rig.untilLabel(issue.number, "fixed");

    expect(reason).toContain(`${rig.checkout}/.git is not there; was the checkout moved or deleted?`);
    expect(rig.pulls()).toHaveLength(1);
    expect(rig.fileOn("main", `part-${issue.number}.txt`)).not.toBeNull();
  });

  it("whose origin is changed in the middle of the work changes nothing: all goes where it was registered for", async () => {
    await using rig = await PipelineRig.create();
    const elsewhere = join(rig.directory, "elsewhere.git");
    sh(rig.directory, "init", "-q", "--bare", elsewhere);
    const issue = rig.addIssue();
    const worker = await rig.start();
    await rig.until("the work has begun", () => runOf(worker.state.issue(issue.number)) !== null);

    sh(rig.checkout, "remote", "set-url", "origin", elsewhere);
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.fileOn("main", `part-${issue.number}.txt`)).not.toBeNull();
    expect(sh(elsewhere, "for-each-ref")).toBe("");
  });
});

describe("A clock that is set back by a year", () => {
  it("lets an issue that waits for its next attempt wait no longer, also after a restart of the worker", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("plan", () => ({ kind: "crashed", evidence: "it fell" }));
    rig.agent.next("implement", () => ({ kind: "crashed", evidence: "it fell" }));
    const issue = rig.addIssue();
    const worker = await rig.start({ pollIntervalMs: 2_000 });

    await rig.untilState(worker, issue.number, "a failed plan", ({ attempts }) => attempts.plan === 1);
    rig.clockShiftMs -= YEAR_MS;
    await rig.untilState(worker, issue.number, "a failed turn", ({ attempts }) => attempts.implement === 1);
    await worker[Symbol.asyncDispose]();
    rig.clockShiftMs -= YEAR_MS;
    await rig.start();
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.pulls()).toHaveLength(1);
    expect(rig.writes("merge")).toHaveLength(1);
  });

  it("lets nobody wait for a year for checks that do not end", async () => {
    await using rig = await PipelineRig.create({ config: { ciTimeoutMs: 1_000 } });
    rig.checks = () => ({ kind: "pending", pending: 1, total: 1 });
    const issue = rig.addIssue();
    const worker = await rig.start();
    await rig.untilWaits(worker, issue.number, "pending");

    rig.clockShiftMs -= YEAR_MS;
    await rig.untilLabel(issue.number, "hitl");

    expect(questionOf(worker.state.issue(issue.number))).toMatchObject({ cause: "ci", origin: "review" });
  });
});
