// This is the contract's world in memory.

import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { MemoryBranches } from "../../support/memory-branches.ts";
import { type MemoryClient, MemoryGitHub } from "../../support/memory-github.ts";
import { runQueue } from "../../support/memory-merge.ts";
import type { MemoryRules } from "../../support/memory-rules.ts";
import type { Caller, GitHubWorld, WorldSettings } from "./github-world.ts";

const BLIND_METHODS = ["checks", "expectedChecks"] as const;

export class MemoryWorld implements GitHubWorld {
  readonly kind = "memory";
  readonly #branches = new MemoryBranches(["main"]);
  readonly #clients = new Map<string, MemoryClient[]>();
  readonly #github: MemoryGitHub;
  #nowMs = Date.UTC(2026, 0, 1);

  constructor() {
    this.#github = new MemoryGitHub({ branches: this.#branches, now: () => new Date(this.#nowMs) });
    this.#github.expected = null;
    this.#github.rules = { queue: false };
  }

  connect(login = "hydraflow-bot", { role = "write", isBlindToChecks = false }: Caller = {}): Promise<GitHub> {
    const client = this.#github.connect(login, {
      mayWrite: role === "write",
      ...(isBlindToChecks ? { forbids: BLIND_METHODS } : {}),
    });
    this.#clients.set(login, [...(this.#clients.get(login) ?? []), client]);
    return Promise.resolve(client);
  }

  async revoke(login: string): Promise<void> {
    for (const client of this.#clients.get(login) ?? []) client.isRevoked = true;
  }

  tick(): void {
    this.#nowMs += 1_000;
  }

  async addIssue(issue: Parameters<MemoryGitHub["addIssue"]>[0] = {}): Promise<number> {
    return this.#github.addIssue(issue).number;
  }

  async addComment(issue: number, author: string, body: string): Promise<void> {
    this.#github.addComment(issue, author, body);
  }

  async edit(issue: number, change: { title?: string; body?: string }, by: string): Promise<void> {
    this.#github.edit(issue, change, by);
  }

  async setLabels(issue: number, labels: readonly string[], by: string): Promise<void> {
    this.#github.setLabels(issue, labels, by);
  }

  async close(issue: number): Promise<void> {
    this.#github.setState(issue, "closed");
  }

  async lock(issue: number): Promise<void> {
    this.#github.lock(issue);
  }

  async transfer(issue: number): Promise<void> {
    this.#github.take(issue, "transferred");
  }

  async remove(issue: number): Promise<void> {
    this.#github.take(issue, "deleted");
  }

  async push(branch: string, files: readonly string[] = [`${branch}.txt`]): Promise<string> {
    return this.#branches.commit(branch, "main", files);
  }

  async makeConflict(pull: number): Promise<void> {
    this.#github.conflicts.add(pull);
  }

  raceBase(): void {
    this.#github.isBaseRaced = true;
  }

  async review(pull: number, author: string, state: string): Promise<void> {
    this.#github.addReview(pull, author, state);
  }

  async setOpenThreads(pull: number, count: number): Promise<void> {
    this.#github.stored(pull).openThreads = count;
  }

  async report(sha: string, name: string, verdict: { status?: string; conclusion?: string }): Promise<void> {
    this.#github.report(sha, name, verdict);
  }

  async openSuite(sha: string, app: string, end?: string): Promise<void> {
    this.#github.openSuite(sha, app, end);
  }

  async runQueue(): Promise<void> {
    await runQueue(this.#github);
  }

  async set(settings: WorldSettings): Promise<void> {
    const github = this.#github;
    github.mergeMethods = settings.mergeMethods ?? github.mergeMethods;
    github.deleteBranchOnMerge = settings.deleteBranchOnMerge ?? github.deleteBranchOnMerge;
    github.isArchived = settings.archived ?? github.isArchived;
    github.hasIssues = settings.hasIssues ?? github.hasIssues;
    github.mergeableAfterReads = settings.mergeableAfterReads ?? github.mergeableAfterReads;
    // The adapter repeats reads that find nothing, so that the port never shows them.
    github.lagReads = settings.staleReads ?? github.lagReads;
  }

  async protect(rules: MemoryRules): Promise<void> {
    this.#github.rules = { queue: false, ...rules };
  }

  async allowWriting(login: string): Promise<void> {
    this.#github.allowWriting(login);
  }

  async rename(fullName: string): Promise<void> {
    this.#github.fullName = fullName;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Nothing is open.
  }
}
