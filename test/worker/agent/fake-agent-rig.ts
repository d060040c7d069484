// Runs the fake agent under the real driver.

import { fileURLToPath } from "node:url";

import type { AgentDriver, AgentOutcome, AgentTurn } from "../../../src/worker/agent/contract/agent-driver.ts";
import { type ClaudeDriverOptions, createClaudeDriver } from "../../../src/worker/agent/claude/claude-driver.ts";
import { openWorkshop } from "./agent-workshop.ts";

export const FAKE_AGENT = fileURLToPath(new URL("../../fixtures/agents/fake-agent.ts", import.meta.url));
export const NEVER = new AbortController().signal;
/** No well-behaved fake needs nearly so long. */
export const PATIENT = { startupMs: 120_000, silenceMs: 120_000, turnMs: 140_000 };

export function driverFor(behaviour: string, options: Partial<ClaudeDriverOptions> = {}): AgentDriver {
  return createClaudeDriver({
    command: process.execPath,
    commandArgs: [FAKE_AGENT, behaviour],
    environment: process.env,
    extraEnvironment: [],
    marks: {},
    clocks: PATIENT,
    redact: (text) => text,
    ...options,
  });
}

export async function outcomeOf(
  behaviour: string,
  options: Partial<ClaudeDriverOptions> = {},
  turn: Partial<AgentTurn> = {},
): Promise<AgentOutcome> {
  await using workshop = await openWorkshop(turn);
  return await driverFor(behaviour, options).run(workshop.turn, workshop.emit, NEVER);
}
