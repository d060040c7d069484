// Wraps git and the agent, whose output is text from outside too: it belongs to the issue that is being worked on.

import type { AgentDriver } from "../agent/contract/agent-driver.ts";
import type { Git } from "../git/command/git.ts";
import type { Attention } from "./attention.ts";

type Minding = Pick<Attention, "turnTo">;

export function attentiveGit(git: Git, attention: Minding): Git {
  return {
    isRunningIn: (directory) => git.isRunningIn(directory),
    run: async (call, signal) => {
      const output = await git.run(call, signal);
      attention.turnTo();
      return output;
    },
  };
}

export function attentiveAgent(agent: AgentDriver, attention: Minding): AgentDriver {
  return {
    name: agent.name,
    probe: (signal) => agent.probe(signal),
    run: async (turn, emit, signal) => {
      attention.turnTo();
      const outcome = await agent.run(
        turn,
        (event) => {
          attention.turnTo();
          emit(event);
        },
        signal,
      );
      attention.turnTo();
      return outcome;
    },
  };
}
