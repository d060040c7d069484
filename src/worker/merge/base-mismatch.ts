// Checks that a pull request goes to the branch that its work was made and reviewed against. A person may send it
// elsewhere at any time, and a repository may take another default branch while it is open.

import type { PullRequest } from "../github/port/github.ts";
import { gitHubOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext } from "../pipeline/stage-context.ts";
import { handOut, type StageOutcome, wait } from "../pipeline/stage-outcome.ts";

/** Returns null where both are the same branch. */
export async function baseMismatchOutcome(
  { github, baseBranch, config }: Pick<StageContext, "github" | "baseBranch" | "config">,
  { number, baseBranch: goesTo }: Pick<PullRequest, "number" | "baseBranch">,
  signal: AbortSignal,
): Promise<StageOutcome | null> {
  if (goesTo === baseBranch) return null;
  if (config.baseBranch === undefined) {
    const repository = await github.repository(signal);
    if (!repository.ok) return gitHubOutcome(repository.failure);
    // GitHub sends open pull requests along with a renamed branch, and we go on there as soon as nothing is in flight.
    if (repository.value.defaultBranch === goesTo)
      return wait(`#${number} goes to '${goesTo}' as the default branch does by now`, null, "git-base");
  }
  return handOut(
    "git",
    `#${number} goes to \`${goesTo}\`, but the work on this issue is made for \`${baseBranch}\` and is reviewed against it, so it is neither reviewed nor merged.\n\nLet the pull request go to \`${baseBranch}\` (edit its base on GitHub) and answer here, or merge it yourself, or skip or close this issue.`,
  );
}
