// This agent does what the test says. Each role has a default that makes the whole pipeline succeed; `on` puts other
// behaviour in its place, call by call.

import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import type {
  AgentDriver,
  AgentEvent,
  AgentOutcome,
  AgentProbe,
  AgentTurn,
} from "../../src/worker/agent/contract/agent-driver.ts";

export type Behaviour = (turn: AgentTurn, signal: AbortSignal) => Promise<AgentOutcome> | AgentOutcome;

const USAGE = { inputTokens: 10, outputTokens: 5, cachedTokens: 0, costUsd: 0.01, turns: 1 };

export const GOOD_PLAN = `## Files to Modify
- \`README.md\`: mention the new part.

## New Files
- \`part.txt\`: the part itself.

## File Delta
ADDED: part.txt

## Implementation Steps
1. Write the failing test in \`test/part.test.js\` first.
2. Add \`part.txt\` with the content that the issue asks for.

## Testing Strategy
\`test/part.test.js\` proves that the part is there.

## Acceptance Criteria
- The part is there.

## Key Considerations
- Nothing else changes.
`;

export class ScriptedAgent implements AgentDriver {
  readonly name = "scripted agent";
  readonly turns: AgentTurn[] = [];
  probeAnswer: AgentProbe = { name: "scripted agent", version: "1.0.0", problem: null };
  readonly #queued = new Map<AgentTurn["role"], Behaviour[]>();
  readonly #always = new Map<AgentTurn["role"], Behaviour>();

  /** The next calls in this role get one behaviour each, and the default comes after them. */
  next(role: AgentTurn["role"], ...behaviours: Behaviour[]): void {
    this.#queued.set(role, [...(this.#queued.get(role) ?? []), ...behaviours]);
  }

  always(role: AgentTurn["role"], behaviour: Behaviour): void {
    this.#always.set(role, behaviour);
  }

  turnsOf(role: AgentTurn["role"]): AgentTurn[] {
    return this.turns.filter((turn) => turn.role === role);
  }

  probe(): Promise<AgentProbe> {
    return Promise.resolve(this.probeAnswer);
  }

  async run(turn: AgentTurn, emit: (event: AgentEvent) => void, signal: AbortSignal): Promise<AgentOutcome> {
    this.turns.push(turn);
    emit({ type: "started", sessionId: turn.sessionId, model: "none", version: "1.0.0" });
    const behaviour = this.#queued.get(turn.role)?.shift() ?? this.#always.get(turn.role) ?? DEFAULTS[turn.role];
    const outcome = await behaviour(turn, signal);
    return signal.aborted ? { kind: "killed", evidence: "aborted" } : outcome;
  }
}

export function verdict(value: unknown): AgentOutcome {
  return { kind: "completed", verdict: value, text: "", usage: USAGE };
}

export const approve: Behaviour = () => verdict({ verdict: "approve", summary: "All is well.", findings: [] });

export function requestChanges(...findings: string[]): Behaviour {
  return () => verdict({ verdict: "request_changes", summary: "Not yet.", findings });
}

export function needsInput(question: string): Behaviour {
  return () => verdict({ outcome: "needs_input", summary: "stuck", question });
}

/** The agent writes a file and is done. */
export function writes(
  name: string | ((turn: AgentTurn) => string),
  content: string | ((turn: AgentTurn) => string),
): Behaviour {
  return async (turn) => {
    const path = typeof name === "string" ? name : name(turn);
    await writeFile(join(turn.directory, path), typeof content === "string" ? content : content(turn));
    return verdict({ outcome: "done", summary: `Wrote ${path}.` });
  };
}

export const done: Behaviour = () => verdict({ outcome: "done", summary: "Nothing to do." });

/** The agent runs until it is aborted. */
export const hangs: Behaviour = (_turn, signal) =>
  new Promise((resolve) =>
    signal.addEventListener("abort", () => resolve({ kind: "killed", evidence: "aborted" }), { once: true }),
  );

function issueOf(turn: AgentTurn): number {
  return Number(/<issue number="(\d+)">/.exec(turn.prompt)?.[1] ?? 0);
}

const DEFAULTS: Readonly<Record<AgentTurn["role"], Behaviour>> = {
  triage: () => verdict({ ready: true, reasons: ["clear"], type: "feature", complexity: 2 }),
  plan: () => verdict({ outcome: "plan", plan: GOOD_PLAN, summary: "Add the part." }),
  implement: writes(
    (turn) => `part-${issueOf(turn)}.txt`,
    (turn) => `part of ${issueOf(turn)}\n`,
  ),
  review: approve,
  hitl: done,
};
