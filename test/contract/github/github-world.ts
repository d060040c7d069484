// A contract case may do this to a GitHub, whichever it is: what people write, what owners set, what apps report. What
// a worker does goes through the port that `connect` gives, and so does everything that a case expects.

import type { GitHub, MergeMethod } from "../../../src/worker/github/port/github.ts";
import type { MemoryRules } from "../../support/memory-rules.ts";

export interface WorldSettings {
  readonly mergeMethods?: readonly MergeMethod[];
  readonly deleteBranchOnMerge?: boolean;
  readonly archived?: boolean;
  readonly hasIssues?: boolean;
  readonly mergeableAfterReads?: number;
  /** So many reads after each write see what was before it. */
  readonly staleReads?: number;
  /** So many reads after each write find nothing. */
  readonly missingReads?: number;
}

export interface Caller {
  readonly role?: "write" | "read";
  /** This token of fine grain may do everything but read what checks say. */
  readonly isBlindToChecks?: boolean;
}

/** The world has one repository, acme/web, whose default branch is `main`. Its worker is `hydraflow-bot`. */
export interface GitHubWorld extends AsyncDisposable {
  readonly kind: "forge" | "memory";
  connect(login?: string, caller?: Caller): Promise<GitHub>;
  /** Revokes the credential of this login. */
  revoke(login: string): Promise<void>;
  /** Lets a second go by. */
  tick(): void;

  addIssue(issue?: { title?: string; body?: string; labels?: readonly string[]; author?: string }): Promise<number>;
  addComment(issue: number, author: string, body: string): Promise<void>;
  edit(issue: number, change: { title?: string; body?: string }, by: string): Promise<void>;
  setLabels(issue: number, labels: readonly string[], by: string): Promise<void>;
  close(issue: number): Promise<void>;
  lock(issue: number): Promise<void>;
  /** Moves the issue to acme/other, where it gets a number that is taken here. */
  transfer(issue: number): Promise<void>;
  remove(issue: number): Promise<void>;

  /** Makes one commit with a file that is named after the branch. Gives its sha. */
  push(branch: string, files?: readonly string[]): Promise<string>;
  /** Makes the branch's file and the base's the same one, with other content. */
  makeConflict(pull: number): Promise<void>;
  /** Moves the base branch in the very moment of the next merge. */
  raceBase(): void;
  review(pull: number, author: string, state: "APPROVED" | "CHANGES_REQUESTED" | "COMMENTED"): Promise<void>;
  setOpenThreads(pull: number, count: number): Promise<void>;
  report(sha: string, name: string, verdict: { status?: string; conclusion?: string }): Promise<void>;
  /** Opens a suite; with `end` it is over at once, without a run. */
  openSuite(sha: string, app: string, end?: "failure" | "startup_failure"): Promise<void>;
  /** Lets the merge queue do what it can do now. */
  runQueue(): Promise<void>;

  set(settings: WorldSettings): Promise<void>;
  /** Sets the rules of `main`, in place of the rules so far. */
  protect(rules: MemoryRules): Promise<void>;
  allowWriting(login: string): Promise<void>;
  rename(fullName: string): Promise<void>;
}
