// Whether a person must look at a change before it may be merged, and what exactly a person has let pass. See
// protected-paths.ts for the rules.

import { fail, ok, type Result } from "../../core/result.ts";
import type { PullRequest } from "../github/github.ts";
import { gitOutcome } from "../pipeline/failure-outcome.ts";
import { handOff, type StageOutcome } from "../pipeline/stage-outcome.ts";
import type { WorkParts } from "./finish-work.ts";
import { approvalOf, protectedPaths, protectedQuestion } from "./protected-paths.ts";

/** Far more than a prompt takes; enough to judge protected paths by. */
const DIFF_BYTES_MAX = 4 * 1_048_576;

/** Null when the change touches nothing protected, or a person has let pass exactly this. */
export async function protectedOutcome(
  { run, workspace }: WorkParts,
  pull: PullRequest,
  signal: AbortSignal,
): Promise<StageOutcome | null> {
  const changed = await workspace.work.changedFiles(workspace.baseSha, signal);
  if (!changed.ok) return gitOutcome(changed.failure);
  const paths = protectedPaths(changed.value);
  if (paths.length === 0) return null;
  const approval = await protectedApproval(workspace, signal);
  if (!approval.ok) return approval.failure;
  return approval.value === run.state().approved?.of ? null : handOff("review", protectedQuestion(pull.number, paths));
}

/** Of the work branch as it is now; see protected-paths.ts. */
export async function protectedApproval(
  workspace: WorkParts["workspace"],
  signal: AbortSignal,
): Promise<Result<string, StageOutcome>> {
  const diff = await workspace.work.diff(workspace.baseSha, signal, DIFF_BYTES_MAX);
  if (!diff.ok) return fail(gitOutcome(diff.failure));
  if (diff.value.truncated)
    return fail(
      handOff(
        "review",
        "The change is too large to tell which part of it a person has approved. Merge it yourself, or make it smaller.",
      ),
    );
  return ok(approvalOf(diff.value.text));
}
