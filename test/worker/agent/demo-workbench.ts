// Runs the demo agent under the real driver: prompts as the pipeline writes them, verdicts as it reads them, and git.

import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

import type { AgentDriver, AgentOutcome, AgentTurn } from "../../../src/worker/agent/contract/agent-driver.ts";
import { createClaudeDriver } from "../../../src/worker/agent/claude/claude-driver.ts";
import { VERDICTS } from "../../../src/worker/agent/contract/verdict.ts";
import type { Workshop } from "./agent-workshop.ts";

const DEMO_AGENT = fileURLToPath(new URL("../../../src/demo/agent/main.ts", import.meta.url));
export const NEVER = new AbortController().signal;

export const CODE = "export function greet(name) {\n  return `{{answer}}, ${name}`;\n}\n";
export const TEST = 'import { greet } from "../src/greet.js";\n';
export const ISSUE = `Say hello to people by their name, politely.

\`\`\`js file=src/greet.js
${CODE}\`\`\`

Its test:

\`\`\`js append=test/greet.test.js
${TEST}\`\`\`
`;

export function driver(environment: Record<string, string> = {}): AgentDriver {
  return createClaudeDriver({
    command: process.execPath,
    commandArgs: [DEMO_AGENT],
    environment: { ...process.env, ...environment },
    extraEnvironment: Object.keys(environment),
    marks: {},
    clocks: { startupMs: 120_000, silenceMs: 120_000, turnMs: 140_000 },
    redact: (text) => text,
  });
}

export function promptOf(role: AgentTurn["role"], body: string, rest = "", facts = ""): string {
  return `Role: ${role}\n${facts}\nDo what is asked.\n\n<issue number="7">\n# Greet people\n\n${body}\n</issue>\n\n${rest}\n`;
}

export async function take(workshop: Workshop, prompt: string, turn: Partial<AgentTurn> = {}): Promise<AgentOutcome> {
  return driver().run({ ...workshop.turn, prompt, ...turn }, workshop.emit, NEVER);
}

/** Returns the verdict as the pipeline reads it, and fails the test when it is not one. */
export function verdictOf(role: AgentTurn["role"], outcome: AgentOutcome): unknown {
  if (outcome.kind !== "completed") throw new Error(`${outcome.kind}: ${outcome.evidence}`);
  const read = VERDICTS[role].read(outcome.verdict);
  if (!read.ok) throw new Error(read.failure);
  return read.value;
}

export function git(directory: string, ...args: string[]): void {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"];
  execFileSync("git", [...identity, ...args], { cwd: directory, stdio: "pipe" });
}

export function commitAll(directory: string): void {
  git(directory, "add", "--all");
  git(directory, "commit", "--quiet", "--allow-empty", "--message", "work");
}

export function startRepository(directory: string): void {
  git(directory, "init", "--quiet", "--initial-branch=main");
  commitAll(directory);
  git(directory, "switch", "--quiet", "--create", "agent/issue-7");
}
