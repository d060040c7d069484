// This is GitHub in memory, for tests of the pipeline. The world (`MemoryGitHub`) outlives its clients as GitHub
// outlives a worker: a test crashes a client, throws its objects away, connects again and looks at what the world
// holds. Every effect stands in `writes`, in the order in which it happened; a client can be told to fail or to crash
// before or after any call. test/contract/github holds it to what GitHub does, together with the embedded forge.

import { closedBy } from "../../src/forge/pulls/closing-keywords.ts";
import {
  ACTIONS_APP,
  type CheckRun,
  type CheckSuite,
  checkStateOf,
  isUnstarted,
} from "../../src/worker/github/port/check-state.ts";
import {
  MERGE_METHODS,
  type CheckState,
  type Comment,
  type ExpectedChecks,
  type Issue,
  type MergeBlocked,
  type MergeMethod,
  type MergeRequest,
  type TextHistory,
} from "../../src/worker/github/port/github.ts";
import { MemoryBranches } from "./memory-branches.ts";
import { MemoryClient, type MemoryClientOptions } from "./memory-client.ts";
import type { Method } from "./memory-fault.ts";
import type { MemoryRules } from "./memory-rules.ts";

export { MemoryClient } from "./memory-client.ts";

/** A write is one effect on the world. Reads are not in the ledger. */
export interface Write {
  readonly login: string;
  readonly method: Method;
  /** The effect hit this issue, pull request or comment; it is null where there is none. */
  readonly number: number | null;
  readonly detail: string;
}

/** Branches and commits live here. A test with a real git remote brings its own. */
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
  /** It gives server time; the system's by default. */
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
  /** It is null for an issue. */
  pull: StoredPull | null;
  isLocked: boolean;
  /** A number that is not here leads nowhere: it was transferred, or deleted. */
  place: "here" | "transferred" | "deleted";
  /** Nobody has resolved so many review conversations. */
  openThreads: number;
  history: TextEvent[];
}

/** An event says who set a label, or changed a text, and when. */
export interface TextEvent {
  readonly what: "title" | "body" | "label";
  /** It is the label's name; it is empty for a text. */
  readonly name: string;
  readonly by: string;
  readonly at: string;
}

export interface StoredPull {
  headBranch: string;
  baseBranch: string;
  draft: boolean;
  merged: boolean;
  /** It is frozen when the pull request is merged or its branch is gone. */
  headSha: string;
  mergedAt?: string;
}

export interface StoredReview {
  readonly id: number;
  readonly pull: number;
  readonly author: string;
  readonly body: string;
  readonly state: string;
  /** The review looked at this commit; absent means whatever the head is. */
  readonly headSha?: string;
  /** The review came at this time; absent means whenever it is looked at. */
  readonly submittedAt?: string;
}

interface Snapshot {
  readonly issues: Map<number, StoredIssue>;
  readonly comments: (Comment & { readonly issue: number })[];
  readsLeft: number;
}

export class MemoryGitHub {
  fullName: string;
  readonly defaultBranch: string;
  readonly branches: Branches;
  readonly writes: Write[] = [];
  issues = new Map<number, StoredIssue>();
  comments: (Comment & { readonly issue: number })[] = [];
  readonly reviews: StoredReview[] = [];
  readonly labels = new Map<string, { colour: string; description: string }>();
  /** The repository allows these ways of merging; a test changes them. */
  mergeMethods: readonly MergeMethod[] = MERGE_METHODS;
  /** These rules protect the default branch. */
  rules: MemoryRules = {};
  isArchived = false;
  hasIssues = true;
  deleteBranchOnMerge = false;
  /** Null derives it from the rules and from what was reported, as the adapter does. */
  expected: (Omit<ExpectedChecks, "likely"> & Partial<ExpectedChecks>) | null = { required: [], seen: ["test"] };
  /** git could not merge these pull requests. */
  readonly conflicts = new Set<number>();
  /** So many looks at a pull request find `mergeable` not worked out, for each head. */
  mergeableAfterReads = 0;
  /** The base branch moves in the very moment of the next merge. */
  isBaseRaced = false;
  /** So many reads after each write see what was before it. */
  lagReads = 0;
  /** It answers the next try to merge, where that is not to be a merge. */
  mergeBlocked: (request: MergeRequest, number: number) => MergeBlocked["reason"] | null = () => null;
  readonly queue: number[] = [];
  /** Each pull request entered the queue with this head. */
  readonly queuedHeads = new Map<number, string>();
  readonly histories = new Map<number, TextHistory>();
  readonly #writers = new Set<string>();
  readonly #checks = new Map<string, CheckState>();
  readonly #runs = new Map<string, CheckRun[]>();
  readonly #suites = new Map<string, CheckSuite[]>();
  readonly #looks = new Map<string, number>();
  #behind: Snapshot | null = null;
  readonly #now: () => Date;
  #nextNumber = 1;
  #nextId = 1_000;

  constructor(options: MemoryGitHubOptions = {}) {
    this.fullName = options.fullName ?? "acme/web";
    this.defaultBranch = options.defaultBranch ?? "main";
    this.branches = options.branches ?? new MemoryBranches([this.defaultBranch]);
    this.#now = options.now ?? (() => new Date());
  }

  /** Makes a client as one worker has it. Logins that connect may write, unless it says otherwise. */
  connect(login = "hydraflow-bot", options: MemoryClientOptions = {}): MemoryClient {
    if (options.mayWrite !== false) this.allowWriting(login);
    return new MemoryClient(this, login, options);
  }

  /** People do what follows here. None of it is in the ledger. */
  addIssue(given: { title?: string; body?: string; labels?: readonly string[]; author?: string } = {}): Issue {
    const at = this.tick();
    const number = this.#nextNumber++;
    const title = given.title ?? `Issue ${number}`;
    const body = given.body ?? "Something is to be done.";
    const labels = (given.labels ?? []).map((name) => this.labelForm(name));
    const author = given.author ?? "alice";
    const history = labels.map((name): TextEvent => ({ what: "label", name, by: author, at }));
    this.issues.set(number, {
      number,
      title,
      body,
      labels,
      state: "open",
      author,
      createdAt: at,
      updatedAt: at,
      pull: null,
      isLocked: false,
      place: "here",
      openThreads: 0,
      history,
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

  setLabels(issue: number, labels: readonly string[], by = "alice"): void {
    const stored = this.stored(issue);
    const at = this.tick();
    const named = [...new Set(labels.map((name) => this.labelForm(name)))];
    const added = named.filter((name) => !stored.labels.includes(name));
    stored.history.push(...added.map((name): TextEvent => ({ what: "label", name, by, at })));
    Object.assign(stored, { labels: named, updatedAt: at });
  }

  /** Gives the repository's own form of a label's name, which has no case; a label is made where there is none. */
  labelForm(name: string): string {
    const known = [...this.labels.keys()].find((label) => label.toLowerCase() === name.toLowerCase());
    if (known === undefined) this.labels.set(name, { colour: "ededed", description: "" });
    return known ?? name;
  }

  edit(issue: number, change: { title?: string; body?: string }, by: string): void {
    const stored = this.stored(issue);
    const at = this.tick();
    for (const what of ["title", "body"] as const) {
      const text = change[what];
      if (text === undefined || text === stored[what]) continue;
      stored[what] = text;
      stored.history.push({ what, name: "", by, at });
    }
    stored.updatedAt = at;
  }

  lock(issue: number, isLocked = true): void {
    Object.assign(this.stored(issue), { isLocked, updatedAt: this.tick() });
  }

  /** Takes an issue away to another repository, or for good. */
  take(issue: number, place: "transferred" | "deleted"): void {
    this.stored(issue).place = place;
  }

  isHere(issue: number): boolean {
    return this.issues.get(issue)?.place === "here";
  }

  addReview(pull: number, author: string, state: string, body = ""): void {
    const headSha = this.stored(pull).pull?.headSha ?? "";
    this.reviews.push({ id: this.nextId(), pull, author, body, state, headSha, submittedAt: this.tick() });
  }

  /** A push takes approvals away where the rules say so. */
  reviewsOf(pull: number): StoredReview[] {
    const head = this.stored(pull).pull?.headSha;
    return this.reviews
      .filter((review) => review.pull === pull)
      .map((review) => {
        const isStale =
          this.rules.dismissStale === true && review.state === "APPROVED" && (review.headSha ?? head) !== head;
        return isStale ? { ...review, state: "DISMISSED" } : review;
      });
  }

  setState(issue: number, state: "open" | "closed"): void {
    Object.assign(this.stored(issue), { state, updatedAt: this.tick() });
  }

  allowWriting(login: string): void {
    this.#writers.add(login.toLowerCase());
  }

  /** Adds a check run of that name, as an app reports it; the last of a name counts. */
  report(sha: string, name: string, verdict: { status?: string; conclusion?: string }): void {
    const runs = (this.#runs.get(sha) ?? []).filter((run) => run.name !== name);
    const { conclusion = null } = verdict;
    const status = verdict.status ?? (conclusion === null ? "queued" : "completed");
    const about = { id: this.nextId(), name, app: ACTIONS_APP, suite: 0, startedAt: this.tick() };
    this.#runs.set(sha, [...runs, { ...about, status, conclusion, summary: "", url: "" }]);
  }

  /** Adds a check suite that has no run yet, or ended without one. */
  openSuite(sha: string, app: string, end: string | null = null): void {
    const about = { id: this.nextId(), name: `checks of ${app}`, app, createdAt: this.tick(), base: null };
    const status = end === null ? "queued" : "completed";
    const suite = { ...about, status, conclusion: end, runs: 0, url: "" };
    this.#suites.set(sha, [...(this.#suites.get(sha) ?? []), suite]);
  }

  /** Gives the names of what began before that time, where there is one. */
  namesOn(sha: string, before: string | null): string[] {
    const runs = this.#runs.get(sha) ?? [];
    return runs.filter(({ startedAt }) => before === null || startedAt < before).map(({ name }) => name);
  }

  setChecks(sha: string, state: CheckState): void {
    this.#checks.set(sha, state);
  }

  /** Gives the issue as the port shows it. */
  issue(number: number): Issue {
    const { title, body, state, isLocked, author, createdAt, updatedAt, labels } = this.stored(number);
    return {
      number,
      title,
      body,
      labels: [...labels],
      state,
      isLocked,
      author,
      createdAt,
      updatedAt,
      url: `https://github.test/${this.fullName}/issues/${number}`,
    };
  }

  commentsOf(issue: number): Comment[] {
    return this.comments.filter((comment) => comment.issue === issue).map(publicComment);
  }

  /** Gives the effects of one kind, for `expect(world.effects("merge", 7)).toHaveLength(1)`. */
  effects(method: Method, number?: number): Write[] {
    return this.writes.filter((write) => write.method === method && (number === undefined || write.number === number));
  }

  mayWrite(login: string): boolean {
    return this.#writers.has(login.toLowerCase());
  }

  /** A workflow that could not be started on the base's head either says nothing of this commit. */
  checksOf(sha: string, baseSha: string | null = null): CheckState {
    const set = this.#checks.get(sha);
    if (set !== undefined) return set;
    const runs = this.#runs.get(sha) ?? [];
    const inherited = (this.#suites.get(baseSha ?? "") ?? []).filter(isUnstarted).map(({ conclusion }) => conclusion);
    const suites = (this.#suites.get(sha) ?? [])
      .filter(({ conclusion }) => runs.length === 0 || conclusion !== null)
      .filter((suite) => !isUnstarted(suite) || !inherited.includes(suite.conclusion));
    return checkStateOf({ runs, suites, statuses: [], reportingApps: new Set(), now: this.#now() });
  }

  /** Says whether this look at a head comes before GitHub has worked out what it merges into. */
  isTooEarly(headSha: string): boolean {
    const looks = (this.#looks.get(headSha) ?? 0) + 1;
    this.#looks.set(headSha, looks);
    return looks <= this.mergeableAfterReads;
  }

  /** Remembers what readers go on seeing, where replicas lag. Called before an effect. */
  keepBehind(): void {
    if (this.lagReads === 0) return;
    const { issues, comments } = structuredClone({ issues: this.issues, comments: this.comments });
    this.#behind = { issues, comments, readsLeft: this.lagReads };
  }

  /** Reads from a replica. */
  readBehind<T>(read: () => T): T {
    const behind = this.#behind;
    if (behind === null || behind.readsLeft === 0) return read();
    behind.readsLeft -= 1;
    const { issues, comments } = this;
    Object.assign(this, { issues: behind.issues, comments: behind.comments });
    try {
      return read();
    } finally {
      Object.assign(this, { issues, comments });
    }
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

  /** GitHub closes what a merged pull request, or a commit on the default branch, says it fixes. */
  closeFixedBy(text: string): void {
    for (const { repository, number } of closedBy(text)) {
      if (repository !== null && repository.toLowerCase() !== this.fullName.toLowerCase()) continue;
      const named = this.issues.get(number);
      if (named?.state === "open" && named.pull === null) this.setState(number, "closed");
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

function publicComment({ id, author, body, createdAt, updatedAt }: Comment): Comment {
  return { id, author, body, createdAt, updatedAt };
}
