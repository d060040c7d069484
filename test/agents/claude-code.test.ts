import { readFileSync } from "node:fs";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { VERDICTS } from "../../src/worker/agent/contract/verdict.ts";
import { startStubModelServer } from "../support/stub-model-server.ts";
import { DONE, driverFor, git, NEVER, openWorktree, runTurns } from "./claude-rig.ts";
import { shell, storyRules, verdict, write } from "./claude-script.ts";
import { CLAUDE_VERSION } from "./install-agent.ts";

describe("the real Claude Code at work", () => {
  it("answers the probe with the version under test", async () => {
    await using model = await startStubModelServer([]);

    expect(await driverFor(model).probe(NEVER)).toEqual({
      name: "Claude Code",
      version: CLAUDE_VERSION,
      problem: null,
    });
  });

  it("edits in a worktree and ends with a verdict by the schema", async () => {
    await using run = await runTurns([
      write("src/greet.js", "export const greet = 1;\n"),
      shell("echo more >> README.md"),
      verdict({ outcome: "done", summary: "Wrote it." }, "I am done."),
    ]);

    const { directory } = run.workshop.turn;
    expect(run.outcome).toMatchObject({ kind: "completed", verdict: { outcome: "done", summary: "Wrote it." } });
    expect(run.outcome).toMatchObject({
      usage: { inputTokens: 300, turns: expect.any(Number) as number, costUsd: expect.any(Number) as number },
    });
    expect(git(directory, "status", "--short")).toBe(" M README.md\n?? src/\n");
    expect(run.workshop.events[0]).toEqual({
      type: "started",
      sessionId: run.workshop.turn.sessionId,
      model: expect.any(String) as string,
      version: CLAUDE_VERSION,
    });
    expect(run.workshop.events).toContainEqual({ type: "tool", tool: "Bash", summary: "echo more >> README.md" });
    expect(run.workshop.events).toContainEqual({ type: "text", text: "I am done." });
    expect(run.model.requests[0]?.tools?.map((tool) => tool.name)).toContain("StructuredOutput");
  });

  it("goes through all roles of an issue by the rules of its story", async () => {
    const plan = "## Files to Modify\n\n- `src/greet.js`";
    await using model = await startStubModelServer(
      storyRules({ files: { "src/greet.js": "export const greet = 1;\n" }, plan }),
    );
    const driver = driverFor(model);

    for (const role of ["triage", "plan", "implement", "review"] as const) {
      await using workshop = await openWorktree({
        role,
        prompt: `Role: ${role}\n\nDo it.\n`,
        access: role === "implement" ? "write" : "read",
        verdictSchema: VERDICTS[role].schema,
      });
      const outcome = await driver.run(workshop.turn, workshop.emit, NEVER);
      expect(outcome.kind === "completed" && VERDICTS[role].read(outcome.verdict)).toMatchObject({ ok: true });
    }
  });

  it("gives the agent's commands the marks and no GitHub token", async () => {
    await using run = await runTurns([shell("env > environment.txt"), verdict(DONE)]);

    const environment = readFileSync(join(run.workshop.turn.directory, "environment.txt"), "utf8");
    expect(environment).toContain("HYDRAFLOW_BIRTH=spawn\n");
    expect(environment).toContain("HYDRAFLOW_RUN=");
    expect(environment).not.toContain("not-for-agents");
  });

  it("corrects a verdict that does not fit the schema", async () => {
    await using run = await runTurns([
      verdict({ outcome: "nonsense" }),
      verdict({ outcome: "needs_input", summary: "s", question: "q" }),
    ]);

    expect(run.outcome).toMatchObject({ kind: "completed", verdict: { outcome: "needs_input", question: "q" } });
  });

  it("continues a session with its history, and by the same id when it is not known how far it came", async () => {
    await using workshop = await openWorktree({ prompt: "Role: implement\nThe word is mulberry.\n" });
    await using model = await startStubModelServer([{ turns: [verdict(DONE), verdict(DONE), verdict(DONE)] }]);
    const driver = driverFor(model);

    await driver.run(workshop.turn, workshop.emit, NEVER);
    const resumed = await driver.run(
      { ...workshop.turn, prompt: "Role: implement\nAgain.\n", resume: true },
      workshop.emit,
      NEVER,
    );
    const begunTwice = await driver.run(
      { ...workshop.turn, prompt: "Role: implement\nOnce more.\n", resume: false },
      workshop.emit,
      NEVER,
    );

    expect([resumed.kind, begunTwice.kind]).toEqual(["completed", "completed"]);
    expect(JSON.stringify(model.requests.at(-1)?.messages)).toMatch(/mulberry.*Again\..*Once more\./);
  });

  it("begins a session that was to be resumed but was never stored", async () => {
    await using run = await runTurns([verdict(DONE)], {}, { resume: true });

    expect(run.outcome.kind).toBe("completed");
    expect(run.workshop.events[0]).toMatchObject({ type: "started", sessionId: run.workshop.turn.sessionId });
  });
});
