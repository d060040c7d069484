// A person's changes of the work branch on the server count, and what they took away never comes back.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { Journal } from "../../../src/worker/state/journal.ts";
import { systemClock } from "../../../src/core/base/clock.ts";
import type { WorkBranch } from "../../../src/worker/git/commits/work-branch.ts";
import type { Worktree } from "../../../src/worker/git/worktrees/worktree-manager.ts";
import type { RunStep } from "../../../src/worker/state/run-step.ts";
import type { StageContext, StageRun } from "../../../src/worker/pipeline/stage-context.ts";
import type { Workspace } from "../../../src/worker/pipeline/workspace.ts";
import { pushedShas, pushWork, takeInRemoteWork } from "../../../src/worker/workbench/pull-request.ts";
import { GitFixture, type RepositoryFixture, sh, valueOf } from "../git/git-fixture.ts";

const signal = new AbortController().signal;
const BRANCH = "agent/issue-7";

describe("The work branch on the server", () => {
  let fixture: GitFixture;
  let web: RepositoryFixture;
  let worktree: Worktree;
  let work: WorkBranch;
  let journal: Journal;
  let steps: RunStep[];

  beforeEach(async () => {
    fixture = await GitFixture.create();
    web = await fixture.repository();
    worktree = valueOf(await web.worktrees.ensure(7, "main", signal));
    work = web.branch(worktree);
    journal = await Journal.open(join(fixture.directory, "journal.jsonl"), systemClock);
    steps = [];
  });

  afterEach(async () => {
    await journal[Symbol.asyncDispose]();
    await fixture[Symbol.asyncDispose]();
  });

  const context = () => ({ journal, baseBranch: "main" }) as StageContext;
  const run = () =>
    ({
      key: (effect: string) => `7.1/${effect}`,
      mark: (step: RunStep) => Promise.resolve(void steps.push(step)),
    }) as StageRun;
  const workspace = () => ({ work, branch: BRANCH, baseSha: worktree.baseSha }) as unknown as Workspace;
  const push = (sha: string) => pushWork({ context: context(), run: run(), workspace: workspace() }, sha, signal);
  const takeIn = (branch = work) =>
    takeInRemoteWork({ work: branch, branch: BRANCH, pushed: pushedShas(context(), run()) }, signal);
  const subjects = () => sh(web.bare, "log", "--format=%s", `main..${BRANCH}`).split("\n");

  async function commit(name: string): Promise<string> {
    await writeFile(join(worktree.path, name), `${name}\n`);
    valueOf(await work.commitAll(name, signal));
    return valueOf(await work.headSha(signal));
  }

  async function pushed(name: string): Promise<string> {
    const sha = await commit(name);
    expect(await push(sha)).toMatchObject({ ok: true });
    return sha;
  }

  it("keeps a commit away that a person took away by a force push", async () => {
    const good = await pushed("good");
    await pushed("oops, a secret");
    sh(web.bare, "update-ref", `refs/heads/${BRANCH}`, good);

    expect(await takeIn()).toEqual({ ok: true, value: good });
    const next = await commit("next");
    expect(await takeIn()).toEqual({ ok: true, value: good });
    expect(valueOf(await work.headSha(signal))).toBe(next);
    expect(await push(next)).toMatchObject({ ok: true });

    expect(subjects()).toEqual(["next", "good"]);
  });

  it("keeps it away also when the worker that pushed it is gone", async () => {
    const good = await pushed("good");
    await pushed("oops, a secret");
    sh(web.bare, "update-ref", `refs/heads/${BRANCH}`, good);
    const restarted = await fixture.reopen(web);

    expect(await takeIn(restarted.branch(worktree))).toEqual({ ok: true, value: good });
    expect(valueOf(await work.headSha(signal))).toBe(good);
  });

  it("becomes what a person wrote anew in its place", async () => {
    await pushed("one");
    await pushed("two");
    const tree = sh(web.bare, "rev-parse", `${BRANCH}^{tree}`);
    const squashed = sh(web.bare, "commit-tree", tree, "-p", "main", "-m", "one and two");
    sh(web.bare, "update-ref", `refs/heads/${BRANCH}`, squashed);

    expect(await takeIn()).toEqual({ ok: true, value: squashed });
    await pushed("three");

    expect(subjects()).toEqual(["three", "one and two"]);
  });

  it("is not pushed over while what is here would bring back what is gone", async () => {
    const good = await pushed("good");
    await pushed("oops, a secret");
    const next = await commit("next");
    sh(web.bare, "update-ref", `refs/heads/${BRANCH}`, good);

    expect(await push(next)).toMatchObject({ ok: false, failure: { kind: "retry" } });

    expect(steps).toEqual([{ at: "begun" }]);
    expect(subjects()).toEqual(["good"]);
  });

  it("keeps what others add, and work of ours that is not pushed yet", async () => {
    const mine = await pushed("mine");
    const tree = sh(web.bare, "rev-parse", `${BRANCH}^{tree}`);
    const theirs = sh(web.bare, "commit-tree", tree, "-p", mine, "-m", "theirs");
    await commit("not pushed");
    sh(web.bare, "update-ref", `refs/heads/${BRANCH}`, theirs);

    expect(await takeIn()).toEqual({ ok: true, value: theirs });
    const head = valueOf(await work.headSha(signal));
    expect(await push(head)).toMatchObject({ ok: true });

    expect(subjects()).toEqual(expect.arrayContaining(["mine", "theirs", "not pushed"]));
  });

  it("takes no commit with a parent that is neither ours nor the base's", async () => {
    const tree = sh(worktree.path, "rev-parse", "HEAD^{tree}");
    const stranger = sh(worktree.path, "commit-tree", tree, "-p", "HEAD", "-m", "Never reviewed");
    sh(worktree.path, "commit", "-q", "--allow-empty", "-m", "Mine");
    sh(worktree.path, "merge", "-q", "--no-edit", stranger);
    // This is as if a commit of the agent's own had become ours.
    await worktree.record.change({ head: sh(worktree.path, "rev-parse", "HEAD") });

    const answer = await push(valueOf(await work.headSha(signal)));

    expect(answer).toMatchObject({ ok: false, failure: { kind: "retry", reason: expect.stringContaining(stranger) } });
    expect(valueOf(await work.headSha(signal))).toBe(worktree.baseSha);
    expect(steps).toEqual([{ at: "begun" }]);
    expect(sh(web.bare, "branch", "--list", BRANCH)).toBe("");
  });

  it("that a rule refuses makes one question with the server's words, and the work stays as it is", async () => {
    const hook = join(web.bare, "hooks", "pre-receive");
    await writeFile(
      hook,
      "#!/bin/sh\necho 'error: GH013: Repository rule violations' >&2\necho '- Cannot create ref' >&2\nexit 1\n",
      {
        mode: 0o755,
      },
    );

    const answer = await push(await commit("work"));

    expect(answer).toMatchObject({ ok: false, failure: { kind: "hand-off", cause: "git" } });
    expect(JSON.stringify(answer)).toContain("    error: GH013: Repository rule violations\\n    - Cannot create ref");
    expect(steps).toEqual([]);
  });
});
