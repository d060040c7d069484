// Runs the port's adapter against the embedded forge, which checks every request and answer against GitHub's own
// description.

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { systemClock } from "../../../../src/core/base/clock.ts";
import type { WorkerEvent } from "../../../../src/worker/events/event.ts";
import type { GitHub, MergeRequest } from "../../../../src/worker/github/port/github.ts";
import { ForgeRig, NAME } from "../../../forge/forge-rig.ts";
import { failureOf, valueOf } from "../../git/git-fixture.ts";
import { connectRest } from "../rest-client.ts";

const signal = new AbortController().signal;

describe("GitHub over REST", () => {
  let rig: ForgeRig;
  let github: GitHub;
  let events: WorkerEvent[];

  beforeEach(async () => {
    rig = await ForgeRig.start({ clock: systemClock });
    events = [];
    github = connect(rig.forge.token);
  });

  afterEach(() => rig[Symbol.asyncDispose]());

  const connect = (token: string | null, pagesMax?: number) => connectRest(rig, { token, events, pagesMax });

  it("knows who it is and what the repository is", async () => {
    expect(valueOf(await github.viewer(signal))).toBe(rig.forge.login);
    expect(valueOf(await github.repository(signal))).toEqual({
      fullName: NAME,
      defaultBranch: "main",
      isArchived: false,
      hasIssues: true,
      mergeMethods: expect.arrayContaining(["squash"]),
      mayPush: expect.toBeOneOf([true, null]),
    });
    expect(github.rateLimit()).toMatchObject({ remaining: expect.any(Number), resetAt: expect.any(Date) });
  });

  it("asks for the viewer's login once", async () => {
    valueOf(await github.viewer(signal));
    const { total } = rig.forge.requests;
    valueOf(await github.viewer(signal));

    expect(rig.forge.requests.total).toBe(total);
  });

  it("lists open issues of every page, without pull requests", async () => {
    for (let number = 1; number <= 130; number += 1)
      await rig.forge.createIssue(NAME, { title: `Issue ${number}`, labels: number === 7 ? ["hydraflow-find"] : [] });
    const pull = await rig.openPull("work");
    await rig.forge.editIssue(NAME, 3, { state: "closed" });

    const issues = valueOf(await github.listIssues(null, signal));

    expect(issues.map(({ number }) => number).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 130 }, (_, at) => at + 1).filter((number) => number !== 3),
    );
    expect(issues.some(({ number }) => number === pull)).toBe(false);
    expect(issues.find(({ number }) => number === 7)).toMatchObject({
      title: "Issue 7",
      labels: ["hydraflow-find"],
      state: "open",
    });
  });

  it("fails the whole listing when one page fails, or there are more pages than allowed", async () => {
    for (let number = 1; number <= 101; number += 1) await rig.forge.createIssue(NAME, { title: `Issue ${number}` });
    rig.forge.faults.plan({ match: { path: "/issues" }, times: 1, fault: { kind: "status", status: 404 } });
    expect(failureOf(await github.listIssues(null, signal)).kind).toBe("not-found");

    expect(failureOf(await connect(rig.forge.token, 1).listIssues(null, signal)).message).toContain(
      "more than 1 pages",
    );
    expect(valueOf(await github.listIssues(null, signal)).length).toBe(101);
  });

  it("lists what changed since, closed issues too", async () => {
    await rig.forge.createIssue(NAME, { title: "Old" });
    const number = await rig.forge.createIssue(NAME, { title: "New" });
    await rig.forge.editIssue(NAME, number, { state: "closed" });

    expect(valueOf(await github.listIssues("2999-01-01T00:00:00Z", signal))).toEqual([]);
    const since = new Date(Date.now() - 60_000).toISOString();
    expect(
      valueOf(await github.listIssues(since, signal))
        .map(({ title, state }) => `${title} ${state}`)
        .toSorted(),
    ).toEqual(["New closed", "Old open"]);
  });

  it("comments, and edits its comment", async () => {
    const number = await rig.forge.createIssue(NAME, { title: "One", author: "ann" });

    const made = valueOf(await github.createComment(number, "Hello", signal));
    valueOf(await github.updateComment(made.id, "Hello again", signal));

    expect(valueOf(await github.comments(number, signal))).toMatchObject([
      { id: made.id, author: rig.forge.login, body: "Hello again" },
    ]);
    expect(valueOf(await github.issue(number, signal))).toMatchObject({ number, title: "One", author: "ann" });
  });

  it("makes, adds and removes labels; what is so already is success and no report", async () => {
    const number = await rig.forge.createIssue(NAME, { title: "One" });

    valueOf(await github.createLabel("hydraflow-find", "e4e669", "To be triaged", signal));
    valueOf(await github.createLabel("hydraflow-find", "e4e669", "To be triaged", signal));
    expect(valueOf(await github.addLabels(number, ["hydraflow-find"], signal))).toEqual(["hydraflow-find"]);
    valueOf(await github.removeLabel(number, "hydraflow-find", signal));
    valueOf(await github.removeLabel(number, "hydraflow-find", signal));

    expect(rig.forge.issue(NAME, number).labels).toEqual([]);
    expect(events).toEqual([]);
  });

  it("closes an issue", async () => {
    const number = await rig.forge.createIssue(NAME, { title: "One" });

    expect(valueOf(await github.closeIssue(number, "not_planned", signal))).toMatchObject({ number, state: "closed" });
  });

  it("opens, finds, reviews and squash-merges a pull request, and deletes its branch", async () => {
    await rig.forge.commitFiles(NAME, { branch: "agent/issue-1", message: "Work", files: { "work.txt": "work\n" } });
    const made = valueOf(
      await github.createPull(
        { title: "Fixes #1: work", body: "Body", head: "agent/issue-1", base: "main", draft: false },
        signal,
      ),
    );

    // GitHub's replicas may not know a branch that was pushed a moment ago.
    rig.forge.faults.plan({ match: { path: "/compare/" }, times: 1, fault: { kind: "status", status: 404 } });
    expect(valueOf(await github.aheadBy("main", "agent/issue-1", signal))).toBe(1);
    expect(valueOf(await github.pullsByBranch("agent/issue-1", signal))).toEqual([
      { ...made, mergeable: null, mergeState: "unknown" },
    ]);
    expect(valueOf(await github.pullsByBranch("agent/issue-2", signal))).toEqual([]);
    valueOf(
      await github.createReview(made.number, { event: "comment", body: "Looks right", headSha: made.headSha }, signal),
    );
    expect(valueOf(await github.reviews(made.number, signal))).toMatchObject([
      { author: rig.forge.login, body: "Looks right", state: "COMMENTED" },
    ]);
    const stale = failureOf(await github.merge(made.number, mergeOf("0".repeat(40)), signal));
    const { sha } = valueOf(await github.merge(made.number, mergeOf(made.headSha), signal));
    valueOf(await github.deleteBranch("agent/issue-1", signal));
    valueOf(await github.deleteBranch("agent/issue-1", signal));

    expect(stale).toMatchObject({ kind: "conflict", status: 409, retryable: false });
    expect(valueOf(await github.pull(made.number, signal))).toMatchObject({
      merged: true,
      state: "closed",
      headBranch: "agent/issue-1",
    });
    expect(sha).toMatch(/^[0-9a-f]{40}$/);
  });

  it("says invalid for one's own pull request approved, and for a second pull request of a branch", async () => {
    const number = await rig.openPull("work");
    const { headSha } = valueOf(await github.pull(number, signal));

    expect(failureOf(await github.createReview(number, { event: "approve", body: "", headSha }, signal))).toMatchObject(
      { kind: "invalid", retryable: false },
    );
    expect(
      failureOf(await github.createPull({ title: "T", body: "", head: "work", base: "main", draft: false }, signal))
        .kind,
    ).toBe("invalid");
  });

  it("reads checks and commit statuses together", async () => {
    const sha = await rig.forge.commitFiles(NAME, { branch: "work", message: "Work", files: { "work.txt": "work\n" } });
    const states = [valueOf(await github.checks(sha, signal))];
    await rig.forge.setCheck(NAME, sha, { name: "build", status: "completed", conclusion: "success" });
    states.push(valueOf(await github.checks(sha, signal)));
    const octokit = rig.client();
    await octokit.repos.createCommitStatus({ owner: "acme", repo: "web", sha, state: "pending", context: "lint" });
    states.push(valueOf(await github.checks(sha, signal)));
    await octokit.repos.createCommitStatus({
      owner: "acme",
      repo: "web",
      sha,
      state: "failure",
      context: "lint",
      description: "2 problems",
    });
    states.push(valueOf(await github.checks(sha, signal)));

    expect(states).toMatchObject([
      { kind: "none" },
      { kind: "passed", total: 1 },
      { kind: "pending", pending: 1, total: 2 },
      { kind: "failed", failed: [{ name: "lint", summary: "2 problems" }] },
    ]);
    expect((await github.checks("f".repeat(40), signal)).ok).toBe(false);
  });

  it("lets nobody write whom it does not know to be allowed", async () => {
    await rig.forge.addCollaborator(NAME, "maintainer", "maintain");
    await rig.forge.addCollaborator(NAME, "reader", "read");
    const asked = await Promise.all(
      ["acme", "maintainer", "reader", "stranger"].map((login) => github.mayWrite(login, signal)),
    );

    expect(asked.map(valueOf)).toEqual([true, true, false, false]);
    rig.forge.faults.plan({ match: { path: "/permission" }, times: 3, fault: { kind: "status", status: 500 } });
    expect((await github.mayWrite("acme", signal)).ok).toBe(false);
  });

  it("costs nothing when nothing has changed", async () => {
    await rig.forge.createIssue(NAME, { title: "One" });
    const first = valueOf(await github.listIssues(null, signal));
    const before = github.rateLimit()?.remaining;

    const second = valueOf(await github.listIssues(null, signal));
    const after = github.rateLimit()?.remaining;
    await rig.forge.createIssue(NAME, { title: "Two" });
    const third = valueOf(await github.listIssues(null, signal));

    expect(second).toEqual(first);
    expect(after).toBe(before);
    expect(third.map(({ title }) => title)).toEqual(["One", "Two"]);
  });
});

function mergeOf(headSha: string): MergeRequest {
  return { headSha, method: "squash", title: "Title", message: "" };
}
