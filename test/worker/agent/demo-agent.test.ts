import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { VERSION } from "../../../src/core/base/version.ts";
import { checkPlan } from "../../../src/worker/workbench/plan-check.ts";
import { openWorkshop } from "./agent-workshop.ts";
import { commitAll, driver, ISSUE, NEVER, promptOf, startRepository, take, verdictOf } from "./demo-workbench.ts";

describe("the demo agent", () => {
  it("names itself in its version and in the first thing it says, and costs nothing", async () => {
    await using workshop = await openWorkshop();

    const probe = await driver().probe(NEVER);
    const outcome = await take(workshop, promptOf("triage", ISSUE));

    expect(probe.version).toBe(VERSION);
    expect(workshop.events).toContainEqual({ type: "text", text: expect.stringContaining("demo agent") as string });
    expect(outcome).toMatchObject({ usage: { costUsd: 0, inputTokens: 0, outputTokens: 0 } });
  });

  it("finds an issue with code blocks ready, and asks about one without", async () => {
    await using workshop = await openWorkshop();

    const ready = verdictOf("triage", await take(workshop, promptOf("triage", ISSUE)));
    const vague = verdictOf("triage", await take(workshop, promptOf("triage", "Make it better.")));

    expect(ready).toMatchObject({ ready: true, type: "feature", complexity: 2 });
    expect(vague).toMatchObject({ ready: false, question: expect.stringContaining("Which files") as string });
  });

  it("ends as crashed when the prompt names no role", async () => {
    await using workshop = await openWorkshop();

    expect(await take(workshop, "Do something.")).toMatchObject({
      kind: "crashed",
      evidence: expect.stringContaining("no line 'Role:") as string,
    });
  });
});

describe("the demo agent's plan", () => {
  it("keeps the planner's rules and names existing and new files apart", async () => {
    await using workshop = await openWorkshop();
    mkdirSync(join(workshop.turn.directory, "test"));
    writeFileSync(join(workshop.turn.directory, "test/greet.test.js"), "// tests\n");

    const verdict = verdictOf("plan", await take(workshop, promptOf("plan", ISSUE))) as {
      outcome: string;
      plan: string;
    };

    expect(verdict.outcome).toBe("plan");
    expect(checkPlan(verdict.plan, "full", 200)).toEqual([]);
    expect(verdict.plan).toContain("MODIFIED: test/greet.test.js\nADDED: src/greet.js");
  });

  it("says that the issue is satisfied when the file it names exists, and plans otherwise", async () => {
    await using workshop = await openWorkshop();
    const body = `${ISSUE}\nAlready done: greet.js:2; tests greet.test.js; criteria it greets`;

    const without = verdictOf("plan", await take(workshop, promptOf("plan", body)));
    writeFileSync(join(workshop.turn.directory, "greet.js"), "a\nb\n");
    const satisfied = verdictOf("plan", await take(workshop, promptOf("plan", body)));

    expect(without).toMatchObject({ outcome: "plan" });
    expect(satisfied).toMatchObject({
      outcome: "already_satisfied",
      evidence: { feature: "greet.js:2", tests: "greet.test.js", criteria: "it greets" },
    });
  });

  it("still knows the issue when a second prompt of the session leaves it out", async () => {
    await using workshop = await openWorkshop();
    await take(workshop, promptOf("plan", ISSUE));

    const again = await take(workshop, "Role: plan\nMend your plan.\n", { resume: true });

    expect(verdictOf("plan", again)).toMatchObject({
      outcome: "plan",
      plan: expect.stringContaining("src/greet.js") as string,
    });
  });
});

describe("the demo agent as a reviewer", () => {
  it("approves a change that holds every file asked for, and names what is missing", async () => {
    await using workshop = await openWorkshop();
    const { directory } = workshop.turn;
    startRepository(directory);
    const prompt = promptOf("review", ISSUE, "", "Base: main\nRound: 1\n");

    const empty = verdictOf("review", await take(workshop, prompt));
    await take(workshop, promptOf("implement", ISSUE));
    commitAll(directory);
    const whole = verdictOf("review", await take(workshop, prompt));

    expect(empty).toMatchObject({
      verdict: "request_changes",
      findings: [expect.stringContaining("src/greet.js"), expect.stringContaining("test/greet.test.js")] as unknown,
    });
    expect(whole).toMatchObject({ verdict: "approve", findings: [] });
  });

  it("objects once when the issue tells it to", async () => {
    await using workshop = await openWorkshop();
    const { directory } = workshop.turn;
    const body = `${ISSUE}\nReviewer objects once: say what the function is for`;
    startRepository(directory);
    await take(workshop, promptOf("implement", body));
    commitAll(directory);

    const first = verdictOf("review", await take(workshop, promptOf("review", body, "", "Base: main\nRound: 1\n")));
    const second = verdictOf("review", await take(workshop, promptOf("review", body, "", "Base: main\nRound: 2\n")));

    expect(first).toMatchObject({ verdict: "request_changes", findings: ["say what the function is for"] });
    expect(second).toMatchObject({ verdict: "approve" });
  });

  it("asks a person when there is no such base", async () => {
    await using workshop = await openWorkshop();
    startRepository(workshop.turn.directory);

    const verdict = verdictOf("review", await take(workshop, promptOf("review", ISSUE, "", "Base: no-such-ref\n")));

    expect(verdict).toMatchObject({
      verdict: "needs_input",
      question: expect.stringContaining("no-such-ref") as string,
    });
  });
});
