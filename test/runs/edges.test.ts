// Shows failures, interruptions and what other people's hands do.

import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { outcomeOf, questionOf } from "../../src/worker/state/issue-way.ts";
import { unreachable } from "../support/memory-fault.ts";
import { done, hangs, verdict, writes } from "../support/scripted-agent.ts";
import { PipelineRig, sh } from "../worker/pipeline/pipeline-rig.ts";

describe("Planning", () => {
  it("closes an issue that is satisfied already, with the evidence", async () => {
    await using rig = await PipelineRig.create();
    const evidence = { feature: "README.md:2", tests: "test/readme.test.js", criteria: "it is there" };
    rig.agent.next("plan", () => verdict({ outcome: "already_satisfied", summary: "It is there.", evidence }));
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilEnded(worker, issue.number);

    expect(outcomeOf(worker.state.issue(issue.number))?.kind).toBe("already_satisfied");
    expect(rig.labels(issue.number)).toEqual(["dup"]);
    expect(rig.world.issue(issue.number).state).toBe("closed");
    expect(rig.commentsOf(issue.number, "## Already satisfied")[0]).toContain("README.md:2");
  });

  it("does not believe evidence that is not there", async () => {
    await using rig = await PipelineRig.create();
    const evidence = { feature: "src/none.ts:7", tests: "test/a.test.ts", criteria: "all" };
    const claim = () => verdict({ outcome: "already_satisfied", summary: "It is there.", evidence });
    rig.agent.next("plan", claim, claim);
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "hitl");

    expect(rig.agent.turnsOf("plan")[1]?.prompt).toContain("there is no line 7 in src/none.ts");
    expect(rig.world.issue(issue.number).state).toBe("open");
  });

  it("gives the agent one chance to mend a plan, in the same session", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("plan", () => verdict({ outcome: "plan", plan: "Just do it.", summary: "Do it." }));
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "fixed");

    const turns = rig.agent.turnsOf("plan");
    expect(turns.map(({ resume }) => resume)).toEqual([false, true]);
    expect(turns[1]?.sessionId).toBe(turns[0]?.sessionId);
  });
});

describe("Implementing", () => {
  it("mends what the gate shows and pushes only what is green", async () => {
    await using rig = await PipelineRig.create({ config: { gateCommand: "grep -q good part.txt" } });
    rig.agent.next("implement", writes("part.txt", "bad\n"), writes("part.txt", "good\n"));
    const issue = rig.addIssue();

    await rig.start();
    await rig.untilLabel(issue.number, "fixed");

    expect(rig.fileOn("main", "part.txt")).toBe("good");
    expect(rig.agent.turnsOf("implement").map(({ resume }) => resume)).toEqual([false, true]);
  });

  it("hands the issue to a person when every attempt fails the gate", async () => {
    await using rig = await PipelineRig.create({
      config: { gateCommand: "echo broken thing; false", maxQualityFixAttempts: 0, maxIssueAttempts: 2 },
    });
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilLabel(issue.number, "hitl");
    await rig.untilHandedOver(worker, issue.number);

    expect(questionOf(worker.state.issue(issue.number))).toMatchObject({ cause: "attempts", origin: "ready" });
    expect(rig.agent.turnsOf("implement")[1]?.prompt).toContain("broken thing");
    expect(rig.pulls()).toEqual([]);
  });

  it("tells the agent of a file that git refuses to commit", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("implement", async (turn, signal) => {
      await mkdir(join(turn.directory, "sub", ".GIT"), { recursive: true });
      return writes("sub/.GIT/config", "text\n")(turn, signal);
    });
    const issue = rig.addIssue();

    const worker = await rig.start();
    await rig.untilEnded(worker, issue.number);

    const [, second] = rig.agent.turnsOf("implement");
    expect(second?.prompt).toMatch(/The files of the last attempt could not be committed:\n.*sub\/\.GIT\/config/);
    expect(outcomeOf(worker.state.issue(issue.number))?.kind).toBe("merged");
  });

  it("never takes an agent's word that it is done when nothing changed", async () => {
    await using rig = await PipelineRig.create({ config: { maxIssueAttempts: 2 } });
    rig.agent.always("implement", done);
    const { issue, worker } = await rig.askPerson();

    expect(questionOf(worker.state.issue(issue.number))?.question).toContain("nothing differs from the base branch");
    expect(rig.pulls()).toEqual([]);
  });

  it("asks how the repository is checked where nothing says so", async () => {
    await using rig = await PipelineRig.create({ config: { gateCommand: undefined } });
    const { issue, worker } = await rig.askPerson();

    expect(questionOf(worker.state.issue(issue.number))?.question).toContain("gateCommand");
    expect(rig.agent.turnsOf("implement")).toEqual([]);
  });

  it("goes on with the agent's session after the worker was stopped", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("implement", hangs);
    const issue = rig.addIssue();
    const first = await rig.start();
    await rig.until("the agent builds", () => rig.agent.turnsOf("implement").length === 1);

    await first[Symbol.asyncDispose]();
    const second = await rig.start();
    await rig.untilLabel(issue.number, "fixed");

    const turns = rig.agent.turnsOf("implement");
    expect(turns.map(({ resume }) => resume)).toEqual([false, true]);
    expect(turns[1]?.sessionId).toBe(turns[0]?.sessionId);
    expect(second.state.issue(issue.number).history.filter(({ text }) => text.includes("failed"))).toEqual([]);
  });

  it("puts back git's configuration when a turn changed it, and asks a person", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("implement", async (turn, signal) => {
      sh(turn.directory, "config", "filter.x.clean", "touch /nowhere");
      return writes("part.txt", "x\n")(turn, signal);
    });
    const { issue, worker } = await rig.askPerson();

    expect(questionOf(worker.state.issue(issue.number))?.cause).toBe("agent");
    expect(rig.pulls()).toEqual([]);
  });
});

describe("The worker", () => {
  it("looks again before it runs, so a stale poll does not move an issue back", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const worker = await rig.start();
    const { client } = rig;
    const listIssues = client.listIssues.bind(client);
    const stale = { ...rig.world.issue(issue.number), labels: ["hydraflow-review"] };
    await rig.untilLabel(issue.number, "ready");
    // Every poll from here on shows an earlier moment as the newest.
    client.listIssues = async (since, signal) => {
      const listed = await listIssues(since, signal);
      return listed.ok
        ? {
            ok: true,
            value: listed.value.map((one) =>
              one.number === issue.number && one.state === "open" ? { ...one, labels: stale.labels } : one,
            ),
          }
        : listed;
    };
    await rig.untilEnded(worker, issue.number);

    expect(rig.agent.turns.map(({ role }) => role)).toEqual(["triage", "plan", "implement", "review"]);
    expect(rig.writes("merge")).toHaveLength(1);
  });

  it("holds back while the agent's provider is at its limit, and says so", async () => {
    await using rig = await PipelineRig.create();
    const until = new Date(Date.now() + 3_600_000);
    rig.agent.next("triage", () => ({ kind: "provider-limited", until, evidence: "limit hit" }));
    const issue = rig.addIssue();
    const other = rig.addIssue("Add another missing part");

    const worker = await rig.start();
    await rig.until("the notice tells", () => worker.notice?.includes("limit hit") === true);
    expect(worker.state.issues().has(other.number)).toBe(false);
    rig.clockShiftMs = 3_700_000;
    await rig.untilLabel(issue.number, "fixed");

    expect(worker.notice).toBeNull();
    expect(worker.state.issue(issue.number).history.filter(({ text }) => text.includes("failed"))).toEqual([]);
  });

  it("stays up while GitHub does not answer, says so, and goes on when it does", async () => {
    await using rig = await PipelineRig.create();
    const issue = rig.addIssue();
    const worker = await rig.start();
    const { client } = rig;
    client.inject({ at: 1, method: "listIssues", when: "before", how: unreachable("no route") });
    await rig.until(
      "the notice tells, or all is over",
      () => worker.notice?.includes("no route") === true || rig.labels(issue.number).includes("fixed"),
    );

    await rig.untilLabel(issue.number, "fixed");
  });

  it("leaves an issue to the worker that has claimed it", async () => {
    await using rig = await PipelineRig.create();
    rig.agent.next("triage", hangs);
    const issue = rig.addIssue();
    const first = await rig.start();
    await rig.until("the first works on it", () => rig.agent.turns.length === 1);

    const second = await rig.start({}, { data: "two", worktrees: "two" });
    await rig.until(
      "the second has seen that it is held",
      () => second.orchestrator?.heldBy(issue.number) !== null && second.orchestrator !== null,
    );

    expect(rig.agent.turns).toHaveLength(1);
    expect(first.inFlight).toBe(1);
    expect(second.inFlight).toBe(0);
  });

  it("lets go of an issue that a person closed", async () => {
    await using rig = await PipelineRig.create();
    const { issue, worker, passChecks } = await rig.waitForChecks();

    rig.world.setState(issue.number, "closed");
    passChecks();
    await rig.untilEnded(worker, issue.number);

    expect(worker.state.issue(issue.number)).toMatchObject({
      way: { is: "ended", outcome: { kind: "closed" } },
      claim: null,
    });
    expect(rig.writes("merge")).toEqual([]);
  });
});
