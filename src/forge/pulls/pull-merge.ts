// The merge button merges a pull request into its base.
//
// I1 A merge is refused unless the pull request is open, ready, unchanged and free of conflicts.
// I2 The new commit is made first and the base branch moves by compare-and-swap, so that a push in between is never
//    overwritten.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { type ApiAnswer, refusal } from "../api/api-answer.ts";
import type { Write } from "../kernel/forge-core.ts";
import { makeMerge, type MergeMethod } from "../git/merge-method.ts";
import { mergeRefusal } from "./merge-rules.ts";
import { markMerged } from "./pull-merged.ts";
import { followRefsInTurn } from "./ref-writes.ts";
import type { PullIssue } from "../store/repository-record.ts";
import { noreplyEmail } from "../views/user-view.ts";

const COMMITS_LISTED_MAX = 100;

export interface MergeInput {
  readonly method: MergeMethod;
  /** The merge is refused unless the head is still this commit (I1). */
  readonly sha?: string | undefined;
  readonly title?: string | undefined;
  readonly message?: string | undefined;
  /** The merge queue merges in its own way, past the rule that demands it. */
  readonly isQueue?: boolean | undefined;
}

/** Gives the new tip of the base branch. */
export function mergePull(
  write: Write,
  issue: PullIssue,
  input: MergeInput,
  signal: AbortSignal,
): Promise<Result<string, ApiAnswer>> {
  return write.repository.refTurns.run(() => mergeInTurn(write, issue, input, signal));
}

async function mergeInTurn(
  write: Write,
  issue: PullIssue,
  input: MergeInput,
  signal: AbortSignal,
): Promise<Result<string, ApiAnswer>> {
  await followRefsInTurn(write, signal);
  const { pull } = issue;
  const { git } = write.repository;
  // I1
  if (issue.state === "closed") return fail(refusal(405, "Pull Request is not mergeable"));
  if (pull.draft) return fail(refusal(405, "Pull Request is still a draft"));
  if (input.sha !== undefined && input.sha !== pull.headSha) {
    return fail(refusal(409, "Head branch was modified. Review and try the merge again."));
  }
  const question = { actor: write.cause.actor, method: input.method, isQueue: input.isQueue ?? false };
  const refused = await mergeRefusal(write.repository, issue, question, signal);
  if (refused !== null) return fail(refused);
  const message = await messageOf(write, issue, input, signal);
  const author = { name: issue.author, email: noreplyEmail(issue.author) };
  const tip = await makeMerge(
    git,
    { base: pull.baseSha, head: pull.headSha, method: input.method, message, author },
    signal,
  );
  if (tip === null) return fail(refusal(405, "Pull Request is not mergeable"));
  // I2
  if (!(await git.updateRef(`refs/heads/${pull.baseBranch}`, tip, pull.baseSha, signal))) {
    return fail(refusal(405, "Base branch was modified. Review and try the merge again."));
  }
  await markMerged(write, issue, tip);
  const { deleteBranchOnMerge } = write.repository.record.settings;
  if (deleteBranchOnMerge) await git.updateRef(`refs/heads/${pull.headBranch}`, null, pull.headSha, signal);
  await followRefsInTurn(write, signal);
  return ok(tip);
}

async function messageOf(write: Write, issue: PullIssue, input: MergeInput, signal: AbortSignal): Promise<string> {
  const { record, git } = write.repository;
  const { pull } = issue;
  if (input.method === "squash") {
    const commits = await git.commits(`${pull.baseSha}..${pull.headSha}`, COMMITS_LISTED_MAX, signal);
    const list = commits.toReversed().map((commit) => `* ${commit.message}`);
    return joinMessage(input.title ?? `${issue.title} (#${issue.number})`, input.message ?? list.join("\n\n"));
  }
  const title = input.title ?? `Merge pull request #${issue.number} from ${record.owner}/${pull.headBranch}`;
  return joinMessage(title, input.message ?? issue.title);
}

function joinMessage(title: string, body: string): string {
  return body === "" ? title : `${title}\n\n${body}`;
}
