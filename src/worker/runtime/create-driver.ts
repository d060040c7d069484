// Picks the agent driver by configuration.

import type { Config } from "../../core/config/config.ts";
import type { AgentDriver } from "../agent/contract/agent-driver.ts";
import { createClaudeDriver } from "../agent/claude/claude-driver.ts";

/** It is shown wherever the agent is named, so that nobody takes its work for that of a model. */
export const DEMO_AGENT_NAME = "demo agent (not an AI)";

export interface DriverContext {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** They are HYDRAFLOW_TREE and HYDRAFLOW_BIRTH of this worker. */
  readonly marks: Readonly<Record<string, string>>;
  readonly redact: (text: string) => string;
  /** Both are absolute paths: the Node that runs the demo agent, and its program, which `agentCommand` may replace. */
  readonly demoAgent: { readonly node: string; readonly program: string };
}

type DriverConfig = Pick<
  Config,
  | "agentDriver"
  | "agentCommand"
  | "agentModel"
  | "agentEnvironment"
  | "agentStartupMs"
  | "agentSilenceMs"
  | "agentTurnMs"
>;

export function createDriver(config: DriverConfig, context: DriverContext): AgentDriver {
  const { environment, marks, redact, demoAgent } = context;
  const shared = {
    model: config.agentModel,
    environment,
    extraEnvironment: config.agentEnvironment,
    marks,
    clocks: { startupMs: config.agentStartupMs, silenceMs: config.agentSilenceMs, turnMs: config.agentTurnMs },
    redact,
  };
  if (config.agentDriver === "claude")
    return createClaudeDriver({ ...shared, command: config.agentCommand ?? "claude" });
  const commandArgs = [config.agentCommand ?? demoAgent.program];
  return createClaudeDriver({ ...shared, command: demoAgent.node, commandArgs, name: DEMO_AGENT_NAME });
}
