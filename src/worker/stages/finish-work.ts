// Ends every stretch of work that may have changed files: commit, run the gate on exactly that commit, let the agent mend
// what the gate shows, a bounded number of times. Who gets a sha back may push it.

import { join } from "node:path";

import { fail, ok, type Result } from "../../core/result.ts";
import { VERDICTS } from "../agent/verdict.ts";
import { findGateCommand, type GateResult, runGate } from "../pipeline/gate.ts";
import type { AgentSession } from "../pipeline/agent-session.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, retry, type StageOutcome } from "../pipeline/stage-outcome.ts";
import type { Workspace } from "../pipeline/workspace.ts";
import { gateFixPrompt } from "../prompt/implement-prompt.ts";
import { titleOf } from "./issue-text.ts";

export interface WorkParts {
  readonly context: StageContext;
  readonly run: StageRun;
  readonly workspace: Workspace;
}

export interface FinishOptions extends WorkParts {
  readonly gateCommand: string;
  readonly session: AgentSession;
  readonly role: "implement" | "hitl";
}

/** The repository's gate, or the question for a person where there is none. */
export async function requireGate({ context, workspace }: WorkParts): Promise<Result<string, StageOutcome>> {
  const command = await findGateCommand(context.config.gateCommand, workspace.path);
  if (command !== null) return ok(command);
  return fail(
    handOff(
      "question",
      "I cannot tell how this repository is checked: there is no `quality` target in a Makefile and no `test` script in package.json. " +
        'Set `gateCommand` in `.hydraflow/config.json`, for instance `{"gateCommand": "make test"}`, restart the worker, and answer here.',
    ),
  );
}

/** The sha that the gate was green for. */
export async function finishWork(options: FinishOptions, signal: AbortSignal): Promise<Result<string, StageOutcome>> {
  const { context, run, session, role, gateCommand } = options;
  for (let fixes = 0; ; fixes += 1) {
    const sha = await commitWork(
      options,
      fixes === 0 ? titleOf(run.issue) : `quality-fix: ${titleOf(run.issue)}`,
      signal,
    );
    if (!sha.ok) return sha;
    const gate = await checkWork(options, gateCommand, signal);
    if (!gate.ok) return gate;
    if (gate.value.passed) return sha;
    if (fixes === context.config.maxQualityFixAttempts) {
      const feedback = `The last attempt failed the quality gate \`${gateCommand}\`:\n${gate.value.output}`;
      return fail(retry(`the quality gate \`${gateCommand}\` fails`, { feedback }));
    }
    const fixed = await session.turn(
      {
        role,
        prompt: gateFixPrompt(role, run.issue, gateCommand, gate.value.output),
        access: "write",
        verdict: VERDICTS[role],
      },
      signal,
    );
    if (!fixed.ok) return fixed;
    if (fixed.value.outcome === "needs_input")
      return fail(handOff("question", fixed.value.question ?? fixed.value.summary));
  }
}

/** Everything in the worktree as a commit of ours; the head afterwards, also when there was nothing to commit. */
async function commitWork(
  { workspace }: WorkParts,
  message: string,
  signal: AbortSignal,
): Promise<Result<string, StageOutcome>> {
  const committed = await workspace.work.commitAll(message, signal);
  if (!committed.ok) {
    // The agent left the branch, or a merge half done: what it made cannot be told from the rest, so it is taken back.
    if (committed.failure.kind === "conflict") await workspace.discard(signal);
    return fail(gitOutcome(committed.failure));
  }
  const head = await workspace.work.headSha(signal);
  return head.ok ? head : fail(gitOutcome(head.failure));
}

/** Runs the gate on what is committed; what it leaves behind in the worktree is taken away. */
async function checkWork(
  { context, run, workspace }: WorkParts,
  command: string,
  signal: AbortSignal,
): Promise<Result<GateResult, StageOutcome>> {
  const startedMs = context.clock.monotonicMs();
  const { config, environment, marks, redact, paths } = context;
  const options = {
    command,
    directory: workspace.path,
    home: join(paths.agentHomes, `issue-${run.issue.number}`),
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
  context.tell({ type: "gate.ended", issue: run.issue.number, run: run.id, passed: ran.value.passed, durationMs });
  const cleaned = await workspace.discard(signal);
  return cleaned.ok ? ran : fail(gitOutcome(cleaned.failure));
}
