// `explain` names the true reason for each way of not moving: every test drives a real worker into that state.

import { mkdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

import type { GitHubFailure } from "../../src/worker/github/port/github.ts";
import { questionOf } from "../../src/worker/state/issue-way.ts";
import { forbidden, unreachable } from "../support/memory-fault.ts";
import { hangs, verdict } from "../support/scripted-agent.ts";
import { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";
import { explain, startWithBrokenGit, untilReason } from "./explain-rig.ts";

const MINUTE_MS = 60_000;
/** Waits and stalls last seconds here, where a test is about them. */
const IMPATIENT = { waitLimitMs: 1_000, stallMs: 1_000 };
const UNREADY = { ready: false, reasons: ["unclear"], type: "bug", complexity: 1, question: "Which one?" };

async function lock(rig: PipelineRig, name: string): Promise<string> {
  await rig.commitToRemote("main", { "new.txt": "new\n" });
  const file = join(rig.checkout, ".git", `${name}.lock`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, "");
  return file;
}

/** Locks the conversation for our account, which may write here but not there. Returns what ends it. */
function lockConversation(rig: PipelineRig): () => void {
  const create = rig.client.createComment.bind(rig.client);
  const failure = forbidden("Unable to create comment because issue is locked.");
  rig.client.createComment = () => Promise.resolve({ ok: false, failure });
  return () => {
    rig.client.createComment = create;
  };
}

/** Lets an agent work on the first issue, while the second one waits for its slot. */
async function startWithQueue(rig: PipelineRig) {
  rig.agent.next("triage", hangs);
  const [first, second] = [rig.addIssue(), rig.addIssue("Add the second missing part")];
  const worker = await rig.start();
  await untilReason(rig, worker, second.number, /^number 1 of 1/);
  await rig.until("the agent is at work", () => rig.agent.turns.length === 1);
  return { first, second, worker };
}

function rateLimited(): GitHubFailure {
  const retryAt = new Date(Date.now() + 10 * MINUTE_MS);
  return { kind: "rate-limited", message: "API rate limit exceeded", status: 403, retryable: true, retryAt };
}

describe("Explain, when git is in the way,", () => {
  it("names the lock that another git holds", async () => {
    await using rig = await PipelineRig.create();
    await lock(rig, "refs/remotes/origin/main");
    const issue = rig.addIssue();
    const worker = await rig.start();

    await untilReason(rig, worker, issue.number, /^waits until .*: git: .*main\.lock.*\(since .*, \d+ times\)$/);
  });

  it("says that git's remote refuses the credential, and so does the notice", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const worker = await startWithBrokenGit(rig, "fatal: Authentication failed for 'https://github.test/acme/web/'");

    await untilReason(
      rig,
      worker,
      issue.number,
      /git's remote does not accept our credential: .*Authentication failed/,
    );
    expect(worker.notice).toMatch(/^issue 1 waits since .*: git's remote does not accept our credential/);
  });

  it("says that the network is away", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const worker = await startWithBrokenGit(rig, "fatal: unable to access: Could not resolve host: github.test");

    await untilReason(rig, worker, issue.number, /^waits until .*: git: .*Could not resolve host/);
  });
});

describe("Explain, when GitHub is in the way,", () => {
  it("says that the credential is refused", async () => {
    await using rig = await PipelineRig.create();
    const { first, second, worker } = await startWithQueue(rig);

    rig.client.isRevoked = true;

    await untilReason(rig, worker, second.number, /^GitHub did not answer at .*: Bad credentials$/);
    expect((await explain(worker, first.number))[0]).toMatch(/^triage (works on it since|has just taken it)/);
    expect(worker.notice).toContain("Bad credentials");
  });

  it("says that the conversation is locked, and the notice does after three tries", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const started = rig.start();
    const unlock = lockConversation(rig);
    const worker = await started;

    await untilReason(
      rig,
      worker,
      issue.number,
      /^waits until .*: GitHub: Unable to create comment because issue is locked/,
    );
    await rig.until("the notice", () => worker.notice?.includes("issue is locked") === true);
    expect(worker.notice).toMatch(/^issue 1 waits since [^ ]*: GitHub: Unable to create comment/);
    unlock();
    await rig.until("it goes on and the notice ends", () => worker.notice === null);
  });

  it("names the rate limit and its end", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const started = rig.start();
    rig.client.inject({ at: 1, method: "issue", when: "before", how: rateLimited() });
    const worker = await started;

    await untilReason(rig, worker, issue.number, /^waits until .*: GitHub: API rate limit exceeded/);
  });

  it("says that GitHub cannot be reached before anything is claimed", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const started = rig.start();
    for (let at = 1; at < 9; at += 1)
      rig.client.inject({ at, method: "createComment", when: "before", how: unreachable("no route to host") });
    const worker = await started;

    await untilReason(rig, worker, issue.number, /^waits until .*: GitHub: no route to host/);
    expect(worker.state.issues().has(issue.number)).toBe(false);
  });

  it("says that the issues cannot be listed", async () => {
    await using rig = await PipelineRig.create();
    const { second, worker } = await startWithQueue(rig);

    rig.client.listIssues = () => Promise.resolve({ ok: false, failure: unreachable("502 Bad Gateway") });

    await untilReason(rig, worker, second.number, /^GitHub did not answer at .*: 502 Bad Gateway$/);
  });

  it("says that what was decided cannot be carried out, and goes on when it can", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("triage", () => verdict(UNREADY));
    const issue = rig.addIssue();
    const worker = await rig.start();
    const create = rig.client.createComment.bind(rig.client);
    rig.client.createComment = (number, body, signal) =>
      body.startsWith("## HydraFlow needs")
        ? Promise.resolve({ ok: false, failure: forbidden("comments are closed") })
        : create(number, body, signal);

    await untilReason(rig, worker, issue.number, /^waits until .*: GitHub: comments are closed/);
    expect(await explain(worker, issue.number)).toContain(
      "what was decided (hand-off) is still being carried out on GitHub",
    );
    await rig.until("the notice", () => worker.notice?.includes("comments are closed") === true);
    rig.client.createComment = create;
    await rig.untilLabel(issue.number, "hitl");
    await rig.until("the end of the notice", () => worker.notice === null);
  });

  it("says that answers cannot be read", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("triage", () => verdict(UNREADY));
    const issue = rig.addIssue();
    const worker = await rig.start();
    await untilReason(rig, worker, issue.number, /^waits for a person's answer since .* \(not-ready\): /);

    rig.client.comments = () => Promise.resolve({ ok: false, failure: unreachable("503") });
    rig.world.addComment(issue.number, "the-operator", "The first.");

    await untilReason(rig, worker, issue.number, /^waits until .*: answers cannot be read: GitHub: 503/);
  });
});

describe("Explain, of the worker itself,", () => {
  it("names the provider's limit before the queue", async () => {
    await using rig = await PipelineRig.create();
    const until = new Date(Date.now() + 60 * MINUTE_MS);
    rig.agent.next("triage", () => ({ kind: "provider-limited", until, evidence: "weekly limit" }));
    const [first, second] = [rig.addIssue(), rig.addIssue("Add the second missing part")];
    const worker = await rig.start();

    await untilReason(rig, worker, first.number, /^waits until .*: the agent's provider is at its limit: weekly limit/);
    await untilReason(rig, worker, second.number, /^the agent's provider is at its limit: .*tried again at/);
  });

  it("says that no slot is free", async () => {
    await using rig = await PipelineRig.create();
    const { second, worker } = await startWithQueue(rig);

    await untilReason(rig, worker, second.number, /^number 1 of 1 in the queue of triage, .* 1 slots, 1 of them busy$/);
  });

  it("says that it was stopped by an operator, and not that GitHub shows no such issue", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("triage", hangs);
    const issue = rig.addIssue();
    const worker = await rig.start();
    expect(worker.notice).toBeNull();
    await untilReason(rig, worker, issue.number, /^triage works on it/);

    await worker.stop("a test");

    expect(await explain(worker, issue.number)).toEqual(["stopped by an operator; start it again to go on"]);
  });

  it("says that it takes no new issues", async () => {
    await using rig = await PipelineRig.create();
    const worker = await rig.start();
    worker.setOpen(false);
    const issue = rig.addIssue();

    await untilReason(rig, worker, issue.number, /^takes no new issues until it is restarted or told to go on$/);
  });

  it("says that the checkout is not there", async () => {
    await using rig = await PipelineRig.create();
    const worker = await rig.start();
    await rig.until("the pipeline is up", () => worker.orchestrator?.store.lastSync.ok === true);
    await rename(rig.checkout, `${rig.checkout}-moved`);
    await rig.until("the notice", () => worker.notice?.includes("is not there") === true);
    const issue = rig.addIssue();

    await untilReason(rig, worker, issue.number, /^no new issue is taken: .* is not there/);
  });

  // Only Linux has a file system that is always full.
  it.skipIf(process.platform !== "linux")("says that a disk has no room", async () => {
    await using rig = await PipelineRig.create();
    const worker = await rig.start();
    await rig.until("the pipeline is up", () => worker.orchestrator?.store.lastSync.ok === true);
    worker.setOpen(false);
    const issue = rig.addIssue();
    const worktrees = join(rig.directory, "worktrees", "one", "acme-web");
    await mkdir(dirname(worktrees), { recursive: true });
    await rm(worktrees, { recursive: true, force: true });
    // Names a file system that never has a block free.
    await symlink("/proc", worktrees);

    await untilReason(rig, worker, issue.number, /^takes no new issues/);
    await rig.until("the notice", () => worker.notice?.includes("has less than 256 MiB free") === true);
    worker.setOpen(true);

    await untilReason(rig, worker, issue.number, /^no new issue is taken: the disk of .* has less than 256 MiB free$/);
  });

  it.for([
    ["archived", "isArchived", true, /^acme\/web is archived on GitHub/],
    ["without issues", "hasIssues", false, /^issues are disabled in acme\/web/],
  ] as const)("says that the repository is %s, before there is a pipeline", async ([, field, value, reason]) => {
    await using rig = await PipelineRig.create();
    rig.world[field] = value;
    const worker = await rig.start();
    await rig.until("the notice", () => worker.notice !== null);

    expect((await explain(worker, 7))[0]).toMatch(reason);
  });

  it("names a bug in a loop", async () => {
    await using rig = await PipelineRig.create();
    const { second, worker } = await startWithQueue(rig);

    rig.client.listIssues = () => Promise.reject(new Error("a bug of ours"));

    await rig.until("the notice", () => worker.notice?.includes("a bug in the sync: a bug of ours") === true);
    expect((await explain(worker, second.number)).join("\n")).toContain("a bug in the sync: a bug of ours");
  });

  it("names a bug that the run itself met, without blaming GitHub", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const started = rig.start();
    rig.client.issue = () => Promise.reject(new Error("a bug of ours"));
    const worker = await started;

    await untilReason(rig, worker, issue.number, /^waits until .*: a bug: a bug of ours \(since/);
  });

  it("says that an issue is stalled, with the reason, as an event and in the notice, until it moves", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const started = rig.start(IMPATIENT);
    const unlock = lockConversation(rig);
    const worker = await started;
    const alarms = () => worker.bus.recent(1_000).flatMap((event) => (event.type === "worker.alarm" ? [event] : []));

    await rig.until("the alarm", () => alarms().length === 1);
    expect(alarms()[0]).toMatchObject({ alarm: "stalled", isOn: true });
    expect(alarms()[0]?.detail).toMatch(/^stalled: 1 issue .*#1: GitHub: .*issue is locked/);
    expect((await explain(worker, issue.number)).join("\n")).toContain(
      "stalled: it could have moved, and has not since",
    );
    expect(worker.notice).toContain("stalled: 1 issue has not moved");
    unlock();
    await rig.until("the end of the alarm", () => alarms().at(-1)?.isOn === false);
  });
});

describe("Explain, of an issue that is not HydraFlow's to move,", () => {
  it("names the worker that holds it", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("triage", hangs);
    const issue = rig.addIssue();
    await rig.start();
    await rig.until("the first works on it", () => rig.agent.turns.length === 1);
    const second = await rig.start({}, { data: "two", worktrees: "two" });

    await untilReason(rig, second, issue.number, /^held by .*\/acme-web\/.* until /);
  });

  it("says that it waits for a person, then that the answer is there and not worked in yet", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("triage", () => verdict(UNREADY));
    const issue = rig.addIssue();
    const worker = await rig.start();
    await untilReason(rig, worker, issue.number, /^waits for a person's answer since .* \(not-ready\): /);

    worker.setOpen(false);
    await worker.orchestrator?.inbox.answer(issue.number, "The first.", "operator");

    await untilReason(rig, worker, issue.number, /^answered by operator at .*; that is worked in when a slot/);
    expect((await explain(worker, issue.number))[1]).toMatch(/^takes no new issues/);
  });

  it("says that it has no label, also after a person took it away", async () => {
    await using rig = await PipelineRig.create();
    const stranger = rig.addIssue("Nothing for the machine", "");
    const worker = await rig.start();
    await rig.until("the pipeline is up", () => worker.orchestrator?.store.lastSync.ok === true);

    expect((await explain(worker, stranger.number))[0]).toBe(
      "it has no label of HydraFlow; add `hydraflow-find` to have it worked on",
    );
  });

  it("names the labels when there are several", async () => {
    await using rig = await PipelineRig.create();
    const worker = await rig.start();
    worker.setOpen(false);
    const { number } = rig.world.addIssue({ title: "Two", body: "", labels: ["hydraflow-find", "hydraflow-plan"] });

    await untilReason(rig, worker, number, /^it has several stage labels \(find, plan\)/);
  });

  it("says that it was transferred, how it ended, that it is closed, and that there is none", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.always("triage", () => verdict(UNREADY));
    const [moved, ended] = [rig.addIssue(), rig.addIssue("Add the second missing part")];
    const closed = rig.addIssue("Nothing for the machine", "");
    rig.world.setState(closed.number, "closed");
    const first = await rig.start();
    for (const { number } of [moved, ended]) await untilReason(rig, first, number, /^waits for a person's answer/);
    await first[Symbol.asyncDispose]();

    rig.world.take(moved.number, "transferred");
    rig.world.setState(ended.number, "closed");
    const worker = await rig.start();

    for (const { number } of [moved, ended]) await rig.untilEnded(worker, number);
    expect((await explain(worker, moved.number))[0]).toContain("it was transferred to another repository, or deleted");
    expect((await explain(worker, ended.number))[0]).toBe("it has ended as closed: it was closed by someone else");
    expect((await explain(worker, closed.number))[0]).toBe("it is closed on GitHub");
    expect(await explain(worker, 999)).toEqual([]);
  });
});

describe("A wait on a lock that stays", () => {
  it("becomes one question about the issue, and an answer lets it go on when the lock is gone", async () => {
    await using rig = await PipelineRig.create();
    const file = await lock(rig, "refs/remotes/origin/main");
    const issue = rig.addIssue();
    const worker = await rig.start(IMPATIENT);

    await rig.untilLabel(issue.number, "hitl");
    expect(questionOf(worker.state.issue(issue.number))).toMatchObject({
      cause: "waiting",
      origin: "find",
      resumes: true,
    });
    await rm(file);
    await rig.until("asked", () => worker.orchestrator?.store.queues().hitl.queued.length === 1);
    await worker.orchestrator?.inbox.answer(issue.number, "It is gone.", "operator");

    await rig.untilLabel(issue.number, "plan");
    expect(worker.state.issue(issue.number).attempts.triage ?? 0).toBe(0);
  });

  it("of everybody's is one notice that names the issues, and no question", async () => {
    await using rig = await PipelineRig.create();
    await lock(rig, "refs/remotes/origin/main");
    const issues = [rig.addIssue(), rig.addIssue("Add the second missing part")];
    const worker = await rig.start({ ...IMPATIENT, waitLimitMs: 8_000, maxTriagers: 2 });

    await rig.until("the notice", () => worker.notice?.includes("issues 1, 2 wait since") === true);
    expect(worker.notice).toContain("main.lock");
    expect(issues.map(({ number }) => rig.labels(number)[0])).toEqual(["find", "find"]);
  });
});
