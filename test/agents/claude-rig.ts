// The real Claude Code runs under the real driver, in a real worktree, against a scripted model on loopback.

import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import type { AgentDriver, AgentOutcome, AgentTurn } from "../../src/worker/agent/contract/agent-driver.ts";
import { type ClaudeDriverOptions, createClaudeDriver } from "../../src/worker/agent/claude/claude-driver.ts";
import { VERDICTS } from "../../src/worker/agent/contract/verdict.ts";
import { type StubModelServer, type StubTurn, startStubModelServer } from "../support/stub-model-server.ts";
import { openWorkshop, type Workshop } from "../worker/agent/agent-workshop.ts";
import { installClaude } from "./install-agent.ts";

/** A run without the agent fails here, in one line. */
export const program = await installClaude();

export const NEVER = new AbortController().signal;
export const PATIENT = { startupMs: 60_000, silenceMs: 60_000, turnMs: 120_000 };
export const DONE = { outcome: "done", summary: "done" };

export function driverFor(model: StubModelServer, options: Partial<ClaudeDriverOptions> = {}): AgentDriver {
  const credentials = { ANTHROPIC_BASE_URL: model.url, ANTHROPIC_API_KEY: "stub" };
  return createClaudeDriver({
    command: program,
    environment: { PATH: process.env["PATH"], GITHUB_TOKEN: "not-for-agents", ...credentials },
    extraEnvironment: [...Object.keys(credentials), "GITHUB_TOKEN"],
    marks: { HYDRAFLOW_TREE: "tree", HYDRAFLOW_BIRTH: "spawn" },
    clocks: PATIENT,
    redact: (text) => text,
    ...options,
  });
}

export function git(directory: string, ...args: string[]): string {
  const identity = ["-c", "user.name=Test", "-c", "user.email=test@example.invalid"];
  return execFileSync("git", [...identity, ...args], { cwd: directory, encoding: "utf8" });
}

/** Makes a worktree of a repository with one commit, as the pipeline gives it to agents. */
export async function openWorktree(turn: Partial<AgentTurn> = {}): Promise<Workshop> {
  const workshop = await openWorkshop({ verdictSchema: VERDICTS.implement.schema, ...turn });
  const repository = join(workshop.root, "repository");
  mkdirSync(repository);
  git(repository, "init", "--quiet", "--initial-branch=main");
  writeFileSync(join(repository, "README.md"), "# Sample\n");
  git(repository, "add", "--all");
  git(repository, "commit", "--quiet", "--message", "first");
  git(repository, "worktree", "add", "--quiet", "-b", "agent/issue-1", workshop.turn.directory);
  return workshop;
}

export interface Run extends AsyncDisposable {
  readonly workshop: Workshop;
  readonly model: StubModelServer;
  readonly outcome: AgentOutcome;
}

/** Runs one turn of role implement against a model that answers with `turns`. */
export async function runTurns(
  turns: readonly StubTurn[],
  options: Partial<ClaudeDriverOptions> = {},
  turn: Partial<AgentTurn> = {},
): Promise<Run> {
  await using stack = new AsyncDisposableStack();
  const workshop = stack.use(await openWorktree(turn));
  const model = stack.use(await startStubModelServer([{ turns }]));
  const outcome = await driverFor(model, options).run(workshop.turn, workshop.emit, NEVER);
  const owned = stack.move();
  return { workshop, model, outcome, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
