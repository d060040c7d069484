// Shows waits over a restart, and by a clock that is wrong.

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";

import { pauseOf, runOf, waitedOf } from "../../src/worker/state/issue-way.ts";
import { forbidden, unreachable } from "../support/memory-fault.ts";
import { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";

const DAY_MS = 86_400_000;

describe("A wait", () => {
  it("of a decision that a clock a day ahead put down ends when the clock is right, and nothing about it is silent", async () => {
    await using rig = await PipelineRig.create();
    rig.clockShiftMs = DAY_MS;
    const issue = rig.addIssue("Short", "find", "too short");
    const worker = await rig.start();
    const create = rig.client.createComment.bind(rig.client);
    rig.client.createComment = (number, body, signal) =>
      body.startsWith("## HydraFlow needs")
        ? Promise.resolve({ ok: false, failure: unreachable("502") })
        : create(number, body, signal);
    await rig.untilState(
      worker,
      issue.number,
      "settling, put down",
      (entry) => runOf(entry)?.step.at === "settling" && pauseOf(entry) !== null,
    );
    expect(worker.orchestrator?.waits.of(issue.number)).toMatchObject({ cause: "github", reason: "GitHub: 502" });

    rig.clockShiftMs = 0;
    rig.client.createComment = create;

    await rig.untilLabel(issue.number, "hitl");
  });

  it("is no new one after a restart", async () => {
    await using rig = await PipelineRig.create();
    await rig.commitToRemote("main", { "new.txt": "new\n" });
    const lock = join(rig.checkout, ".git/refs/remotes/origin/main.lock");
    await mkdir(dirname(lock), { recursive: true });
    await writeFile(lock, "");
    const issue = rig.addIssue();
    const first = await rig.start();
    await rig.untilState(first, issue.number, "waits", (entry) => waitedOf(entry) !== null);
    const since = waitedOf(first.state.issue(issue.number))?.since;
    await first[Symbol.asyncDispose]();

    const second = await rig.start();
    await rig.until("it waits again", () => (second.orchestrator?.waits.of(issue.number) ?? null) !== null);

    expect(second.orchestrator?.waits.of(issue.number)?.since.toISOString()).toBe(since);
  });

  it("for what a person has ended is forgotten", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const started = rig.start();
    const failure = forbidden("Unable to create comment because issue is locked.");
    rig.client.createComment = () => Promise.resolve({ ok: false, failure });
    const worker = await started;
    await rig.until("it waits", () => (worker.orchestrator?.waits.of(issue.number) ?? null) !== null);

    rig.world.setState(issue.number, "closed");

    await rig.until("it is forgotten", () => worker.orchestrator?.waits.of(issue.number) === null);
    await rig.until("no notice is left", () => worker.notice === null);
  });
});
