// Ends every stretch of work that may have changed files: it commits, runs the gate on a fresh checkout of exactly that
// commit, and lets the agent mend what the gate shows, a bounded number of times. Whoever gets a sha back may push it.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { VERDICTS } from "../agent/contract/verdict.ts";
import { findGateCommand, findGateSetup, type GateResult, type ReadFile, runGate } from "./gate.ts";
import type { AgentSession } from "./agent-session.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, startOver, type StageOutcome } from "../pipeline/stage-outcome.ts";
import type { Workspace } from "../pipeline/workspace.ts";
import { gateFixPrompt } from "../prompt/implement-prompt.ts";
import { codeBlock, titleOf } from "../issues/issue-text.ts";

/** The agent has to know this, because it sees its own worktree, where more lies about. */
const WHERE = "run in a fresh checkout of the commit, without anything that git ignores";

export interface WorkParts {
  readonly context: StageContext;
  readonly run: StageRun;
  readonly workspace: Workspace;
}

export interface CommitAndGateOptions extends WorkParts {
  readonly gateCommand: string;
  readonly session: AgentSession;
  readonly role: "implement" | "hitl";
}

/** Finds the repository's gate; where there is none, a person is asked. */
export async function requireGate(
  { context, workspace }: WorkParts,
  signal: AbortSignal,
): Promise<Result<string, StageOutcome>> {
  const command = await findGateCommand(context.config.gateCommand, committedFiles(workspace, signal));
  if (!command.ok) return fail(gitOutcome(command.failure));
  if (command.value !== null) return ok(command.value);
  return fail(
    handOff(
      "question",
      "I cannot tell how this repository is checked: there is no `quality` target in a Makefile and no `test` script in package.json. " +
        'Set `gateCommand` in `.hydraflow/config.json`, for instance `{"gateCommand": "make test"}`, restart the worker, and answer here.',
    ),
  );
}

/** The work of one run that is committed, and that the gate was green for. */
export interface Work {
  readonly sha: string;
  readonly summary: string;
}

/** Returns what this run committed and checked before it was interrupted, if that is still the branch's head. */
export async function finishedWork(
  { run, workspace }: WorkParts,
  signal: AbortSignal,
): Promise<Result<Work, StageOutcome> | null> {
  if (run.step.at !== "gated") return null;
  const head = await workspace.work.headSha(signal);
  if (!head.ok) return fail(gitOutcome(head.failure));
  return head.value === run.step.sha ? ok({ sha: run.step.sha, summary: run.step.summary }) : null;
}

/** Returns what this run's agent has said of the work that it did, if what comes after that is still to be done. */
export function finishedTurn({ run }: WorkParts): Result<string, never> | null {
  return run.step.at === "turned" ? ok(run.step.summary) : null;
}

/** Returns the sha that the gate was green for. */
export async function commitAndGate(
  options: CommitAndGateOptions,
  signal: AbortSignal,
): Promise<Result<string, StageOutcome>> {
  const { context, run, session, role } = options;
  for (let fixes = 0; ; fixes += 1) {
    const sha = await commitWork(
      options,
      fixes === 0 ? titleOf(run.issue) : `quality-fix: ${titleOf(run.issue)}`,
      signal,
    );
    if (!sha.ok) return sha;
    const gate = await checkWork(options, sha.value, signal);
    if (!gate.ok) return gate;
    const { passed, what, command, output } = gate.value;
    if (passed) return sha;
    if (fixes === context.config.maxQualityFixAttempts) {
      const feedback = `The last attempt failed the ${what} \`${command}\`, ${WHERE}:\n${output}`;
      return fail(
        startOver(`the ${what} \`${command}\` fails`, { feedback }, `Its last output:\n\n${codeBlock(output)}`),
      );
    }
    const fixed = await session.turn(
      {
        role,
        prompt: gateFixPrompt(role, run.issue, command, `[the ${what}, ${WHERE}]\n${output}`),
        access: "write",
        verdict: VERDICTS[role],
      },
      signal,
    );
    if (!fixed.ok) return fail(fixed.failure.kind === "retry" ? { ...fixed.failure, startsOver: true } : fixed.failure);
    if (fixed.value.outcome === "needs_input")
      return fail(handOff("question", fixed.value.question ?? fixed.value.summary));
  }
}

/** Commits everything in the worktree. Returns the head afterwards, even when there was nothing to commit. */
async function commitWork(
  { workspace }: WorkParts,
  message: string,
  signal: AbortSignal,
): Promise<Result<string, StageOutcome>> {
  const committed = await workspace.work.commitAll(message, signal);
  if (!committed.ok) {
    // The agent left the branch, or a merge half done: what it made cannot be told from the rest, so it is taken back.
    if (committed.failure.kind === "conflict") await workspace.discard(signal);
    const outcome = gitOutcome(committed.failure);
    if (outcome.kind !== "retry") return fail(outcome);
    if (committed.failure.kind === "conflict") return fail(startOver(outcome.reason));
    if (committed.failure.kind !== "failed") return fail(outcome);
    // A name or an attribute that git refuses is the agent's to mend, and the next attempt begins without these files.
    const feedback = `The files of the last attempt could not be committed:\n${committed.failure.message}`;
    return fail(startOver(outcome.reason, { feedback }));
  }
  const head = await workspace.work.headSha(signal);
  return head.ok ? head : fail(gitOutcome(head.failure));
}

/** Runs the gate on a fresh checkout of `sha`: nothing else that lies in the worktree can make it green, or red. */
async function checkWork(
  { context, run, workspace, gateCommand }: CommitAndGateOptions,
  sha: string,
  signal: AbortSignal,
): Promise<Result<GateResult, StageOutcome>> {
  const startedMs = context.clock.monotonicMs();
  const { config, environment, marks, redact, paths } = context;
  const setup = await findGateSetup(config.gateSetupCommand, committedFiles(workspace, signal));
  if (!setup.ok) return fail(gitOutcome(setup.failure));
  const made = await workspace.freshCheckout(sha, signal);
  if (!made.ok) return fail(gitOutcome(made.failure));
  await using checkout = made.value;
  const options = {
    command: gateCommand,
    setup: setup.value,
    directory: checkout.path,
    homes: paths.gates,
    issue: run.issue.number,
    groups: paths.groups,
    timeoutMs: config.gateTimeoutMs,
    environment,
    names: config.agentEnvironment,
    marks,
    redact,
  };
  const ran = await workspace.guarded(() => runGate(options, signal), signal);
  if (!ran.ok) return fail(gitOutcome(ran.failure));
  if (signal.aborted) return fail({ kind: "interrupted" });
  const durationMs = Math.round(context.clock.monotonicMs() - startedMs);
  context.emit({ type: "gate.ended", issue: run.issue.number, run: run.id, passed: ran.value.passed, durationMs });
  return ran;
}

function committedFiles({ work }: Workspace, signal: AbortSignal): ReadFile {
  return (name) => work.readFile(name, signal);
}
