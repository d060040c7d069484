// These rules protect the branches of the GitHub in memory, and it refuses a merge in the words of "About protected
// branches" and "Available rules for rulesets", as GitHub's API gives them.

import type { CheckState, MergeMethod, MergeRequest, PullRequest } from "../../src/worker/github/port/github.ts";
import type { Refusal } from "./memory-failure.ts";
import type { MemoryGitHub } from "./memory-github.ts";

export interface MemoryRules {
  /** A ruleset lists everything that is missing below one headline; protection names the first. */
  readonly isRuleset?: boolean;
  readonly approvals?: number;
  readonly dismissStale?: boolean;
  /** One of these logins must approve. */
  readonly codeOwners?: readonly string[];
  readonly checks?: readonly string[];
  /** The head must hold the base's last commit. */
  readonly strict?: boolean;
  readonly signatures?: boolean;
  readonly conversations?: boolean;
  readonly restrictedTo?: readonly string[];
  readonly queue?: boolean;
}

const METHOD_NAMES = { merge: "Merge commits", squash: "Squash merges", rebase: "Rebase merges" } as const;

export interface MergeAttempt {
  readonly pull: PullRequest;
  readonly login: string;
  readonly request: MergeRequest;
  /** The queue itself need not queue, and merges in its own way. */
  readonly isQueue: boolean;
}

/** Gives null where nothing stands in the way. */
export async function mergeRefusal(world: MemoryGitHub, attempt: MergeAttempt): Promise<Refusal | null> {
  const { pull, request, isQueue } = attempt;
  if (world.isBaseRaced) {
    world.isBaseRaced = false;
    return { status: 405, message: "Base branch was modified. Review and try the merge again." };
  }
  if (pull.state === "closed") return { status: 405, message: "Pull Request is not mergeable" };
  if (pull.draft) return { status: 405, message: "Pull Request is still a draft" };
  if (pull.headSha !== request.headSha) {
    return { status: 409, message: "Head branch was modified. Review and try the merge again." };
  }
  if (!isQueue && !world.mergeMethods.includes(request.method)) return methodRefusal(request.method);
  const found = await violations(world, attempt);
  const [first] = found;
  if (first !== undefined) {
    const message = `Repository rule violations found\n\n${found.map((text) => `${text}\n\n`).join("")}`;
    return { status: 405, message: world.rules.isRuleset === true ? message : first };
  }
  return world.conflicts.has(pull.number) ? { status: 405, message: "Pull Request is not mergeable" } : null;
}

/** Says whether a queued pull request waits on, rather than being put out. */
export function isPassing({ message }: Refusal): boolean {
  return /\b(is|are) (expected|pending)\b/.test(message);
}

function methodRefusal(method: MergeMethod): Refusal {
  return { status: 405, message: `${METHOD_NAMES[method]} are not allowed on this repository.` };
}

async function violations(world: MemoryGitHub, attempt: MergeAttempt): Promise<string[]> {
  const { rules } = world;
  const { pull, login, isQueue } = attempt;
  if (pull.baseBranch !== world.defaultBranch) return [];
  const commitsMissing = rules.strict === true ? await world.branches.aheadBy(pull.headBranch, pull.baseBranch) : 0;
  const threads = world.stored(pull.number).openThreads;
  return [
    ...(rules.queue === true && !isQueue ? ["Changes must be made through the merge queue"] : []),
    ...reviewViolations(world, pull),
    ...checkViolations(world, pull.headSha, (commitsMissing ?? 0) > 0),
    ...(rules.conversations === true && threads > 0
      ? ["A conversation must be resolved before this pull request can be merged."]
      : []),
    ...(rules.signatures === true ? ["Commits must have verified signatures."] : []),
    ...(rules.restrictedTo?.includes(login) === false ? ["You're not authorized to push to this branch."] : []),
  ];
}

function reviewViolations(world: MemoryGitHub, pull: PullRequest): string[] {
  const { approvals = 0, codeOwners = [] } = world.rules;
  const counted = world
    .reviewsOf(pull.number)
    .filter(({ author, state }) => state !== "COMMENTED" && author !== pull.author && world.mayWrite(author));
  const verdicts = new Map(counted.map(({ author, state }) => [author.toLowerCase(), state]));
  const approved = [...verdicts].filter(([, state]) => state === "APPROVED").map(([author]) => author);
  const isOwned = codeOwners.length === 0 || codeOwners.some((owner) => approved.includes(owner.toLowerCase()));
  const wanted = approvals === 1 ? "1 approving review is" : `${approvals} approving reviews are`;
  return [
    ...(approved.length < approvals ? [`At least ${wanted} required by reviewers with write access.`] : []),
    ...(isOwned ? [] : [`Waiting on code owner review from ${codeOwners.join(" and/or ")}.`]),
  ];
}

function checkViolations(world: MemoryGitHub, sha: string, isBehind: boolean): string[] {
  const { checks = [] } = world.rules;
  const state = world.checksOf(sha);
  const open = checks
    .map((name) => ({ name, word: isBehind ? "expected" : wordOf(state, name) }))
    .filter(({ word }) => word !== "good");
  const [first] = open;
  if (first === undefined) return [];
  return open.length === 1
    ? [`Required status check "${first.name}" is ${first.word}.`]
    : [`${open.length} of ${checks.length} required status checks are ${first.word}.`];
}

function wordOf(state: CheckState, name: string): "good" | "expected" | "pending" | "failing" {
  if (state.kind === "passed") return state.names.includes(name) ? "good" : "expected";
  if (state.kind === "failed") return state.failed.some((check) => check.name === name) ? "failing" : "pending";
  return state.kind === "none" ? "expected" : "pending";
}
