// `explain` speaks of an approved pull request, and of a run that lost its claim. One issue goes through all of the
// first.

import { afterAll, beforeAll, describe, expect, it } from "vitest";

import type { CheckState } from "../../src/worker/github/port/github.ts";
import type { RepoRuntime } from "../../src/worker/runtime/repo-runtime.ts";
import { pauseOf, waitedOf } from "../../src/worker/state/issue-way.ts";
import { unreachable } from "../support/memory-fault.ts";
import { hangs } from "../support/scripted-agent.ts";
import { PipelineRig } from "../worker/pipeline/pipeline-rig.ts";
import { explain, untilReason } from "./explain-rig.ts";

const CANCELLED = { name: "build", conclusion: "cancelled", summary: "", url: "" };

describe("Explain, of an approved pull request,", () => {
  let rig: PipelineRig;
  let worker: RepoRuntime;
  let issue: number;
  let checks: CheckState = { kind: "pending", pending: 1, total: 2 };

  beforeAll(async () => {
    rig = await PipelineRig.create({ config: { requiredChecks: ["test", "e2e"] } });
    rig.checks = () => checks;
    issue = rig.addIssue().number;
    worker = await rig.start();
    for (const label of ["plan", "ready", "review"]) await rig.until(label, () => rig.labels(issue).includes(label));
    await rig.untilWaits(worker, issue, "pending");
  }, 300_000);

  afterAll(() => rig[Symbol.asyncDispose]());

  it("says that checks are pending", async () => {
    await untilReason(rig, worker, issue, /^waits until .*: 1 of 2 checks of #\d+ are pending \(since/);
    expect(worker.notice).toBeNull();
  });

  it("names a check that ended without a verdict", async () => {
    checks = { kind: "undecided", undecided: [CANCELLED] };

    await untilReason(rig, worker, issue, /build \(cancelled\) of #\d+ ended without a verdict on the code/);
  });

  it("names a check that has not reported", async () => {
    checks = { kind: "passed", total: 1, names: ["test"] };

    await untilReason(rig, worker, issue, /#\d+ waits for e2e, which did not report yet/);
  });

  it("says that GitHub wants a person's review before the merge", async () => {
    rig.world.mergeBlocked = () => "review";
    checks = { kind: "passed", total: 2, names: ["test", "e2e"] };

    await untilReason(
      rig,
      worker,
      issue,
      /^waits for a person's answer since .* \(review\): .*GitHub wants more before/,
    );
  });
});

describe("Explain, of a run whose claim was lost,", () => {
  it("says so", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("triage", hangs);
    const issue = rig.addIssue();
    const worker = await rig.start({ claimLeaseMs: 1_500 });
    await untilReason(rig, worker, issue.number, /^triage works on it/);

    rig.client.updateComment = () => Promise.resolve({ ok: false, failure: unreachable() });

    await rig.until("it is put down", () => waitedOf(worker.state.issue(issue.number)) !== null);
    await rig.until(
      "the reason",
      () => pauseOf(worker.state.issue(issue.number))?.reason === "the claim was lost, and with it the right to go on",
    );
    expect((await explain(worker, issue.number)).join("\n")).toContain("the claim was lost");
  });
});
