// Lets an agent mend what the checks of an approved pull request show. What comes of it is a change like any other:
// gated, pushed, and reviewed before it is merged.

import { randomUUID } from "node:crypto";

import { VERDICTS } from "../agent/contract/verdict.ts";
import type { CheckProblem } from "../github/port/github.ts";
import { AgentSession } from "../workbench/agent-session.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import { handOff, type StageOutcome, wait } from "../pipeline/stage-outcome.ts";
import { ciFixPrompt } from "../prompt/implement-prompt.ts";
import type { ApprovedPull } from "./approved-pull.ts";
import { commitAndGate, requireGate } from "../workbench/commit-and-gate.ts";
import { pushWork } from "../workbench/pull-request.ts";
import { takenAwayOutcome } from "../workbench/taken-away.ts";

export async function mendChecks(
  approved: ApprovedPull,
  failed: readonly CheckProblem[],
  signal: AbortSignal,
): Promise<StageOutcome> {
  const { context, run, pull, step } = approved;
  const log = failed.map(({ name, summary, url }) => `${name}: ${summary} (${url})`).join("\n");
  const { ciFixes } = run.state();
  if (ciFixes >= context.config.maxCiFixAttempts)
    return unmended(
      `The checks of #${pull.number} still fail after ${ciFixes} attempts to mend them:\n\n${log}`,
      failed,
    );
  const opened = await context.workspaces.open(run.issue.number, context.baseBranch, signal);
  if (!opened.ok) return gitOutcome(opened.failure);
  const parts = { context, run, workspace: opened.value };
  const discarded = await opened.value.discard(signal);
  if (!discarded.ok) return gitOutcome(discarded.failure);
  const gate = await requireGate(parts, signal);
  if (!gate.ok) return gate.failure;
  const session = new AgentSession({ ...parts, sessionId: randomUUID() });
  const verdict = await session.turn(
    { role: "implement", prompt: ciFixPrompt(run.issue, log), access: "write", verdict: VERDICTS.implement },
    signal,
  );
  if (!verdict.ok) return verdict.failure;
  if (verdict.value.outcome === "needs_input") return handOff("ci", verdict.value.question ?? verdict.value.summary);
  const sha = await commitAndGate({ ...parts, gateCommand: gate.value, session, role: "implement" }, signal);
  if (!sha.ok) return sha.failure;
  if (sha.value === step.sha)
    return unmended(`The checks of #${pull.number} fail, and the agent found nothing to change:\n\n${log}`, failed);
  // Nothing of it is approved, so the review comes first, and no agent mends it again, whatever happens from here on.
  await run.change((state) => ({ ...state, ciFixes: state.ciFixes + 1 }));
  await run.mark({ at: "begun" });
  const taken = await takenAwayOutcome(context, run, signal);
  if (taken !== null) return taken;
  const pushed = await pushWork(parts, sha.value, signal);
  if (!pushed.ok) return pushed.failure;
  return wait(`what was mended in #${pull.number} is to be reviewed`, context.clock.now());
}

function unmended(problem: string, failed: readonly CheckProblem[]): StageOutcome {
  const question = `${problem}\n\nSay what is to be changed, or answer \`approve\` to merge it all the same.`;
  return { kind: "hand-off", cause: "ci", question, change: { askedChecks: failed.map(({ name }) => name) } };
}
