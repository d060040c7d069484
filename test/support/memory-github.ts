// GitHub in memory, for tests of the pipeline. The world (`MemoryGitHub`) outlives its clients as GitHub outlives a worker:
// a test crashes a client, throws its objects away, connects again and looks at what the world holds. Every effect stands
// in `writes`, in the order in which it happened; a client can be told to fail or to crash before or after any call.

import {
  MERGE_METHODS,
  type CheckState,
  type Comment,
  type ExpectedChecks,
  type GitHub,
  type GitHubFailure,
  type Issue,
  type MergeBlocked,
  type MergeMethod,
  type MergeRequest,
  type PullRequest,
  type RateLimit,
  type TextHistory,
} from "../../src/worker/github/github.ts";
import { fail, ok, type Result } from "../../src/core/result.ts";
import { MemoryBranches } from "./memory-branches.ts";
import { type Call, type Fault, FaultPlan, type Method } from "./memory-fault.ts";

/** One effect on the world. Reads are not in the ledger. */
export interface Write {
  readonly login: string;
  readonly method: Method;
  /** Issue, pull request or comment that it hit; null where there is none. */
  readonly number: number | null;
  readonly detail: string;
}

/** Where branches and commits live. A test with a real git remote brings its own. */
export interface Branches {
  head(branch: string): Promise<string | null>;
  aheadBy(base: string, head: string): Promise<number | null>;
  changedFiles(base: string, headSha: string): Promise<readonly string[]>;
  /** Puts a squash commit on `base` and returns its sha. */
  squash(base: string, headSha: string, title: string): Promise<string>;
  remove(branch: string): Promise<boolean>;
}

export interface MemoryGitHubOptions {
  readonly fullName?: string;
  readonly defaultBranch?: string;
  readonly branches?: Branches;
  /** Server time; the system's by default. */
  readonly now?: () => Date;
}

export interface StoredIssue {
  number: number;
  title: string;
  body: string;
  labels: string[];
  state: "open" | "closed";
  author: string;
  createdAt: string;
  updatedAt: string;
  /** Null for an issue. */
  pull: StoredPull | null;
}

export interface StoredPull {
  headBranch: string;
  baseBranch: string;
  draft: boolean;
  merged: boolean;
  /** Frozen when the pull request is merged or its branch is gone. */
  headSha: string;
}

export interface StoredReview {
  readonly id: number;
  readonly pull: number;
  readonly author: string;
  readonly body: string;
  readonly state: string;
}

export class MemoryGitHub {
  readonly fullName: string;
  readonly defaultBranch: string;
  readonly branches: Branches;
  readonly writes: Write[] = [];
  readonly issues = new Map<number, StoredIssue>();
  readonly comments: (Comment & { readonly issue: number })[] = [];
  readonly reviews: StoredReview[] = [];
  readonly labels = new Map<string, { colour: string; description: string }>();
  /** What the repository's settings allow, and what its rules want; a test changes them. */
  mergeMethods: readonly MergeMethod[] = MERGE_METHODS;
  expected: ExpectedChecks = { required: [], seen: ["test"] };
  /** The answer to the next try to merge, where it is not a merge. */
  mergeBlocked: (request: MergeRequest, number: number) => MergeBlocked["reason"] | null = () => null;
  readonly queue: number[] = [];
  readonly histories = new Map<number, TextHistory>();
  readonly #writers = new Set<string>();
  readonly #checks = new Map<string, CheckState>();
  readonly #now: () => Date;
  #nextNumber = 1;
  #nextId = 1_000;

  constructor(options: MemoryGitHubOptions = {}) {
    this.fullName = options.fullName ?? "acme/web";
    this.defaultBranch = options.defaultBranch ?? "main";
    this.branches = options.branches ?? new MemoryBranches([this.defaultBranch]);
    this.#now = options.now ?? (() => new Date());
  }

  /** A client as one worker has it. Logins that connect may write. */
  connect(login = "hydraflow-bot"): MemoryClient {
    this.#writers.add(login);
    return new MemoryClient(this, login);
  }

  /** What people do. None of it is in the ledger. */
  addIssue(given: { title?: string; body?: string; labels?: readonly string[]; author?: string } = {}): Issue {
    const at = this.tick();
    const number = this.#nextNumber++;
    const title = given.title ?? `Issue ${number}`;
    const body = given.body ?? "Something is to be done.";
    const labels = [...(given.labels ?? [])];
    this.issues.set(number, {
      number,
      title,
      body,
      labels,
      state: "open",
      author: given.author ?? "alice",
      createdAt: at,
      updatedAt: at,
      pull: null,
    });
    return this.issue(number);
  }

  addComment(issue: number, author: string, body: string): Comment {
    const at = this.tick();
    const comment = { id: this.#nextId++, issue, author, body, createdAt: at, updatedAt: at };
    this.comments.push(comment);
    this.stored(issue).updatedAt = at;
    return publicComment(comment);
  }

  setLabels(issue: number, labels: readonly string[]): void {
    Object.assign(this.stored(issue), { labels: [...labels], updatedAt: this.tick() });
  }

  setState(issue: number, state: "open" | "closed"): void {
    Object.assign(this.stored(issue), { state, updatedAt: this.tick() });
  }

  allowWriting(login: string): void {
    this.#writers.add(login);
  }

  setChecks(sha: string, state: CheckState): void {
    this.#checks.set(sha, state);
  }

  /** The issue as the port shows it. */
  issue(number: number): Issue {
    const { pull: _, ...stored } = this.stored(number);
    return {
      ...stored,
      isLocked: false,
      labels: [...stored.labels],
      url: `https://github.test/${this.fullName}/issues/${number}`,
    };
  }

  commentsOf(issue: number): Comment[] {
    return this.comments.filter((comment) => comment.issue === issue).map(publicComment);
  }

  /** Effects of one kind, for `expect(world.effects("merge", 7)).toHaveLength(1)`. */
  effects(method: Method, number?: number): Write[] {
    return this.writes.filter((write) => write.method === method && (number === undefined || write.number === number));
  }

  mayWrite(login: string): boolean {
    return this.#writers.has(login);
  }

  checksOf(sha: string): CheckState {
    return this.#checks.get(sha) ?? { kind: "none" };
  }

  stored(number: number): StoredIssue {
    const found = this.issues.get(number);
    if (found === undefined) throw new Error(`the world has no issue ${number}`);
    return found;
  }

  openPull(
    author: string,
    given: { title: string; body: string; head: string; base: string; draft: boolean },
    headSha: string,
  ): number {
    const { number } = this.addIssue({ title: given.title, body: given.body, author });
    this.stored(number).pull = {
      headBranch: given.head,
      baseBranch: given.base,
      draft: given.draft,
      merged: false,
      headSha,
    };
    return number;
  }

  /** GitHub closes what a merged pull request says it fixes. */
  closeFixedBy(body: string): void {
    for (const [, number] of body.matchAll(/\b(?:fix(?:e[sd])?|close[sd]?|resolve[sd]?) #(\d+)/gi)) {
      if (this.issues.get(Number(number))?.state === "open") this.setState(Number(number), "closed");
    }
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** Server time in whole seconds, as GitHub gives it: two changes within a second look the same. */
  tick(): string {
    return `${this.#now().toISOString().slice(0, 19)}Z`;
  }
}

/** One worker's connection. Dead after a crash: every later call throws, as nothing runs in an ended process. */
export class MemoryClient implements GitHub {
  readonly login: string;
  /** Awaited before each effect and after it; a test orders two clients with it. */
  intercept: (call: Call, when: "before" | "after") => void | Promise<void> = () => undefined;
  readonly calls: Call[] = [];
  readonly #world: MemoryGitHub;
  readonly #faults = new FaultPlan();

  constructor(world: MemoryGitHub, login: string) {
    this.#world = world;
    this.login = login;
  }

  inject(fault: Fault): void {
    this.#faults.add(fault);
  }

  viewer(signal: AbortSignal): Promise<Result<string, GitHubFailure>> {
    return this.#call("viewer", "", signal, () => ok(this.login));
  }

  repository(signal: AbortSignal) {
    return this.#call("repository", "", signal, () =>
      ok({
        fullName: this.#world.fullName,
        defaultBranch: this.#world.defaultBranch,
        isArchived: false,
        hasIssues: true,
        mergeMethods: this.#world.mergeMethods,
      }),
    );
  }

  listIssues(since: string | null, signal: AbortSignal) {
    return this.#call("listIssues", since ?? "all", signal, () => {
      const issues = [...this.#world.issues.values()].filter((issue) => issue.pull === null);
      const asked = issues.filter((issue) => (since === null ? issue.state === "open" : issue.updatedAt >= since));
      return ok(asked.map(({ number }) => this.#world.issue(number)));
    });
  }

  issue(number: number, signal: AbortSignal): Promise<Result<Issue, GitHubFailure>> {
    return this.#call("issue", `#${number}`, signal, () =>
      this.#world.issues.has(number) ? ok(this.#world.issue(number)) : notFound(),
    );
  }

  textHistory(number: number, _label: string, signal: AbortSignal) {
    return this.#call("textHistory", `#${number}`, signal, () =>
      ok(this.#world.histories.get(number) ?? { labelledAt: null, edits: [], isComplete: true }),
    );
  }

  comments(number: number, signal: AbortSignal) {
    return this.#call("comments", `#${number}`, signal, () => ok(this.#world.commentsOf(number)));
  }

  createComment(number: number, body: string, signal: AbortSignal): Promise<Result<Comment, GitHubFailure>> {
    return this.#call("createComment", `#${number}`, signal, () => {
      if (!this.#world.issues.has(number)) return notFound();
      this.#note("createComment", number, body);
      return ok(this.#world.addComment(number, this.login, body));
    });
  }

  updateComment(id: number, body: string, signal: AbortSignal): Promise<Result<Comment, GitHubFailure>> {
    return this.#call("updateComment", `comment ${id}`, signal, () => {
      const index = this.#world.comments.findIndex((comment) => comment.id === id);
      const old = this.#world.comments[index];
      if (old === undefined) return notFound();
      this.#note("updateComment", old.issue, body);
      const changed = { ...old, body, updatedAt: this.#world.tick() };
      this.#world.comments[index] = changed;
      this.#world.stored(old.issue).updatedAt = changed.updatedAt;
      return ok(publicComment(changed));
    });
  }

  addLabels(
    number: number,
    labels: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<readonly string[], GitHubFailure>> {
    return this.#call("addLabels", `#${number} ${labels.join(",")}`, signal, () => {
      if (!this.#world.issues.has(number)) return notFound();
      const issue = this.#world.stored(number);
      this.#note("addLabels", number, labels.join(","));
      issue.labels = [...new Set([...issue.labels, ...labels])];
      issue.updatedAt = this.#world.tick();
      return ok([...issue.labels]);
    });
  }

  removeLabel(number: number, label: string, signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    return this.#call("removeLabel", `#${number} ${label}`, signal, () => {
      if (!this.#world.issues.has(number)) return notFound();
      const issue = this.#world.stored(number);
      if (!issue.labels.includes(label)) return ok();
      this.#note("removeLabel", number, label);
      issue.labels = issue.labels.filter((name) => name !== label);
      issue.updatedAt = this.#world.tick();
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
      if (!this.#world.labels.has(name)) {
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
      if (!this.#world.issues.has(number)) return notFound();
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
      this.#hasPull(number) ? ok(await this.#pullOf(number)) : notFound(),
    );
  }

  pullFiles(number: number, signal: AbortSignal): Promise<Result<readonly string[], GitHubFailure>> {
    return this.#call("pullFiles", `#${number}`, signal, async () => {
      if (!this.#hasPull(number)) return notFound();
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
      if (headSha === null) return invalid(`no branch ${pull.head}`);
      const open = [...this.#world.issues.values()].some(
        (issue) => issue.state === "open" && issue.pull?.headBranch === pull.head,
      );
      if (open) return invalid(`a pull request already exists for ${pull.head}`);
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
      if (!this.#hasPull(number)) return notFound();
      const isOwn = this.#world.stored(number).author === this.login;
      if (isOwn && review.event !== "comment") return invalid("an own pull request can only be commented on");
      this.#note("createReview", number, review.event);
      const state = { approve: "APPROVED", request_changes: "CHANGES_REQUESTED", comment: "COMMENTED" }[review.event];
      this.#world.reviews.push({
        id: this.#world.nextId(),
        pull: number,
        author: this.login,
        body: review.body,
        state,
      });
      return ok();
    });
  }

  reviews(number: number, signal: AbortSignal) {
    return this.#call("reviews", `#${number}`, signal, () =>
      ok(
        this.#world.reviews
          .filter(({ pull }) => pull === number)
          .map(({ id, author, body, state }) => ({ id, author, body, state })),
      ),
    );
  }

  merge(
    number: number,
    request: MergeRequest,
    signal: AbortSignal,
  ): Promise<Result<{ sha: string }, GitHubFailure | MergeBlocked>> {
    return this.#call<{ sha: string }, GitHubFailure | MergeBlocked>("merge", `#${number}`, signal, async () => {
      if (!this.#hasPull(number)) return notFound();
      const pull = await this.#pullOf(number);
      if (pull.state === "closed" || pull.draft) return failure("invalid", 405, "the pull request cannot be merged");
      if (pull.headSha !== request.headSha) return failure("conflict", 409, "the head was modified");
      const reason = this.#world.mergeMethods.includes(request.method)
        ? this.#world.mergeBlocked(request, number)
        : "method";
      if (reason !== null) return fail(mergeBlocked(reason));
      const sha = await this.#world.branches.squash(pull.baseBranch, pull.headSha, request.title);
      this.#note("merge", number, sha);
      const stored = this.#world.stored(number);
      const { headBranch, baseBranch, headSha } = pull;
      stored.pull = { headBranch, baseBranch, draft: false, merged: true, headSha };
      this.#world.setState(number, "closed");
      if (pull.baseBranch === this.#world.defaultBranch) this.#world.closeFixedBy(pull.body);
      return ok({ sha });
    });
  }

  enqueue({ number }: Pick<PullRequest, "number">, signal: AbortSignal): Promise<Result<undefined, GitHubFailure>> {
    return this.#call("enqueue", `#${number}`, signal, () => {
      if (!this.#world.queue.includes(number)) this.#world.queue.push(number);
      this.#note("enqueue", number, "");
      return ok();
    });
  }

  isQueued({ number }: Pick<PullRequest, "number">, signal: AbortSignal): Promise<Result<boolean, GitHubFailure>> {
    return this.#call("isQueued", `#${number}`, signal, () => ok(this.#world.queue.includes(number)));
  }

  expectedChecks(base: string, signal: AbortSignal): Promise<Result<ExpectedChecks, GitHubFailure>> {
    return this.#call("expectedChecks", base, signal, () => ok(this.#world.expected));
  }

  checks(sha: string, signal: AbortSignal): Promise<Result<CheckState, GitHubFailure>> {
    return this.#call("checks", sha, signal, () => ok(this.#world.checksOf(sha)));
  }

  aheadBy(base: string, head: string, signal: AbortSignal): Promise<Result<number, GitHubFailure>> {
    return this.#call("aheadBy", `${base}...${head}`, signal, async () => {
      const commits = await this.#world.branches.aheadBy(base, head);
      return commits === null ? notFound() : ok(commits);
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
    const answer = await act();
    await this.intercept(call, "after");
    const after = this.#faults.strike(faults, "after");
    return after === undefined ? answer : fail(after);
  }

  #note(method: Method, number: number | null, detail: string): void {
    this.#world.writes.push({ login: this.login, method, number, detail });
  }

  #hasPull(number: number): boolean {
    return (this.#world.issues.get(number)?.pull ?? null) !== null;
  }

  async #pullOf(number: number): Promise<PullRequest> {
    const { pull, title, body, state, labels } = this.#world.stored(number);
    if (pull === null) throw new Error(`#${number} is no pull request`);
    const headSha = pull.merged ? pull.headSha : ((await this.#world.branches.head(pull.headBranch)) ?? pull.headSha);
    pull.headSha = headSha;
    const { headBranch, baseBranch, merged, draft } = pull;
    const { author } = this.#world.stored(number);
    const nodeId = `PR_${number}`;
    const mergeable = state === "open" ? true : null;
    const url = `https://github.test/${this.#world.fullName}/pull/${number}`;
    const head = { headSha, headBranch, baseBranch };
    return { number, nodeId, title, body, state, author, merged, draft, mergeable, ...head, labels: [...labels], url };
  }
}

function failure(kind: GitHubFailure["kind"], status: number, message: string): Result<never, GitHubFailure> {
  return fail({ kind, message, status, retryable: false, retryAt: null });
}

function mergeBlocked(reason: MergeBlocked["reason"]): MergeBlocked {
  return { kind: "merge-blocked", reason, message: `blocked: ${reason}`, status: 405, retryable: false, retryAt: null };
}

function notFound(): Result<never, GitHubFailure> {
  return failure("not-found", 404, "not found");
}

function invalid(message: string): Result<never, GitHubFailure> {
  return failure("invalid", 422, message);
}

function publicComment({ id, author, body, createdAt, updatedAt }: Comment): Comment {
  return { id, author, body, createdAt, updatedAt };
}
