// A client is one worker's connection to the GitHub in memory, and may be told to fail, to die, or to be somebody with
// fewer rights.

import { fail, ok, type Result } from "../../src/core/base/result.ts";
import {
  MERGE_METHODS,
  type CheckState,
  type Comment,
  type ExpectedChecks,
  type GitHub,
  type GitHubFailure,
  type Issue,
  type MergeBlocked,
  type MergeRequest,
  type PullRequest,
  type RateLimit,
  type TextHistory,
} from "../../src/worker/github/port/github.ts";
import {
  ARCHIVED,
  invalid,
  LOCKED,
  mergeRefused,
  NO_ISSUES,
  NO_RIGHT,
  NOT_FOUND,
  type Refusal,
  refused,
  REVOKED,
} from "./memory-failure.ts";
import { type Call, type Fault, FaultPlan, type Method } from "./memory-fault.ts";
import type { MemoryGitHub } from "./memory-github.ts";
import { expectedOf, historyOf } from "./memory-history.ts";
import { mergePull } from "./memory-merge.ts";
import { isPassing, mergeRefusal } from "./memory-rules.ts";

export interface MemoryClientOptions {
  readonly mayWrite?: boolean;
  /** It is false for the token of a workflow: GitHub does not say whose it is until it has written something. */
  readonly isKnown?: boolean;
  /** The token's permissions do not reach these. */
  readonly forbids?: readonly Method[];
}

/** Everybody who may read may do these; every other write needs write access. */
const OPEN_WRITES: ReadonlySet<Method> = new Set(["createComment", "updateComment", "createReview"]);
const WRITES: ReadonlySet<Method> = new Set([
  ...OPEN_WRITES,
  "addLabels",
  "removeLabel",
  "createLabel",
  "closeIssue",
  "createPull",
  "merge",
  "enqueue",
  "dequeue",
  "deleteBranch",
]);

/** The client is dead after a crash: every later call throws, as nothing runs in an ended process. */
export class MemoryClient implements GitHub {
  readonly login: string;
  /** GitHub does not know the token any more when this is true. */
  isRevoked = false;
  /** The client awaits it before each effect and after it; a test orders two clients with it. */
  intercept: (call: Call, when: "before" | "after") => void | Promise<void> = () => undefined;
  readonly calls: Call[] = [];
  readonly #world: MemoryGitHub;
  readonly #faults = new FaultPlan();
  readonly #forbids: ReadonlySet<Method>;
  #isKnown: boolean;

  constructor(world: MemoryGitHub, login: string, { isKnown = true, forbids = [] }: MemoryClientOptions = {}) {
    this.#world = world;
    this.login = login;
    this.#isKnown = isKnown;
    this.#forbids = new Set(forbids);
  }

  inject(fault: Fault): void {
    this.#faults.add(fault);
  }

  viewer(signal: AbortSignal): Promise<Result<string | null, GitHubFailure>> {
    return this.#call("viewer", "", signal, () => ok(this.#isKnown ? this.login : null));
  }

  repository(signal: AbortSignal) {
    return this.#call("repository", "", signal, () =>
      ok({
        fullName: this.#world.fullName,
        defaultBranch: this.#world.defaultBranch,
        isArchived: this.#world.isArchived,
        hasIssues: this.#world.hasIssues,
        mergeMethods: MERGE_METHODS.filter((method) => this.#world.mergeMethods.includes(method)),
        mayPush: this.#world.mayWrite(this.login),
      }),
    );
  }

  listIssues(since: string | null, signal: AbortSignal) {
    return this.#call("listIssues", since ?? "all", signal, () => {
      if (!this.#world.hasIssues) return refused(NO_ISSUES);
      return this.#world.readBehind(() => {
        const from = since === null ? "" : secondsOf(since);
        const asked = [...this.#world.issues.values()]
          .filter((issue) => issue.pull === null && issue.place === "here")
          .filter((issue) => (since === null ? issue.state === "open" : issue.updatedAt >= from));
        return ok(asked.map(({ number }) => this.#world.issue(number)));
      });
    });
  }

  issue(number: number, signal: AbortSignal): Promise<Result<Issue, GitHubFailure>> {
    return this.#call("issue", `#${number}`, signal, () => {
      const missing = this.#missing(number);
      if (missing !== null) return refused(missing);
      return this.#world.readBehind(() => {
        const isShown = this.#world.issues.has(number);
        return isShown ? ok(this.#world.issue(number)) : refused(NOT_FOUND);
      });
    });
  }

  textHistory(number: number, label: string, signal: AbortSignal): Promise<Result<TextHistory, GitHubFailure>> {
    return this.#call("textHistory", `#${number}`, signal, () => {
      const missing = this.#missing(number);
      if (missing !== null) return refused(missing);
      return ok(this.#world.histories.get(number) ?? historyOf(this.#world.stored(number), label));
    });
  }

  comments(number: number, signal: AbortSignal): Promise<Result<readonly Comment[], GitHubFailure>> {
    return this.#call("comments", `#${number}`, signal, () => {
      const missing = this.#missing(number);
      return missing === null ? ok(this.#world.readBehind(() => this.#world.commentsOf(number))) : refused(missing);
    });
  }

  createComment(number: number, body: string, signal: AbortSignal): Promise<Result<Comment, GitHubFailure>> {
    return this.#call("createComment", `#${number}`, signal, () => {
      const missing = this.#missing(number);
      if (missing !== null) return refused(missing);
      const isLocked = this.#world.stored(number).isLocked && !this.#world.mayWrite(this.login);
      if (isLocked) return refused(LOCKED);
      this.#note("createComment", number, body);
      this.#isKnown = true;
      return ok(this.#world.addComment(number, this.login, body));
    });
  }

  updateComment(id: number, body: string, signal: AbortSignal): Promise<Result<Comment, GitHubFailure>> {
    return this.#call("updateComment", `comment ${id}`, signal, () => {
      const index = this.#world.comments.findIndex((comment) => comment.id === id);
      const old = this.#world.comments[index];
      if (old === undefined || !this.#world.isHere(old.issue)) return refused(NOT_FOUND);
      const isOwn = sameName(old.author, this.login) || this.#world.mayWrite(this.login);
      if (!isOwn) return refused(NO_RIGHT);
      this.#note("updateComment", old.issue, body);
      const changed = { ...old, body, updatedAt: this.#world.tick() };
      this.#world.comments[index] = changed;
      this.#world.stored(old.issue).updatedAt = changed.updatedAt;
      return ok(withoutIssue(changed));
    });
  }

  addLabels(
    number: number,
    labels: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<readonly string[], GitHubFailure>> {
    return this.#call("addLabels", `#${number} ${labels.join(",")}`, signal, () => {
      const missing = this.#missing(number);
      if (missing !== null) return refused(missing);
      this.#note("addLabels", number, labels.join(","));
      const { labels: now } = this.#world.stored(number);
      this.#world.setLabels(number, [...now, ...labels], this.login);
      return ok([...this.#world.stored(number).labels]);
    });
  }

  removeLabel(number: number, label: string, signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    return this.#call("removeLabel", `#${number} ${label}`, signal, () => {
      const missing = this.#missing(number);
      if (missing !== null) return refused(missing);
      const { labels } = this.#world.stored(number);
      if (!labels.some((name) => sameName(name, label))) return ok();
      this.#note("removeLabel", number, label);
      this.#world.setLabels(
        number,
        labels.filter((name) => !sameName(name, label)),
      );
      return ok();
    });
  }

  labels(signal: AbortSignal) {
    return this.#call("labels", "", signal, () => ok([...this.#world.labels.keys()]));
  }

  createLabel(
    name: string,
    colour: string,
    description: string,
    signal: AbortSignal,
  ): Promise<Result<undefined, GitHubFailure>> {
    return this.#call("createLabel", name, signal, () => {
      if (![...this.#world.labels.keys()].some((known) => sameName(known, name))) {
        this.#note("createLabel", null, name);
        this.#world.labels.set(name, { colour, description });
      }
      return ok();
    });
  }

  closeIssue(
    number: number,
    reason: "completed" | "not_planned",
    signal: AbortSignal,
  ): Promise<Result<Issue, GitHubFailure>> {
    return this.#call("closeIssue", `#${number}`, signal, () => {
      const missing = this.#missing(number);
      if (missing !== null) return refused(missing);
      if (this.#world.stored(number).state === "open") {
        this.#note("closeIssue", number, reason);
        this.#world.setState(number, "closed");
      }
      return ok(this.#world.issue(number));
    });
  }

  pullsByBranch(branch: string, signal: AbortSignal) {
    return this.#call("pullsByBranch", branch, signal, async () => {
      const numbers = [...this.#world.issues.values()]
        .filter((issue) => issue.pull?.headBranch === branch)
        .map(({ number }) => number);
      return ok(await Promise.all(numbers.toReversed().map((number) => this.#pullOf(number))));
    });
  }

  pull(number: number, signal: AbortSignal): Promise<Result<PullRequest, GitHubFailure>> {
    return this.#call("pull", `#${number}`, signal, async () =>
      this.#hasPull(number) ? ok(await this.#seenPull(number)) : refused(NOT_FOUND),
    );
  }

  pullFiles(number: number, signal: AbortSignal): Promise<Result<readonly string[], GitHubFailure>> {
    return this.#call("pullFiles", `#${number}`, signal, async () => {
      if (!this.#hasPull(number)) return refused(NOT_FOUND);
      const { baseBranch, headSha } = await this.#pullOf(number);
      return ok(await this.#world.branches.changedFiles(baseBranch, headSha));
    });
  }

  createPull(
    pull: { title: string; body: string; head: string; base: string; draft: boolean },
    signal: AbortSignal,
  ): Promise<Result<PullRequest, GitHubFailure>> {
    return this.#call("createPull", pull.head, signal, async () => {
      const headSha = await this.#world.branches.head(pull.head);
      if (headSha === null) return refused(invalid("Validation Failed: head is invalid"));
      const open = [...this.#world.issues.values()].some(
        (issue) => issue.state === "open" && issue.pull?.headBranch === pull.head,
      );
      if (open) return refused(invalid(`A pull request already exists for ${pull.head}.`));
      if ((await this.#world.branches.aheadBy(pull.base, pull.head)) === 0)
        return refused(invalid(`No commits between ${pull.base} and ${pull.head}`));
      const number = this.#world.openPull(this.login, pull, headSha);
      this.#note("createPull", number, pull.head);
      return ok(await this.#pullOf(number));
    });
  }

  createReview(
    number: number,
    review: { event: "approve" | "request_changes" | "comment"; body: string; headSha: string },
    signal: AbortSignal,
  ): Promise<Result<undefined, GitHubFailure>> {
    return this.#call("createReview", `#${number} ${review.event}`, signal, () => {
      if (!this.#hasPull(number)) return refused(NOT_FOUND);
      const isOwn = sameName(this.#world.stored(number).author, this.login);
      if (isOwn && review.event !== "comment") {
        const verb = review.event === "approve" ? "approve" : "request changes on";
        return refused(invalid(`Unprocessable Entity: "Can not ${verb} your own pull request"`));
      }
      this.#note("createReview", number, review.event);
      const state = { approve: "APPROVED", request_changes: "CHANGES_REQUESTED", comment: "COMMENTED" }[review.event];
      this.#world.reviews.push({
        id: this.#world.nextId(),
        pull: number,
        author: this.login,
        body: review.body,
        state,
        headSha: review.headSha,
        submittedAt: this.#world.tick(),
      });
      return ok();
    });
  }

  reviews(number: number, signal: AbortSignal) {
    return this.#call("reviews", `#${number}`, signal, () =>
      ok(
        this.#world.reviewsOf(number).map(({ submittedAt = this.#world.tick(), id, author, body, state }) => ({
          id,
          author,
          body,
          state,
          submittedAt,
        })),
      ),
    );
  }

  merge(
    number: number,
    request: MergeRequest,
    signal: AbortSignal,
  ): Promise<Result<{ sha: string }, GitHubFailure | MergeBlocked>> {
    return this.#call<{ sha: string }, GitHubFailure | MergeBlocked>("merge", `#${number}`, signal, async () => {
      if (!this.#hasPull(number)) return refused(NOT_FOUND);
      const attempt = { pull: await this.#pullOf(number), login: this.login, request, isQueue: false };
      const refusal = await mergeRefusal(this.#world, attempt);
      // The rules come first: a test orders what only the server knows.
      const ordered = refusal === null ? this.#world.mergeBlocked(request, number) : null;
      if (refusal !== null) return mergeRefused(refusal);
      if (ordered !== null) return fail(mergeBlocked(ordered));
      const sha = await mergePull(this.#world, attempt);
      this.#note("merge", number, sha);
      return ok({ sha });
    });
  }

  enqueue(
    { number, headSha }: Pick<PullRequest, "number" | "headSha">,
    signal: AbortSignal,
  ): Promise<Result<undefined, GitHubFailure>> {
    return this.#call("enqueue", `#${number}`, signal, async () => {
      if (!this.#hasPull(number)) return refused(NOT_FOUND);
      if (this.#world.queue.includes(number)) return ok();
      const pull = await this.#pullOf(number);
      if (headSha !== undefined && headSha !== pull.headSha)
        return refused(invalid("Head sha didn't match expected head sha"));
      const request = { headSha: pull.headSha, method: "squash", title: pull.title, message: "" } as const;
      const refusal = await mergeRefusal(this.#world, { pull, login: this.login, request, isQueue: true });
      if (refusal !== null && !isPassing(refusal)) return refused(invalid(refusal.message));
      if (this.#world.rules.queue === false) return refused(invalid("Merge queue is not enabled for this branch"));
      this.#world.queue.push(number);
      this.#world.queuedHeads.set(number, pull.headSha);
      this.#note("enqueue", number, "");
      return ok();
    });
  }

  dequeue({ number }: Pick<PullRequest, "number">, signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    return this.#call("dequeue", `#${number}`, signal, () => {
      if (!this.#hasPull(number)) return refused(NOT_FOUND);
      const at = this.#world.queue.indexOf(number);
      if (at === -1) return ok();
      this.#world.queue.splice(at, 1);
      this.#note("dequeue", number, "");
      return ok();
    });
  }

  isQueued({ number }: Pick<PullRequest, "number">, signal: AbortSignal): Promise<Result<boolean, GitHubFailure>> {
    return this.#call("isQueued", `#${number}`, signal, () => ok(this.#world.queue.includes(number)));
  }

  expectedChecks(base: string, signal: AbortSignal): Promise<Result<ExpectedChecks, GitHubFailure>> {
    return this.#call("expectedChecks", base, signal, async () =>
      ok(this.#world.expected === null ? await expectedOf(this.#world, base) : { likely: [], ...this.#world.expected }),
    );
  }

  checks(sha: string, signal: AbortSignal): Promise<Result<CheckState, GitHubFailure>> {
    return this.#call("checks", sha, signal, async () =>
      ok(this.#world.checksOf(sha, await this.#world.branches.head(this.#world.defaultBranch))),
    );
  }

  aheadBy(base: string, head: string, signal: AbortSignal): Promise<Result<number, GitHubFailure>> {
    return this.#call("aheadBy", `${base}...${head}`, signal, async () => {
      const commits = await this.#world.branches.aheadBy(base, head);
      return commits === null ? refused(NOT_FOUND) : ok(commits);
    });
  }

  deleteBranch(branch: string, signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    return this.#call("deleteBranch", branch, signal, async () => {
      if (await this.#world.branches.remove(branch)) this.#note("deleteBranch", null, branch);
      return ok();
    });
  }

  mayWrite(login: string, signal: AbortSignal): Promise<Result<boolean, GitHubFailure>> {
    return this.#call("mayWrite", login, signal, () => ok(this.#world.mayWrite(login)));
  }

  rateLimit(): RateLimit | null {
    return null;
  }

  async #call<T, F = GitHubFailure>(
    method: Method,
    detail: string,
    signal: AbortSignal,
    act: () => Result<T, F> | Promise<Result<T, F>>,
  ): Promise<Result<T, F | GitHubFailure>> {
    const call: Call = { method, index: this.calls.length + 1, detail };
    this.calls.push(call);
    const faults = this.#faults.take(method);
    await this.intercept(call, "before");
    signal.throwIfAborted();
    const before = this.#faults.strike(faults, "before");
    if (before !== undefined) return fail(before);
    const refusal = this.#refusalOf(method);
    if (refusal === null && WRITES.has(method)) this.#world.keepBehind();
    const answer = refusal === null ? await act() : refused(refusal);
    await this.intercept(call, "after");
    const after = this.#faults.strike(faults, "after");
    return after === undefined ? answer : fail(after);
  }

  /** GitHub says no in this order: who is it, what may the token, is it open to writers, may the login. */
  #refusalOf(method: Method): Refusal | null {
    if (this.isRevoked) return REVOKED;
    if (this.#forbids.has(method)) return NO_RIGHT;
    if (!WRITES.has(method)) return null;
    if (!OPEN_WRITES.has(method) && !this.#world.mayWrite(this.login)) return NO_RIGHT;
    return this.#world.isArchived ? ARCHIVED : null;
  }

  #missing(number: number): Refusal | null {
    if (!this.#world.isHere(number)) return NOT_FOUND;
    return this.#world.hasIssues || this.#world.stored(number).pull !== null ? null : NO_ISSUES;
  }

  #note(method: Method, number: number | null, detail: string): void {
    this.#world.writes.push({ login: this.login, method, number, detail });
  }

  #hasPull(number: number): boolean {
    return (this.#world.issues.get(number)?.pull ?? null) !== null;
  }

  /** One look at the pull request alone makes GitHub work out whether it merges. */
  async #seenPull(number: number): Promise<PullRequest> {
    const pull = await this.#pullOf(number);
    const isOpen = pull.state === "open";
    return isOpen && this.#world.isTooEarly(pull.headSha) ? { ...pull, mergeable: null } : pull;
  }

  async #pullOf(number: number): Promise<PullRequest> {
    const { pull, title, body, state, labels } = this.#world.stored(number);
    if (pull === null) throw new Error(`#${number} is no pull request`);
    const headSha = pull.merged ? pull.headSha : ((await this.#world.branches.head(pull.headBranch)) ?? pull.headSha);
    pull.headSha = headSha;
    const { headBranch, baseBranch, merged, draft } = pull;
    const { author } = this.#world.stored(number);
    const nodeId = `PR_${number}`;
    const mergeable = state === "open" ? !this.#world.conflicts.has(number) : null;
    const url = `https://github.test/${this.#world.fullName}/pull/${number}`;
    const head = { headSha, headBranch, baseBranch };
    return {
      number,
      nodeId,
      title,
      body,
      state,
      author,
      merged,
      draft,
      mergeable,
      mergeState: "clean",
      ...head,
      labels: [...labels],
      url,
    };
  }
}

/** Times have whole seconds, and so has the time that is asked for. */
function secondsOf(time: string): string {
  return `${new Date(time).toISOString().slice(0, 19)}Z`;
}

function mergeBlocked(reason: MergeBlocked["reason"]): MergeBlocked {
  return { kind: "merge-blocked", reason, message: `blocked: ${reason}`, status: 405, retryable: false, retryAt: null };
}

function sameName(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function withoutIssue({ id, author, body, createdAt, updatedAt }: Comment): Comment {
  return { id, author, body, createdAt, updatedAt };
}
