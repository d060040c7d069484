// The last look before a merge at what needs a person's word: GitHub's own list of the pull request's files, and whether
// the word that was given still stands.

import type { PullRequest } from "../github/github.ts";
import { gitHubOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, type StageOutcome } from "../pipeline/stage-outcome.ts";
import { isStanding } from "./hitl-answer.ts";
import { protectedPaths, protectedQuestion } from "./protected-paths.ts";

/** Null when the change touches nothing protected, or a person has let pass all of it and has said nothing since. */
export async function unapprovedOutcome(
  context: StageContext,
  run: StageRun,
  pull: PullRequest,
  signal: AbortSignal,
): Promise<StageOutcome | null> {
  const { github } = context;
  const files = await github.pullFiles(pull.number, signal);
  if (!files.ok) return files.failure.retryable ? gitHubOutcome(files.failure) : handOff("review", unlisted(pull));
  const { approved } = run.state();
  const listed = protectedPaths(files.value, context.config);
  const unseen = listed.filter((path) => approved?.paths.includes(path) !== true);
  if (unseen.length > 0) return ask(run, protectedQuestion(pull.number, unseen));
  if (approved === null || listed.length === 0) return null;
  for (const number of [run.issue.number, pull.number]) {
    const comments = await github.comments(number, signal);
    if (!comments.ok) return gitHubOutcome(comments.failure);
    // The word stands on the issue; what people say on the pull request takes it back all the same.
    const since = number === run.issue.number ? approved : { commentId: null, at: approved.at };
    const stands = await isStanding(github, comments.value, since, signal);
    if (!stands.ok) return gitHubOutcome(stands.failure);
    if (!stands.value) return ask(run, withdrawn(pull, approved.by));
  }
  return null;
}

async function ask(run: StageRun, question: string): Promise<StageOutcome> {
  await run.mark({ at: "begun" });
  return { kind: "hand-off", cause: "review", question, change: { approved: null } };
}

function withdrawn(pull: PullRequest, by: string): string {
  return `#${pull.number} touches files that decide what may run or be merged here. ${by} had approved that, but something was said or changed after it, so it is not merged. Answer \`approve\`, alone, to let it be merged as it is, or say what is to be changed.`;
}

function unlisted(pull: PullRequest): string {
  return `#${pull.number} is approved by the reviewing agent, but GitHub does not list all the files that it changes, so nobody can tell whether it touches files that decide what may run here. Look at it and merge it yourself, or make it smaller.`;
}
