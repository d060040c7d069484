// Whenever refs move, however they were moved, this file brings along the ledger and the push event, new heads of pull
// requests (and CI for them), pull requests whose branch went away, and those whose commits reached the base branch by
// hand.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { type ApiAnswer, refusal } from "../api/api-answer.ts";
import { emit, isoNow, type Write } from "../kernel/forge-core.ts";
import { closeIssue, emitIssue } from "../issues/issue-writes.ts";
import { suiteFor } from "../checks/check-suites.ts";
import { closeByCommits, markMerged } from "./pull-merged.ts";
import { dismissStale, openPulls } from "./pull-writes.ts";
import { leaveQueue } from "./queue-entry.ts";
import type { PullIssue } from "../store/repository-record.ts";

const NO_COMMIT = "0".repeat(40);

/** Brings the records up to what git says now, and makes every difference known. */
export function followRefs(write: Write, signal: AbortSignal): Promise<void> {
  return write.repository.refTurns.run(() => followRefsInTurn(write, signal));
}

/** Does the same for callers that hold the repository's turn already. */
export async function followRefsInTurn(write: Write, signal: AbortSignal): Promise<void> {
  const now = await write.repository.git.refs(signal);
  const before = write.repository.record.refs;
  const moved = emitMoves(write, now);
  if (moved.size === 0) return;
  for (const issue of openPulls(write)) await followPull(write, issue, moved, signal);
  await followBranches(write, before, moved, signal);
}

/** Makes suites and CI for what was pushed, and closes the issues that commits on the default branch close. */
async function followBranches(
  write: Write,
  before: Readonly<Record<string, string>>,
  moved: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const { record } = write.repository;
  for (const ref of moved) {
    const to = record.refs[ref];
    const branch = /^refs\/heads\/(.+)$/.exec(ref)?.[1];
    if (to === undefined || branch === undefined) continue;
    for (const app of record.settings.suiteApps) suiteFor(write, { headSha: to, app, headBranch: branch });
    if (branch !== record.defaultBranch) continue;
    write.core.ci.start(write, to, "push");
    await closeByCommits(write, before[ref] ?? null, to, signal);
  }
}

export function deleteRef(write: Write, ref: string, signal: AbortSignal): Promise<Result<undefined, ApiAnswer>> {
  const { repository } = write;
  return repository.refTurns.run(async () => {
    await followRefsInTurn(write, signal);
    const sha = repository.record.refs[ref];
    if (sha === undefined || !(await repository.git.updateRef(ref, null, sha, signal))) {
      return fail(refusal(422, "Reference does not exist"));
    }
    await followRefsInTurn(write, signal);
    return ok();
  });
}

/** Gives the full names of the refs that moved. */
function emitMoves(write: Write, now: ReadonlyMap<string, string>): Set<string> {
  const { record } = write.repository;
  const before = record.refs;
  record.refs = Object.fromEntries(now);
  const moved = [...new Set([...Object.keys(before), ...now.keys()])].filter((ref) => before[ref] !== now.get(ref));
  if (moved.length > 0) record.pushedAt = isoNow(write.core);
  for (const ref of moved) {
    const from = before[ref];
    const to = now.get(ref);
    emit(write, {
      kind: from === undefined ? "ref.created" : to === undefined ? "ref.deleted" : "ref.updated",
      detail: { ref, from: from ?? null, to: to ?? null },
      event: { name: "push", payload: () => pushPayload(write, ref, from ?? NO_COMMIT, to ?? NO_COMMIT) },
    });
  }
  return new Set(moved);
}

async function followPull(
  write: Write,
  issue: PullIssue,
  moved: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<void> {
  const { record, git } = write.repository;
  const { pull } = issue;
  const headRef = `refs/heads/${pull.headBranch}`;
  const baseRef = `refs/heads/${pull.baseBranch}`;
  if (!moved.has(headRef) && !moved.has(baseRef)) return;
  const head = record.refs[headRef];
  const base = record.refs[baseRef];
  const isContained = base !== undefined && (await git.isAncestor(head ?? pull.headSha, base, signal));
  if (isContained && moved.has(baseRef)) {
    pull.headSha = head ?? pull.headSha;
    await markMerged(write, issue, base);
  } else if (isContained || head === undefined || base === undefined) {
    closeIssue(write, issue, null);
  } else {
    pull.baseSha = base;
    if (head !== pull.headSha) await moveHead(write, issue, head, signal);
  }
}

async function moveHead(write: Write, issue: PullIssue, head: string, signal: AbortSignal): Promise<void> {
  const before = issue.pull.headSha;
  issue.pull.headSha = head;
  issue.updatedAt = isoNow(write.core);
  emitIssue(write, issue, { kind: "synchronized", action: "synchronize", detail: { before, after: head } });
  await write.repository.git.pin(`refs/pull/${issue.number}/head`, head, signal);
  leaveQueue(write, issue);
  dismissStale(write, issue);
  write.core.ci.start(write, head, "pull_request");
}

function pushPayload({ cause }: Write, ref: string, before: string, after: string): Record<string, unknown> {
  return {
    ref,
    before,
    after,
    created: before === NO_COMMIT,
    deleted: after === NO_COMMIT,
    forced: false,
    base_ref: null,
    compare: "",
    commits: [],
    head_commit: null,
    pusher: { name: cause.actor },
  };
}
