// GitHub refuses to merge some pull requests that git could merge; this file has GitHub's own words for why. Classic
// protection names the first thing that is missing; rulesets list all of them under one headline.

import { type ApiAnswer, refusal } from "../api/api-answer.ts";
import { type BranchRules, rulesFor } from "../store/branch-rules.ts";
import { latestChecks, latestStatuses } from "../checks/check-writes.ts";
import { ownersOf } from "./code-owners.ts";
import { changedFiles } from "../git/changed-files.ts";
import type { MergeMethod } from "../git/merge-method.ts";
import { allows, permissionOf } from "../store/permission.ts";
import type { PullIssue, RepositoryRecord } from "../store/repository-record.ts";
import type { StoredRepository } from "../store/repository-store.ts";

const GOOD = ["success", "neutral", "skipped"];
const METHOD_NAMES = { merge: "Merge commits", squash: "Squash merges", rebase: "Rebase merges" } as const;

export interface MergeQuestion {
  readonly actor: string;
  readonly method: MergeMethod;
  /** The queue itself need not queue. */
  readonly isQueue: boolean;
}

/** Gives null where nothing stands in the way. */
export async function mergeRefusal(
  repository: StoredRepository,
  issue: PullIssue,
  question: MergeQuestion,
  signal: AbortSignal,
): Promise<ApiAnswer | null> {
  const { record } = repository;
  const rules = rulesFor(record, issue.pull.baseBranch);
  // A queue merges in its own way, whatever the repository lets people do.
  const allowed = question.isQueue ? [question.method] : record.settings.mergeMethods;
  if (!allowed.includes(question.method)) {
    return refusal(405, `${METHOD_NAMES[question.method]} are not allowed on this repository.`);
  }
  for (const each of rules) {
    const found = await violations(repository, issue, { rules: each, question }, signal);
    const [first] = found;
    if (first === undefined) continue;
    return each.source === "protection"
      ? refusal(405, first)
      : refusal(405, `Repository rule violations found\n\n${found.map((text) => `${text}\n\n`).join("")}`);
  }
  return null;
}

/** Says, for `mergeable_state`, whether the rules hold it back, and whether only because the base has moved. */
export async function ruleState(
  repository: StoredRepository,
  issue: PullIssue,
  signal: AbortSignal,
): Promise<"behind" | "blocked" | "free"> {
  const rules = rulesFor(repository.record, issue.pull.baseBranch);
  const question = { actor: issue.author, method: "merge" as const, isQueue: true };
  const isHeldBack = async (each: BranchRules): Promise<boolean> =>
    (await violations(repository, issue, { rules: { ...each, methods: null }, question }, signal)).length > 0;
  const blocked = await Promise.all(rules.map((each) => isHeldBack({ ...each, strict: false })));
  if (blocked.includes(true)) return "blocked";
  const behind = await Promise.all(rules.map((each) => isHeldBack(each)));
  return behind.includes(true) ? "behind" : "free";
}

async function violations(
  repository: StoredRepository,
  issue: PullIssue,
  { rules, question }: { rules: BranchRules; question: MergeQuestion },
  signal: AbortSignal,
): Promise<string[]> {
  const { record, git } = repository;
  const { pull } = issue;
  const isBehind = rules.strict && !(await git.isAncestor(pull.baseSha, pull.headSha, signal));
  const { restrictedTo } = rules;
  const isRestricted = restrictedTo !== null && !includesLogin(restrictedTo, question.actor);
  return [
    ...(rules.queue !== null && !question.isQueue ? ["Changes must be made through the merge queue"] : []),
    ...(rules.methods === null || rules.methods.includes(question.method)
      ? []
      : [`Merge method ${question.method} is not allowed by the rules of this branch`]),
    ...reviewViolations(record, issue, rules),
    ...(rules.codeOwners ? await ownerViolations(repository, issue, signal) : []),
    ...checkViolations(record, pull.headSha, rules.checks, isBehind),
    ...(rules.conversations && (pull.openThreads ?? 0) > 0
      ? ["A conversation must be resolved before this pull request can be merged."]
      : []),
    // The forge signs nothing, and nobody signs with a key that it knows.
    ...(rules.signatures ? ["Commits must have verified signatures."] : []),
    ...(isRestricted ? ["You're not authorized to push to this branch."] : []),
  ];
}

/** Gives the last verdict of each reviewer with write access; the author's own never counts. */
function verdicts(record: RepositoryRecord, issue: PullIssue): Map<string, string> {
  const counted = issue.pull.reviews.filter(
    ({ author, state }) =>
      state !== "COMMENTED" &&
      author.toLowerCase() !== issue.author.toLowerCase() &&
      allows(permissionOf(record, author), "write"),
  );
  return new Map(counted.map(({ author, state }) => [author.toLowerCase(), state]));
}

function reviewViolations(record: RepositoryRecord, issue: PullIssue, { approvals }: BranchRules): string[] {
  if (approvals === 0) return [];
  const states = [...verdicts(record, issue).values()];
  if (states.includes("CHANGES_REQUESTED")) return ["Changes must be approved: a reviewer has requested changes."];
  if (states.filter((state) => state === "APPROVED").length >= approvals) return [];
  const required = approvals === 1 ? "1 approving review is" : `${approvals} approving reviews are`;
  return [`At least ${required} required by reviewers with write access.`];
}

async function ownerViolations(
  { record, git }: StoredRepository,
  issue: PullIssue,
  signal: AbortSignal,
): Promise<string[]> {
  const { baseSha, headSha } = issue.pull;
  const files = await changedFiles(git, baseSha, headSha, signal);
  const asked = await ownersOf(
    git,
    baseSha,
    files.map(({ filename }) => filename),
    signal,
  );
  const approved = [...verdicts(record, issue)].filter(([, state]) => state === "APPROVED").map(([login]) => login);
  const missing = asked.filter((owners) => !owners.some((owner) => approved.includes(owner)));
  const names = [...new Set(missing.flat())];
  return names.length === 0 ? [] : [`Waiting on code owner review from ${names.join(" and/or ")}.`];
}

function checkViolations(
  record: RepositoryRecord,
  sha: string,
  required: readonly string[],
  isBehind: boolean,
): string[] {
  const states = required.map((name) => ({ name, state: isBehind ? "expected" : stateOf(record, sha, name) }));
  const open = states.filter(({ state }) => state !== "success");
  const [first] = open;
  if (first === undefined) return [];
  if (open.length === 1) return [`Required status check "${first.name}" is ${first.state}.`];
  return open.every(({ state }) => state === first.state)
    ? [`${open.length} of ${required.length} required status checks are ${first.state}.`]
    : [`${open.length} of ${required.length} required status checks have not succeeded: ${summary(open)}.`];
}

function stateOf(record: RepositoryRecord, sha: string, name: string): "success" | "expected" | "failing" | "pending" {
  const check = latestChecks(record.checks, sha).find((candidate) => candidate.name === name);
  if (check !== undefined) {
    if (check.status !== "completed") return "pending";
    return GOOD.includes(check.conclusion ?? "") ? "success" : "failing";
  }
  const status = latestStatuses(record.statuses, sha).find(({ context }) => context === name);
  if (status === undefined) return "expected";
  if (status.state === "pending") return "pending";
  return status.state === "success" ? "success" : "failing";
}

function summary(open: readonly { state: string }[]): string {
  const counts = Map.groupBy(open, ({ state }) => state);
  return [...counts].map(([state, list]) => `${list.length} ${state}`).join(" and ");
}

function includesLogin(logins: readonly string[], login: string): boolean {
  return logins.some((other) => other.toLowerCase() === login.toLowerCase());
}
