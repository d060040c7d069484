// The port to a coding-agent CLI: one turn in, events while it runs, one outcome. The pipeline reads only the outcome's
// class, the verdict and git's evidence; an agent's own claim of success proves nothing.

/** The agent may only read, or also edit files and run commands in its worktree. It may never push, nor use GitHub. */
export type AgentAccess = "read" | "write";

export interface AgentTurn {
  readonly role: "triage" | "plan" | "implement" | "review" | "hitl";
  readonly prompt: string;
  /** The agent's working directory, absolute. */
  readonly directory: string;
  /** An absolute path; HOME and TMPDIR of the agent lie beneath, so that agents share nothing. */
  readonly home: string;
  readonly access: AgentAccess;
  /** The JSON schema of the verdict that the same turn must end with. */
  readonly verdictSchema: Readonly<Record<string, unknown>>;
  /** We choose this UUID before the first prompt. `resume` continues that session instead of starting it. */
  readonly sessionId: string;
  readonly resume: boolean;
  /** Raw lines of the CLI are kept here, redacted. */
  readonly transcriptFile: string;
  /** An absolute path; the agent's process group is on record here while it runs. */
  readonly groups: string;
}

export type AgentEvent =
  | { readonly type: "started"; readonly sessionId: string; readonly model: string; readonly version: string }
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "tool"; readonly tool: string; readonly summary: string }
  | { readonly type: "retry"; readonly attempt: number; readonly reason: string };

export interface AgentUsage {
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly cachedTokens: number;
  /** The CLI computed the cost, in US dollars; null when it says nothing. */
  readonly costUsd: number | null;
  readonly turns: number;
}

/** `evidence` is one line for a person, for instance the CLI's own error text. */
export type AgentOutcome =
  | { readonly kind: "completed"; readonly verdict: unknown; readonly text: string; readonly usage: AgentUsage }
  | { readonly kind: "needs-input"; readonly evidence: string }
  | { readonly kind: "refused"; readonly evidence: string }
  | { readonly kind: "budget-exceeded"; readonly evidence: string }
  | { readonly kind: "provider-limited"; readonly until: Date | null; readonly evidence: string }
  | { readonly kind: "auth-missing"; readonly evidence: string }
  | { readonly kind: "never-started"; readonly evidence: string }
  | { readonly kind: "stalled"; readonly evidence: string }
  | { readonly kind: "killed"; readonly evidence: string }
  | { readonly kind: "crashed"; readonly evidence: string }
  | { readonly kind: "protocol-error"; readonly evidence: string };

export interface AgentProbe {
  readonly name: string;
  readonly version: string | null;
  /** Says in one line what to do when the agent cannot be used; null when it can. */
  readonly problem: string | null;
}

export interface AgentDriver {
  /** People see this name; the demo agent's says that it is one. */
  readonly name: string;
  probe(signal: AbortSignal): Promise<AgentProbe>;
  /** Runs one turn to its end. Aborting kills the agent's whole process tree and yields `killed` without a throw. */
  run(turn: AgentTurn, emit: (event: AgentEvent) => void, signal: AbortSignal): Promise<AgentOutcome>;
}
