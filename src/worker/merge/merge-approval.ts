// Takes the last look before a merge at what people say: whether all that needs a person's word has it, by GitHub's own
// list of the pull request's files, whether that word still stands, and whether a reviewer has asked for changes on
// GitHub.

import type { GitHubFailure, PullRequest } from "../github/port/github.ts";
import type { Approval } from "../state/issue-state.ts";
import { gitHubOutcome } from "../pipeline/failure-outcome.ts";
import type { StageContext, StageRun } from "../pipeline/stage-context.ts";
import { handOff, type StageOutcome } from "../pipeline/stage-outcome.ts";
import { ok, type Result } from "../../core/base/result.ts";
import { hasReviewSince, mergeSigns, objectorsTo } from "./approvers.ts";
import { isStanding } from "../issues/hitl-answer.ts";
import { protectedPaths, protectedQuestion } from "../protection/protected-paths.ts";

/** Returns null when nothing that a person has said, or has not said, stands against merging this head. */
export async function objectionOutcome(
  context: StageContext,
  run: StageRun,
  pull: PullRequest,
  signal: AbortSignal,
): Promise<StageOutcome | null> {
  const files = await context.github.pullFiles(pull.number, signal);
  if (!files.ok)
    return files.failure.kind === "invalid" ? handOff("review", unlisted(pull)) : gitHubOutcome(files.failure);
  const { approved, waived } = run.state();
  const listed = protectedPaths(files.value, context.config);
  const unseen = listed.filter((path) => approved?.paths.includes(path) !== true);
  if (unseen.length > 0) return ask(run, protectedQuestion(pull.number, unseen));
  // A word that was given for an earlier head, and that nothing needs any more, does not count.
  const words = [
    approved !== null && (approved.paths.length > 0 || approved.head === pull.headSha) ? approved : null,
    waived?.head === pull.headSha ? waived : null,
  ].filter((word) => word !== null);
  for (const word of words) {
    const stands = await stillStands(context, run, pull, { word, signal });
    if (!stands.ok) return gitHubOutcome(stands.failure);
    if (!stands.value) return ask(run, withdrawn(pull, word.by));
  }
  const since = words.reduce((newest, { at }) => (at > newest ? at : newest), "");
  return objectors(context, pull, since, signal);
}

async function stillStands(
  { github }: StageContext,
  run: StageRun,
  pull: PullRequest,
  { word, signal }: { readonly word: Approval; readonly signal: AbortSignal },
): Promise<Result<boolean, GitHubFailure>> {
  for (const number of [run.issue.number, pull.number]) {
    const comments = await github.comments(number, signal);
    if (!comments.ok) return comments;
    // The word stands on the issue; what people say on the pull request takes it back all the same.
    const since = number === run.issue.number ? word : { ...word, commentId: null };
    const stands = await isStanding(github, comments.value, since, signal);
    if (!stands.ok || !stands.value) return stands;
  }
  const spoken = await hasReviewSince(github, { pull: pull.number, since: word.at }, signal);
  return spoken.ok ? ok(!spoken.value) : spoken;
}

/**
 * Hands the issue to a person while a reviewer wants changes on GitHub, who ends it there. The branch needs no
 * protection for that.
 */
async function objectors(
  { github }: StageContext,
  pull: PullRequest,
  since: string,
  signal: AbortSignal,
): Promise<StageOutcome | null> {
  const objecting = await objectorsTo(github, { pull: pull.number, since }, signal);
  if (!objecting.ok) return gitHubOutcome(objecting.failure);
  if (objecting.value.length === 0) return null;
  const awaits = await mergeSigns(github, pull.number, signal);
  if (!awaits.ok) return gitHubOutcome(awaits.failure);
  const question = `#${pull.number} is approved by the reviewing agent and its checks are green, but ${objecting.value.join(", ")} asked for changes in a review on GitHub.\n\nSay here what is to be changed, or let the reviewer approve it on GitHub, and the merge goes on by itself. Answer \`approve\` to merge it all the same.`;
  return { kind: "hand-off", cause: "review", awaits: awaits.value, question };
}

async function ask(run: StageRun, question: string): Promise<StageOutcome> {
  await run.mark({ at: "begun" });
  return { kind: "hand-off", cause: "review", question, change: { approved: null, waived: null } };
}

function withdrawn(pull: PullRequest, by: string): string {
  return `#${pull.number} is ready, and ${by} had approved what needs a person's word about it. But something was said or changed after that, so it is not merged. Answer \`approve\`, alone, to let it be merged as it is, or say what is to be changed.`;
}

function unlisted(pull: PullRequest): string {
  return `#${pull.number} is approved by the reviewing agent, but GitHub does not list all the files that it changes, so nobody can tell whether it touches files that decide what may run here. Look at it and merge it yourself, or make it smaller.`;
}
