// Implement lets an agent build the plan in the issue's worktree; we commit, check, push and open the pull request.
// After a crash it goes on from what git, the journal and the run's step show: work that the gate was green for is not
// redone.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { VERDICTS } from "../agent/contract/verdict.ts";
import { AgentSession } from "../workbench/agent-session.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, startOver, type StageOutcome } from "../pipeline/stage-outcome.ts";
import { implementPrompt } from "../prompt/implement-prompt.ts";
import {
  commitAndGate,
  finishedTurn,
  finishedWork,
  requireGate,
  type Work,
  type WorkParts,
} from "../workbench/commit-and-gate.ts";
import { pullComment } from "../issues/issue-text.ts";
import { closedPullOutcome, ensurePull, pushedShas, pushWork, takeInRemoteWork } from "../workbench/pull-request.ts";
import { readPlan } from "../workbench/saved-plan.ts";
import { takenAwayOutcome } from "../workbench/taken-away.ts";

export async function implement(context: StageContext, run: StageRun, signal: AbortSignal): Promise<StageOutcome> {
  const opened = await context.workspaces.open(run.issue.number, context.baseBranch, signal);
  if (!opened.ok) return gitOutcome(opened.failure);
  const parts = { context, run, workspace: opened.value };
  const plan = await readPlan(context, run);
  const work = (await finishedWork(parts, signal)) ?? (await build(parts, plan, signal));
  if (!work.ok) return work.failure;
  const taken = await takenAwayOutcome(context, run, signal);
  if (taken !== null) return taken;
  const pushed = await pushWork(parts, work.value.sha, signal);
  if (!pushed.ok) return keptWith(pushed.failure, work.value);
  const pull = await ensurePull(context, run, { summary: work.value.summary, plan }, signal);
  if (!pull.ok) return pull.failure;
  const closed = closedPullOutcome(pull.value);
  // A merged pull request goes on to the review, which settles it.
  if (closed !== null && !pull.value.merged) return closed;
  const comment = { key: "implemented", body: pullComment(pull.value, work.value.summary) };
  return {
    kind: "advance",
    to: "review",
    note: `implemented in #${pull.value.number}`,
    comment,
    change: { feedback: null },
  };
}

/** Keeps the work that a person is asked about, so that it is not made a second time when they have answered. */
function keptWith(failure: StageOutcome, kept: Work): StageOutcome {
  return failure.kind === "hand-off" ? { ...failure, change: { ...failure.change, kept } } : failure;
}

async function build(parts: WorkParts, plan: string | null, signal: AbortSignal): Promise<Result<Work, StageOutcome>> {
  const { run, workspace } = parts;
  const gate = await requireGate(parts, signal);
  if (!gate.ok) return gate;
  const session = new AgentSession(parts);
  const turned = finishedTurn(parts) ?? (await takeTurn({ ...parts, session, plan, gateCommand: gate.value }, signal));
  if (!turned.ok) return turned;
  const summary = turned.value;
  const sha = await commitAndGate({ ...parts, gateCommand: gate.value, session, role: "implement" }, signal);
  if (!sha.ok) return sha;
  const changed = await workspace.work.changedFiles(workspace.baseSha, signal);
  if (!changed.ok) return fail(gitOutcome(changed.failure));
  // An agent's word that it is done proves nothing; git's does.
  if (changed.value.length === 0)
    return fail(startOver("the agent said that it is done, but nothing differs from the base branch"));
  await run.mark({ at: "gated", sha: sha.value, summary });
  return ok({ sha: sha.value, summary });
}

interface TurnParts extends WorkParts {
  readonly session: AgentSession;
  readonly plan: string | null;
  readonly gateCommand: string;
}

/** Returns the agent's summary of the work that it says is done. */
async function takeTurn(parts: TurnParts, signal: AbortSignal): Promise<Result<string, StageOutcome>> {
  const { run, session, plan, gateCommand } = parts;
  const current = run.step.at === "prompted" ? ok() : await startClean(parts, signal);
  if (!current.ok) return current;
  const prompt = implementPrompt({ issue: run.issue, plan, state: run.state(), gateCommand });
  const verdict = await session.turn(
    { role: "implement", prompt, access: "write", verdict: VERDICTS.implement },
    signal,
  );
  if (!verdict.ok) return verdict;
  const { outcome, summary, question } = verdict.value;
  if (outcome === "needs_input") return fail(handOff("question", question ?? summary));
  await run.mark({ at: "turned", session: run.sessionId, summary });
  return ok(summary);
}

/** A new attempt begins on what is committed; the uncommitted rest of a failed one is not built upon. */
async function startClean(
  { context, run, workspace }: WorkParts,
  signal: AbortSignal,
): Promise<Result<undefined, StageOutcome>> {
  const discarded = await workspace.discard(signal);
  if (!discarded.ok) return fail(gitOutcome(discarded.failure));
  const taken = await takeInRemoteWork(
    { work: workspace.work, branch: workspace.branch, pushed: pushedShas(context, run) },
    signal,
  );
  return taken.ok ? ok() : taken;
}
