// Takes people's answers in, by comment or through the API.
//
// I1 An answer is on disk before anybody is told that it was taken.
// I2 The first answer counts. The API refuses a later one, and a later comment is passed over.

import { fail, ok, type Result } from "../../core/base/result.ts";
import type { StageLabel } from "../../core/domain/stage.ts";
import type { ControlFailure } from "../../core/messages/supervisor-control.ts";
import type { GitHubFailure, Issue } from "../github/port/github.ts";
import type { HitlAnswer, HitlState, IssueState, Word } from "../state/issue-state.ts";
import { outcomeOf, questionOf, runOf } from "../state/issue-way.ts";
import type { IssueStore } from "../issues/issue-store.ts";
import { isMovedOn, mergeSigns } from "../merge/approvers.ts";
import { ANSWER_CHARACTERS_MAX, findAnswer } from "../issues/hitl-answer.ts";
import { commandOf } from "../issues/person-word.ts";
import { isDecided, putOnHold, takeWord } from "../pipeline/question-record.ts";
import { failedCall } from "../waits/run-waits.ts";
import type { StageContext } from "../pipeline/stage-context.ts";
import type { WaitBook } from "../waits/wait-book.ts";

/**
 * GitHub's times are whole seconds and its replicas lag: a change may hide behind an `updatedAt` that was seen already.
 */
const UNSURE_MS = 5_000;
const COMMENTS_TIMEOUT_MS = 5_000;
const MARK = "inbox";
const ON_HOLD = "A person put this issue on hold with the label. What is to be done?";

/**
 * Says when an issue's comments were read while it had this `updatedAt`. After UNSURE_MS they are read again only when
 * that changes.
 */
interface Look {
  readonly updatedAt: string;
  readonly firstMs: number;
  readonly lastMs: number;
}

export class HitlInbox {
  readonly #context: StageContext;
  readonly #store: IssueStore;
  readonly #waits: WaitBook;
  readonly #seen = new Map<number, Look>();

  constructor(context: StageContext, store: IssueStore, waits: WaitBook) {
    this.#context = context;
    this.#store = store;
    this.#waits = waits;
  }

  /** Reads the comments of every issue that waits and has changed. */
  async look(signal: AbortSignal): Promise<void> {
    const waiting = this.#store.queues().hitl.queued;
    for (const number of this.#seen.keys())
      if (!waiting.some((issue) => issue.number === number)) this.#seen.delete(number);
    for (const { number } of waiting) {
      // Reading the other issues took time, in which this one may have been answered, moved or closed.
      const issue = this.#store.findQueued(number, "hitl");
      const asked = issue === undefined ? null : await this.#askedOf(issue);
      if (issue === undefined || asked === null || isDecided(asked)) this.#waits.clear(number, MARK);
      else this.#note(issue, await this.#lookAt(issue, asked, signal));
    }
  }

  /** Notes a wait for an issue whose answers cannot be read, so that it does not wait in silence. */
  #note(issue: Issue, failure: GitHubFailure | null): void {
    const { number } = issue;
    if (failure === null) return this.#waits.clear(number, MARK);
    // The issue may have been transferred. Out of its queue the reconciler looks at it, and puts it back if GitHub has
    // it.
    if (failure.kind === "not-found") return this.#store.put({ ...issue, state: "closed" });
    const waiting = failedCall(failure);
    this.#waits.note(number, { ...waiting, reason: `answers cannot be read: ${waiting.reason}`, mark: MARK });
  }

  /** Returns what kept the issue's answers from being read; null when nothing did. */
  async #lookAt(issue: Issue, asked: HitlState, signal: AbortSignal): Promise<GitHubFailure | null> {
    const unread = await this.#readReviews(issue, asked, signal);
    const seen = this.#seen.get(issue.number);
    const before = seen?.updatedAt === issue.updatedAt ? seen : null;
    if (before !== null && before.lastMs - before.firstMs >= UNSURE_MS) return unread;
    const nowMs = this.#context.clock.monotonicMs();
    const failure = await this.#read(issue, asked, signal);
    if (failure !== null) return failure;
    this.#seen.set(issue.number, { updatedAt: issue.updatedAt, firstMs: before?.firstMs ?? nowMs, lastMs: nowMs });
    return unread;
  }

  async answer(issue: number, text: string, by: string): Promise<Result<undefined, ControlFailure>> {
    const { clock, github } = this.#context;
    // Later comments may take the answer back. Their times are GitHub's, so the newest comment marks the moment.
    const comments = await github.comments(issue, AbortSignal.timeout(COMMENTS_TIMEOUT_MS));
    const lastSeen = comments.ok ? comments.value.reduce((newest, { id }) => Math.max(newest, id), 0) || null : null;
    const at = clock.now().toISOString();
    const words = text.slice(0, ANSWER_CHARACTERS_MAX);
    return this.#decide(
      issue,
      { is: "answer", text: words, last: words.trim(), by, door: "api", at, commentId: null, lastSeen },
      by,
    );
  }

  end(
    issue: number,
    decision: "skip" | "close",
    reason: string,
    by: string,
  ): Promise<Result<undefined, ControlFailure>> {
    return this.#decide(issue, { is: "end", decision, reason: reason.slice(0, ANSWER_CHARACTERS_MAX) }, by);
  }

  async #read(issue: Issue, asked: HitlState, signal: AbortSignal): Promise<GitHubFailure | null> {
    const { github, state, emit } = this.#context;
    const comments = await github.comments(issue.number, signal);
    if (!comments.ok) return comments.failure;
    const answer = await findAnswer(github, comments.value, asked, signal);
    if (!answer.ok) return answer.failure;
    if (answer.value !== null) {
      const given = answer.value;
      // I1, I2
      await state.update(issue.number, (old) => takeWord(old, wordOf(given)));
      emit({ type: "hitl.answered", issue: issue.number, by: given.by, door: "comment" });
    }
    return null;
  }

  /**
   * Has the merge tried again once the pull request has changed on GitHub, be it by what was waited for or otherwise.
   */
  async #readReviews(issue: Issue, { awaits }: HitlState, signal: AbortSignal): Promise<GitHubFailure | null> {
    const { state, emit, clock } = this.#context;
    const { pull } = state.issue(issue.number);
    if (awaits === null || pull === null) return null;
    const seen = await mergeSigns(this.#context.github, pull, signal);
    if (!seen.ok) return seen.failure;
    if (!isMovedOn(awaits, seen.value)) return null;
    const by = "GitHub";
    const text = `#${pull} has changed on GitHub`;
    const at = clock.now().toISOString();
    const said: Word = {
      is: "answer",
      text,
      last: "",
      by,
      door: "review",
      at,
      commentId: null,
      lastSeen: null,
    };
    // I1, I2
    await state.update(issue.number, (old) => takeWord(old, said));
    emit({ type: "hitl.answered", issue: issue.number, by, door: "review" });
    return null;
  }

  async #decide(number: number, said: Word, by: string): Promise<Result<undefined, ControlFailure>> {
    const { state, emit } = this.#context;
    const issue = this.#store.findQueued(number, "hitl");
    const asked = issue === undefined ? questionOf(state.issue(number)) : await this.#askedOf(issue);
    if (asked === null) return fail({ code: "not_found", message: `issue ${number} does not wait for an answer` });
    let taken = false;
    await state.update(number, (old) => {
      // I2
      const next = takeWord(old, said);
      taken = next !== old;
      return next;
    });
    if (!taken)
      return fail({ code: "busy", message: `issue ${number} has its answer already, which is being worked in` });
    // I1: the state has it.
    emit({ type: "hitl.answered", issue: number, by, door: "api" });
    return ok();
  }

  /** Returns null while the question is still being asked. An issue that a person put on hold by hand gets one here. */
  async #askedOf(issue: Issue): Promise<HitlState | null> {
    const { state } = this.#context;
    const known = state.issue(issue.number);
    const asked = questionOf(known);
    if (asked !== null || runOf(known) !== null) return asked;
    const hold: HitlState = {
      question: ON_HOLD,
      cause: "question",
      origin: originOf(known),
      askedAt: issue.updatedAt,
      commentId: null,
      awaits: null,
      resumes: false,
      said: null,
    };
    await state.update(issue.number, (old) => putOnHold(old, hold));
    return questionOf(state.issue(issue.number));
  }
}

/** A comment that is the word `skip` or `close` ends the issue; everything else is an answer. */
function wordOf(answer: HitlAnswer): Word {
  const command = commandOf(answer.last);
  if (command !== "skip" && command !== "close") return { is: "answer", ...answer };
  return { is: "end", decision: command, reason: `${answer.by} said so in a comment` };
}

/** Says how far the issue had come, by what the state has of it; an issue that had ended begins again. */
function originOf(state: IssueState): StageLabel {
  const { pull, plan } = state;
  if (outcomeOf(state) !== null) return "find";
  if (pull !== null) return "review";
  return plan === null ? "find" : "ready";
}
