// Makes a directory for one turn of an agent: its worktree, its home and its transcript, gone after the test.

import { randomUUID } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { AgentEvent, AgentTurn } from "../../../src/worker/agent/contract/agent-driver.ts";
import { removeAgentHome } from "../../../src/worker/agent/process/agent-home.ts";

export interface Workshop extends AsyncDisposable {
  readonly root: string;
  readonly turn: AgentTurn;
  readonly events: AgentEvent[];
  readonly emit: (event: AgentEvent) => void;
}

export async function openWorkshop(turn: Partial<AgentTurn> = {}): Promise<Workshop> {
  const root = await mkdtemp(join(tmpdir(), "hydraflow-agent-"));
  const directory = join(root, "worktree");
  await mkdir(directory);
  const events: AgentEvent[] = [];
  return {
    root,
    events,
    emit: (event) => void events.push(event),
    turn: {
      role: "implement",
      prompt: "Role: implement\nDo it.\n",
      directory,
      home: join(root, "home"),
      access: "write",
      verdictSchema: { type: "object" },
      sessionId: randomUUID(),
      resume: false,
      transcriptFile: join(root, "logs", "issue-1", "implement-1.jsonl"),
      groups: join(root, "groups"),
      ...turn,
    },
    [Symbol.asyncDispose]: async () => {
      await removeAgentHome(turn.home ?? join(root, "home"));
      await rm(root, { recursive: true, force: true });
    },
  };
}
