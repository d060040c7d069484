// Brings the work branch up to date before a review: it takes in what others pushed to it and the newest base, and the
// gate is green for what came out. A conflict goes to an agent once, then to a person.

import { randomUUID } from "node:crypto";

import { fail, ok, type Result } from "../../core/base/result.ts";
import type { Conflict } from "../git/commits/conflict.ts";
import { VERDICTS } from "../agent/contract/verdict.ts";
import { AgentSession } from "./agent-session.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import { handOff, type StageOutcome } from "../pipeline/stage-outcome.ts";
import { conflictPrompt } from "../prompt/implement-prompt.ts";
import { commitAndGate, requireGate, type WorkParts } from "./commit-and-gate.ts";
import { pushedShas, takeInRemoteWork } from "./pull-request.ts";

/** Returns the head of the branch, ready to be pushed. */
export async function updateBranch(parts: WorkParts, signal: AbortSignal): Promise<Result<string, StageOutcome>> {
  const { context, run, workspace } = parts;
  const discarded = await workspace.discard(signal);
  if (!discarded.ok) return fail(gitOutcome(discarded.failure));
  const taken = await takeInRemoteWork(
    { work: workspace.work, branch: workspace.branch, pushed: pushedShas(context, run) },
    signal,
  );
  if (!taken.ok) return taken;
  const merged = await workspace.work.mergeBase(context.baseBranch, signal, true);
  if (!merged.ok) return fail(gitOutcome(merged.failure));
  // Nothing is pushed that was not green, so only a head that the remote has needs no gate: an earlier attempt may have
  // left a merge here that it could not get green.
  if (merged.value.kind === "merged" && merged.value.head === taken.value) return ok(merged.value.head);
  const gate = await requireGate(parts, signal);
  if (!gate.ok) return gate;
  const session = new AgentSession({ ...parts, sessionId: randomUUID() });
  if (merged.value.kind === "conflict") {
    const resolved = await resolveConflict(parts, session, merged.value.conflict, signal);
    if (!resolved.ok) return resolved;
  }
  return commitAndGate({ ...parts, gateCommand: gate.value, session, role: "implement" }, signal);
}

/** The merge stands half done in the worktree; the commit that follows concludes it. */
async function resolveConflict(
  parts: WorkParts,
  session: AgentSession,
  conflict: Conflict,
  signal: AbortSignal,
): Promise<Result<undefined, StageOutcome>> {
  const { context, run, workspace } = parts;
  const prompt = conflictPrompt(run.issue, context.baseBranch, conflict.files);
  const verdict = await session.turn(
    { role: "implement", prompt, access: "write", verdict: VERDICTS.implement },
    signal,
  );
  if (!verdict.ok) return verdict;
  const open =
    verdict.value.outcome === "done" ? await workspace.work.unresolved(conflict, signal) : ok(conflict.files);
  if (!open.ok) return fail(gitOutcome(open.failure));
  if (open.value.length === 0) return ok();
  const discarded = await workspace.discard(signal);
  if (!discarded.ok) return fail(gitOutcome(discarded.failure));
  const names = open.value.map((file) => `\`${file}\``).join(", ");
  const said = verdict.value.question ?? verdict.value.summary;
  return fail(
    handOff(
      "conflict",
      `\`${workspace.branch}\` conflicts with \`${context.baseBranch}\` in ${names}, and the agent could not resolve it: ${said}\n\nHow do the two belong together? Or merge the base into the branch yourself and answer here.`,
    ),
  );
}
