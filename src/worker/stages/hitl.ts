// Hitl carries out what a person decided about an issue that waits for one. The answer stands in the state before
// anything is done with it, so an interrupted run starts again with the same answer.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { labelName } from "../../core/domain/stage.ts";
import { VERDICTS } from "../agent/contract/verdict.ts";
import type { HitlAnswer, HitlEnd, HitlState, IssueState } from "../state/issue-state.ts";
import { questionOf } from "../state/issue-way.ts";
import { AgentSession } from "../workbench/agent-session.ts";
import { gitHubOutcome, gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, type StageOutcome } from "../pipeline/stage-outcome.ts";
import { hitlPrompt } from "../prompt/hitl-prompt.ts";
import { readChange } from "../protection/change-under-review.ts";
import {
  commitAndGate,
  finishedTurn,
  finishedWork,
  requireGate,
  type Work,
  type WorkParts,
} from "../workbench/commit-and-gate.ts";
import { quoted } from "../issues/issue-text.ts";
import { currentApproval } from "../protection/protection-check.ts";
import { commandOf } from "../issues/person-word.ts";
import { findPull, pushWork } from "../workbench/pull-request.ts";
import { readPlan } from "../workbench/saved-plan.ts";
import { takenAwayOutcome } from "../workbench/taken-away.ts";

export async function hitl(context: StageContext, run: StageRun, signal: AbortSignal): Promise<StageOutcome> {
  const asked = questionOf(run.state());
  if (asked === null) return { kind: "skip", reason: "nobody knows what the question was" };
  const { said: answer } = asked;
  if (answer === null) return { kind: "skip", reason: "nobody has answered yet" };
  if (answer.is === "end") return given(answer);
  const isApproval = commandOf(answer.last) === "approve";
  if (answer.door === "review") return back(asked, answer);
  if (isApproval && asked.cause === "ci") return waive(context, run, asked, signal);
  // Nothing is to be changed: what GitHub refused is tried again.
  if (isApproval && asked.origin === "review" && asked.cause === "git") return back(asked, answer);
  await run.change((state) => withGuidance(state, answer));
  if (asked.resumes) return back(asked, answer);
  if (asked.origin !== "ready" && asked.origin !== "review") return back(asked, answer);
  // The work is done and was only kept from being pushed, so it is tried again as it is.
  if (run.state().kept !== null) return back(asked, answer);
  const active = await context.github.addLabels(
    run.issue.number,
    [labelName(context.config.labelPrefix, "hitl-active")],
    signal,
  );
  if (!active.ok) return gitHubOutcome(active.failure);
  const opened = await context.workspaces.open(run.issue.number, context.baseBranch, signal);
  if (!opened.ok) return gitOutcome(opened.failure);
  const parts = { context, run, workspace: opened.value };
  if (asked.cause === "review" && isApproval) return approve(parts, asked, answer, signal);
  const worked = await work(parts, asked.question, signal);
  return worked.ok ? back(asked, answer) : worked.failure;
}

function given({ decision, reason }: HitlEnd): StageOutcome {
  if (decision === "skip")
    return {
      kind: "close",
      result: "skipped",
      reason,
      comment: {
        key: "skipped",
        body: `Skipped: ${quoted(reason)}\n\nLabel it anew to let HydraFlow look at it again.`,
      },
    };
  return { kind: "close", result: "closed", reason, comment: { key: "closed", body: `Closed: ${quoted(reason)}` } };
}

function back(asked: HitlState, answer: HitlAnswer): StageOutcome {
  return {
    kind: "advance",
    to: asked.origin,
    note: `answered by ${answer.by}`,
    change: { reviewRounds: 0, ciFixes: 0, branchUpdates: 0 },
  };
}

/** Waives the checks that the question was about, for the commit as it is. */
async function waive(
  context: StageContext,
  run: StageRun,
  asked: HitlState,
  signal: AbortSignal,
): Promise<StageOutcome> {
  const { askedChecks: checks, pull: number, ciFixes } = run.state();
  const pull = number === null ? null : await context.github.pull(number, signal);
  if (pull !== null && !pull.ok) return gitHubOutcome(pull.failure);
  if (pull === null || asked.said?.is !== "answer")
    return { kind: "skip", reason: "there is no pull request to let pass" };
  const { by, at, commentId, lastSeen } = asked.said;
  const waived = { of: "", paths: [], checks, head: pull.value.headSha, by, at, commentId, lastSeen };
  const outcome = back(asked, asked.said);
  return outcome.kind === "advance" ? { ...outcome, change: { ...outcome.change, ciFixes, waived } } : outcome;
}

async function approve(
  parts: WorkParts,
  asked: HitlState,
  answer: HitlAnswer,
  signal: AbortSignal,
): Promise<StageOutcome> {
  const { workspace } = parts;
  const approval = await currentApproval(parts, signal);
  if (!approval.ok) return approval.failure;
  const head = await workspace.work.headSha(signal);
  if (!head.ok) return gitOutcome(head.failure);
  const change = await readChange(parts, head.value, signal);
  if (!change.ok) return change.failure;
  const outcome = back(asked, answer);
  const { by, at, commentId, lastSeen } = answer;
  const approved = { ...approval.value, checks: [], head: head.value, by, at, commentId, lastSeen };
  const reviewed = { sha: head.value, files: change.value.digests };
  return outcome.kind === "advance" ? { ...outcome, change: { ...outcome.change, approved, reviewed } } : outcome;
}

/** Checks and, where there is a pull request, pushes what comes of the answer; no talk that fails repeats the turn. */
async function work(parts: WorkParts, question: string, signal: AbortSignal): Promise<Result<undefined, StageOutcome>> {
  const { context, run } = parts;
  const built = (await finishedWork(parts, signal)) ?? (await build(parts, question, signal));
  if (!built.ok) return built;
  const taken = await takenAwayOutcome(context, run, signal);
  if (taken !== null) return fail(taken);
  const pull = await findPull(context, run, signal);
  if (!pull.ok) return pull;
  return pull.value?.state === "open" ? pushWork(parts, built.value.sha, signal) : ok();
}

/** The agent does what the answer asks for. */
async function build(parts: WorkParts, question: string, signal: AbortSignal): Promise<Result<Work, StageOutcome>> {
  const { run } = parts;
  const gate = await requireGate(parts, signal);
  if (!gate.ok) return gate;
  const session = new AgentSession(parts);
  const asked = { ...parts, session, question, gateCommand: gate.value };
  const turned = finishedTurn(parts) ?? (await takeTurn(asked, signal));
  if (!turned.ok) return turned;
  const summary = turned.value;
  const sha = await commitAndGate({ ...parts, gateCommand: gate.value, session, role: "hitl" }, signal);
  if (!sha.ok) return sha;
  await run.mark({ at: "gated", sha: sha.value, summary });
  return ok({ sha: sha.value, summary });
}

interface TurnParts extends WorkParts {
  readonly session: AgentSession;
  readonly question: string;
  readonly gateCommand: string;
}

/** Returns the agent's summary of what it did. */
async function takeTurn(parts: TurnParts, signal: AbortSignal): Promise<Result<string, StageOutcome>> {
  const { context, run, session, question, gateCommand } = parts;
  const plan = await readPlan(context, run);
  const prompt = hitlPrompt({ issue: run.issue, plan, state: run.state(), question, gateCommand });
  const verdict = await session.turn({ role: "hitl", prompt, access: "write", verdict: VERDICTS.hitl }, signal);
  if (!verdict.ok) return verdict;
  const { outcome, summary, question: next } = verdict.value;
  if (outcome === "needs_input") return fail(handOff("question", next ?? summary));
  await run.mark({ at: "turned", session: run.sessionId, summary });
  return ok(summary);
}

/** Adds the answer once, however often the run is taken up again. */
function withGuidance(state: IssueState, { text, by, at }: HitlAnswer): IssueState {
  if (state.guidance.some((known) => known.at === at && known.by === by)) return state;
  return { ...state, guidance: [...state.guidance, { text, by, at }] };
}
