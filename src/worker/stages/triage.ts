// Triage decides whether an issue can be worked on without asking anybody: by a cheap look at its length first, then by
// one turn of the agent, which may read the code.

import { VERDICTS } from "../agent/contract/verdict.ts";
import { AgentSession } from "../workbench/agent-session.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, type StageOutcome } from "../pipeline/stage-outcome.ts";
import { triagePrompt } from "../prompt/triage-prompt.ts";

const TITLE_LENGTH_MIN = 10;
const BODY_LENGTH_MIN = 50;

export async function triage(context: StageContext, run: StageRun, signal: AbortSignal): Promise<StageOutcome> {
  const { guidance } = run.state();
  const short = tooShort(run.issue, guidance.length > 0);
  if (short !== null) return handOff("not-ready", short);
  const opened = await context.workspaces.open(run.issue.number, context.baseBranch, signal);
  if (!opened.ok) return gitOutcome(opened.failure);
  const session = new AgentSession({ context, run, workspace: opened.value });
  const verdict = await session.turn(
    { role: "triage", prompt: triagePrompt(run.issue, guidance), access: "read", verdict: VERDICTS.triage },
    signal,
  );
  if (!verdict.ok) return verdict.failure;
  const { ready, reasons, type, complexity, question } = verdict.value;
  if (ready) return { kind: "advance", to: "plan", note: `triaged as ${type}, complexity ${complexity}` };
  const asked = question ?? "What exactly is wanted, and how can one see that it is done?";
  return handOff("not-ready", [...reasons.map((reason) => `- ${reason}`), "", asked].join("\n"));
}

/** Says what the issue lacks. What a person has added since in an answer counts as well. */
function tooShort(issue: { readonly title: string; readonly body: string }, hasAnswer: boolean): string | null {
  const lacks = [
    issue.title.trim().length < TITLE_LENGTH_MIN ? `a title of at least ${TITLE_LENGTH_MIN} characters` : null,
    issue.body.trim().length < BODY_LENGTH_MIN && !hasAnswer
      ? `a description of at least ${BODY_LENGTH_MIN} characters`
      : null,
  ].filter((lack) => lack !== null);
  if (lacks.length === 0 || hasAnswer) return null;
  return `The issue needs ${lacks.join(" and ")} before anybody can plan it. What is wanted, where, and how can one see that it is done?`;
}
