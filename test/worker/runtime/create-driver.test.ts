import { fileURLToPath } from "node:url";

import { describe, expect, it } from "vitest";

import { createDriver, DEMO_AGENT_NAME } from "../../../src/worker/runtime/create-driver.ts";

const FAKE_AGENT = fileURLToPath(new URL("../../fixtures/agents/fake-agent.ts", import.meta.url));
const NEVER = new AbortController().signal;
const config = {
  agentCommand: undefined,
  agentModel: undefined,
  agentEnvironment: [],
  agentStartupMs: 10_000,
  agentSilenceMs: 10_000,
  agentTurnMs: 10_000,
};
const context = {
  environment: { PATH: "" },
  marks: {},
  redact: (text: string) => text,
  demoAgent: { node: process.execPath, program: FAKE_AGENT },
};

describe("the agent picked by configuration", () => {
  it("is Claude Code from the PATH, with a problem that says so when it is not there", async () => {
    const driver = createDriver({ ...config, agentDriver: "claude" }, context);

    expect(driver.name).toBe("Claude Code");
    expect((await driver.probe(NEVER)).problem).toContain("spawn claude ENOENT");
  });

  it("is the demo agent, whose name says that it is none, run by the Node given", async () => {
    const driver = createDriver({ ...config, agentDriver: "demo" }, context);

    expect(await driver.probe(NEVER)).toEqual({ name: DEMO_AGENT_NAME, version: "9.9.9", problem: null });
    expect(DEMO_AGENT_NAME).toContain("not an AI");
  });

  it("runs agentCommand instead of the program given", async () => {
    const driver = createDriver(
      { ...config, agentDriver: "demo", agentCommand: FAKE_AGENT },
      { ...context, demoAgent: { ...context.demoAgent, program: "/nonexistent" } },
    );

    expect((await driver.probe(NEVER)).version).toBe("9.9.9");
  });
});
