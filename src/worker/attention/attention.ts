// Finds the issue whose text makes the worker stand still. Before a text is read, its issue's number is dropped where
// the next process finds it; a silence that began after that counts against the issue. At the second silence the issue
// is a suspect: it goes to a person, and as long as that person has not answered through a door, nobody here reads its
// text again.
//
// I1 A suspect's text reaches no code of ours: attentive-github.ts hands out empty words for it.
// I2 Silences are on disk before the work begins, so that the count outlives whatever comes next; where the disk takes
//    nothing, this process still counts them.
// I3 An answer counts only against the silences before it: an issue that silences us after its answer is a suspect
//    again.

import { AsyncLocalStorage } from "node:async_hooks";
import { join } from "node:path";

import { readTextIfExists, replaceFile } from "../../core/files/durable-file.ts";
import { parseJsonObject } from "../../core/files/json-lines.ts";
import { z } from "../../core/base/schema.ts";
import type { Silence } from "../../core/messages/worker-message.ts";
import type { HitlCause, HitlState, IssueState } from "../state/issue-state.ts";
import { questionOf } from "../state/issue-way.ts";
import { Breadcrumb, readCrumb } from "./breadcrumb.ts";

const SILENCES_MAX = 2;
/** An issue that silences us even as a suspect is left alone for so long. */
const LEAVE_MS = 86_400_000;
/** A single silence is forgotten after this long: the machine may have been asleep. */
const FORGET_MS = 7 * 86_400_000;
/** The supervisor hears a heartbeat a little later than it was sent. */
const HEARD_LATE_MS = 1_000;
const FILE_BYTES_MAX = 1_048_576;
const QUESTION_BEFORE_UNITS_MAX = 1_000;

const documentSchema = z.strictObject({
  issues: z.record(z.string(), z.strictObject({ silences: z.int(), lastAt: z.iso.datetime() })),
});

type Record = z.infer<typeof documentSchema>["issues"][string];

export interface AttentionOptions {
  readonly dataRoot: string;
  /** The process before this one ended silent, in this way; null when it did not. */
  readonly silence: Silence | null;
  readonly state: {
    issue(number: number): Pick<IssueState, "way" | "pull" | "askedChecks">;
    issues(): ReadonlyMap<number, Pick<IssueState, "pull">>;
  };
}

/** A person is asked this about a suspect. */
export interface Suspicion {
  readonly cause: HitlCause;
  readonly question: string;
  readonly resumes: boolean;
  readonly awaits: string | null;
  readonly isSuspicion: true;
  /** The checks that the question before asked about are kept. */
  readonly change: Partial<Pick<IssueState, "askedChecks">>;
}

export class Attention implements Disposable {
  readonly #path: string;
  readonly #state: AttentionOptions["state"];
  readonly #breadcrumb: Breadcrumb;
  readonly #issues: Map<number, Record>;
  readonly #about = new AsyncLocalStorage<number>();

  static async open({ dataRoot, silence, state }: AttentionOptions): Promise<Attention> {
    const path = join(dataRoot, "attention.json");
    const crumbPath = join(dataRoot, "attention.crumb");
    const issues = await readIssues(path);
    const crumb = silence === null ? null : readCrumb(crumbPath);
    if (silence !== null && crumb !== null && crumb.atMs >= Date.parse(silence.heardAt) - HEARD_LATE_MS)
      count(issues, crumb.issue, silence.at);
    const attention = new Attention({ path, state, issues, breadcrumb: new Breadcrumb(crumbPath) });
    if (crumb !== null) await attention.#save();
    return attention;
  }

  private constructor(parts: {
    path: string;
    state: AttentionOptions["state"];
    issues: Map<number, Record>;
    breadcrumb: Breadcrumb;
  }) {
    this.#path = parts.path;
    this.#state = parts.state;
    this.#issues = parts.issues;
    this.#breadcrumb = parts.breadcrumb;
  }

  /**
   * The next text is this issue's, or its pull request's; by default it belongs to the issue that we are in the work
   * of.
   */
  turnTo(number: number | null = this.#about.getStore() ?? null): void {
    this.#breadcrumb.drop(number === null ? null : this.#issueOf(number));
  }

  /** Every text that is read within `work` is this issue's, unless somebody names another. */
  about<T>(issue: number, work: () => T): T {
    return this.#about.run(issue, work);
  }

  /** I1: says whose text stays unread. It takes the number of an issue, or of its pull request. */
  isSuspect(number: number): boolean {
    const [issue, known] = this.#knownOf(number);
    if (known === undefined || known.silences < SILENCES_MAX) return false;
    const hitl = questionOf(this.#state.issue(issue));
    const answer = isOurs(hitl) && hitl?.said?.is === "answer" ? hitl.said : null;
    // I3: the answer must be newer than the last silence.
    if (answer === null || answer.at <= known.lastAt) return true;
    this.#issues.delete(issue);
    void this.#save();
    return false;
  }

  /** The issue silenced us although nobody but GitHub's client met its text: it is asked for once a day at most. */
  isUntouchable(number: number): boolean {
    const [, known] = this.#knownOf(number);
    if (known === undefined || known.silences <= SILENCES_MAX || !this.isSuspect(number)) return false;
    return Math.abs(Date.now() - Date.parse(known.lastAt)) < LEAVE_MS;
  }

  /** A person should be asked about the issue, and has not been. */
  isUnasked(issue: number): boolean {
    return this.isSuspect(issue) && !isOurs(questionOf(this.#state.issue(issue)));
  }

  /** Returns null when nothing is held against the issue, or when a person has ended it, which needs no text. */
  suspicion(issue: number): Suspicion | null {
    const state = this.#state.issue(issue);
    const hitl = questionOf(state);
    if (!this.isSuspect(issue) || hitl?.said?.is === "end") return null;
    const own =
      `The worker of this repository fell silent ${SILENCES_MAX} times while it read the text of this issue, so the text is not read any more: ` +
      "title, description, comments and what belongs to its pull request.\n\n" +
      "Shorten or delete what is unusual in it, very long comments first. Then answer with `hydraflow hitl answer`, " +
      "on the dashboard or over HTTP; comments on this issue are not read until then. Or end it there with skip or close.";
    if (hitl === null)
      return { cause: "not-ready", question: own, resumes: true, awaits: null, isSuspicion: true, change: {} };
    const { cause, resumes, awaits } = hitl;
    const before = hitl.question.slice(0, QUESTION_BEFORE_UNITS_MAX);
    const question = isOurs(hitl)
      ? hitl.question
      : `${own}\n\nIt waited for an answer to this before, and still does:\n\n${before}`;
    return { cause, question, resumes, awaits, isSuspicion: true, change: { askedChecks: state.askedChecks } };
  }

  [Symbol.dispose](): void {
    this.#breadcrumb[Symbol.dispose]();
  }

  /** Every issue in a list is asked about, so we search only those that something is held against. */
  #knownOf(number: number): [number, Record | undefined] {
    const own = this.#issues.get(number);
    if (own !== undefined) return [number, own];
    for (const [issue, known] of this.#issues) if (this.#state.issue(issue).pull === number) return [issue, known];
    return [number, undefined];
  }

  #issueOf(number: number): number {
    if (this.#issues.has(number)) return number;
    for (const [issue, { pull }] of this.#state.issues()) if (pull === number) return issue;
    return number;
  }

  /** I2: a disk that refuses leaves the count in memory alone; the next silence tries again. */
  #save(): Promise<void> {
    const issues = Object.fromEntries(this.#issues);
    return replaceFile(this.#path, `${JSON.stringify({ issues })}\n`).catch(() => undefined);
  }
}

function isOurs(hitl: HitlState | null): boolean {
  return hitl?.isSuspicion === true;
}

/** A damaged file counts as none, and the counting begins anew. */
async function readIssues(path: string): Promise<Map<number, Record>> {
  const text = await readTextIfExists(path, FILE_BYTES_MAX).catch(() => undefined);
  const parsed = z.safeParse(documentSchema, text === undefined ? undefined : parseJsonObject(text));
  return new Map(Object.entries(parsed.data?.issues ?? {}).map(([issue, record]) => [Number(issue), record]));
}

/** Counts each silence once, however often a process is spawned after it. */
function count(issues: Map<number, Record>, issue: number, at: string): void {
  const known = issues.get(issue);
  if (known?.lastAt === at) return;
  const isOld = known !== undefined && Date.parse(at) - Date.parse(known.lastAt) > FORGET_MS;
  const before = known === undefined || (isOld && known.silences < SILENCES_MAX) ? 0 : known.silences;
  issues.set(issue, { silences: before + 1, lastAt: at });
}
