// A branch has a merge queue where its rules demand one. A pull request enters it, and is merged some time after its
// required checks are green; a failed check, a conflict or a push takes it out again.

import { fail, ok, type Result } from "../../core/base/result.ts";
import { messageOf } from "../../core/base/errors.ts";
import type { ApiAnswer } from "../api/api-answer.ts";
import { queueMethod } from "../store/branch-rules.ts";
import { emit, type ForgeCore, isoNow, saveAll, type Write } from "../kernel/forge-core.ts";
import { addEvent } from "../issues/issue-events.ts";
import { mergeRefusal } from "./merge-rules.ts";
import { mergePull } from "./pull-merge.ts";
import { isInQueue, leaveQueue } from "./queue-entry.ts";
import { isPull, type PullIssue } from "../store/repository-record.ts";
import type { StoredRepository } from "../store/repository-store.ts";

/** A queued pull request waits through these refusals. */
const PASSING = /\b(?:is|are) (?:expected|pending)\b/;
const COUNTED = /have not succeeded: \d+ (?:expected|pending)\b/;

export class MergeQueue {
  readonly #turns = new Set<Promise<void>>();
  readonly #notified = new Set<number>();
  #core: ForgeCore | undefined;

  /** The queue gets the core after its own making, because the core holds the queue. */
  open(core: ForgeCore): void {
    this.#core = core;
  }

  /** Looks at the queue of this repository again, after its delay. */
  notify(repository: StoredRepository): void {
    const core = this.#core;
    const { id } = repository.record;
    if (core === undefined || this.#notified.has(id) || queued(repository).length === 0) return;
    this.#notified.add(id);
    const turn = this.#turn(core, repository).finally(() => this.#turns.delete(turn));
    this.#turns.add(turn);
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#turns.size > 0) await Promise.all(this.#turns);
  }

  /** Never rejects: a forge that closes ends the wait. */
  async #turn(core: ForgeCore, repository: StoredRepository): Promise<void> {
    try {
      await core.clock.sleep(repository.record.settings.queueDelayMs, core.signal);
      this.#notified.delete(repository.record.id);
      for (const issue of queued(repository)) await advance(core, repository, issue);
      await saveAll(core, repository);
    } catch (thrown) {
      this.#notified.delete(repository.record.id);
      if (!core.signal.aborted) core.log({ type: "queue.broken", reason: messageOf(thrown) });
    }
  }
}

/** Gives GitHub's words where the pull request cannot enter. */
export async function enterQueue(
  write: Write,
  issue: PullIssue,
  expectedHead: string | null,
  signal: AbortSignal,
): Promise<Result<undefined, string>> {
  const { pull } = issue;
  const method = queueMethod(write.repository.record, pull.baseBranch);
  if (method === null) return fail("Merge queue is not enabled for this branch");
  if (issue.state === "closed" || pull.draft) return fail("Pull request is not in a mergeable state");
  if (expectedHead !== null && expectedHead !== pull.headSha) return fail("Head sha didn't match expected head sha");
  if (isInQueue(issue)) return fail("Pull request is already in the queue");
  const question = { actor: write.cause.actor, method, isQueue: true };
  const refused = await mergeRefusal(write.repository, issue, question, signal);
  const words = refused === null ? null : wordsOf(refused);
  if (words !== null && !isPassing(words)) return fail(words);
  pull.queued = { at: isoNow(write.core), headSha: pull.headSha, actor: write.cause.actor };
  addEvent(write, issue, { event: "added_to_merge_queue" });
  emit(write, { kind: "queue.entered", number: issue.number, detail: { head: pull.headSha } });
  write.core.queue.notify(write.repository);
  return ok();
}

async function advance(core: ForgeCore, repository: StoredRepository, issue: PullIssue): Promise<void> {
  const { queued: entry, baseBranch } = issue.pull;
  const method = queueMethod(repository.record, baseBranch);
  if (entry === undefined || entry === null) return;
  const write = { core, repository, cause: { actor: entry.actor, method: "LOCAL", path: "" } };
  if (method === null) return leaveQueue(write, issue);
  const merged = await mergePull(write, issue, { method, sha: entry.headSha, isQueue: true }, core.signal);
  if (merged.ok) return;
  const words = wordsOf(merged.failure);
  if (!isPassing(words)) leaveQueue(write, issue);
}

function isPassing(words: string): boolean {
  return PASSING.test(words) || (COUNTED.test(words) && !words.includes("failing"));
}

function queued({ record }: StoredRepository): PullIssue[] {
  return record.issues.filter(isPull).filter((issue) => issue.state === "open" && isInQueue(issue));
}

function wordsOf(refused: ApiAnswer): string {
  return (refused.body as { message: string }).message.trim();
}
