// This is the contract's world over the embedded forge: the worker's real adapter, real HTTP, real git. Every request
// and answer is checked against GitHub's own description when the world is closed.

import { systemClock } from "../../../src/core/base/clock.ts";
import type { RuleRecord } from "../../../src/forge/store/repository-settings.ts";
import type { CheckConclusion, CheckStatus } from "../../../src/forge/store/repository-record.ts";
import { fixedCredential } from "../../../src/worker/github/port/credential.ts";
import type { GitHub } from "../../../src/worker/github/port/github.ts";
import { createGitHub } from "../../../src/worker/github/calls/octokit-github.ts";
import { ForgeRig, NAME } from "../../forge/forge-rig.ts";
import type { MemoryRules } from "../../support/memory-rules.ts";
import type { Caller, GitHubWorld, WorldSettings } from "./github-world.ts";

const EVERYTHING_BUT_CHECKS = {
  contents: "write",
  issues: "write",
  pull_requests: "write",
  metadata: "read",
} as const;

export class ForgeWorld implements GitHubWorld {
  readonly kind = "forge";
  readonly #rig: ForgeRig;
  readonly #writers = new Set(["hydraflow-bot"]);
  /** The repository has this name by now. */
  #name = NAME;

  private constructor(rig: ForgeRig) {
    this.#rig = rig;
  }

  static async start(): Promise<ForgeWorld> {
    const rig = await ForgeRig.start();
    await rig.forge.createRepository({ owner: "acme", name: "other" });
    return new ForgeWorld(rig);
  }

  async connect(login = "hydraflow-bot", { role = "write", isBlindToChecks = false }: Caller = {}): Promise<GitHub> {
    if (role === "write") await this.allowWriting(login);
    const token = `${tokenOf(login)}${isBlindToChecks ? "-blind" : ""}`;
    const narrow = { kind: "fine-grained" as const, permissions: EVERYTHING_BUT_CHECKS };
    await this.#rig.forge.addToken(token, login, isBlindToChecks ? narrow : {});
    return createGitHub({
      apiUrl: this.#rig.forge.url,
      // The worker was told this name, whatever it is by now.
      repository: { owner: "acme", name: "web", fullName: NAME },
      credential: fixedCredential(token),
      userAgent: "hydraflow-test",
      clock: systemClock,
      onFailure: () => undefined,
      limits: { repeatDelayMs: 1 },
    });
  }

  async revoke(login: string): Promise<void> {
    await this.#rig.forge.revokeToken(tokenOf(login));
  }

  tick(): void {
    this.#rig.clock.advance(1_000);
  }

  async addIssue({
    title = "Something is to be done",
    ...more
  }: Parameters<GitHubWorld["addIssue"]>[0] = {}): Promise<number> {
    return await this.#rig.forge.createIssue(this.#name, { title, author: "alice", ...more });
  }

  async addComment(issue: number, author: string, body: string): Promise<void> {
    await this.#rig.forge.addComment(this.#name, issue, author, body);
  }

  async edit(issue: number, change: { title?: string; body?: string }, by: string): Promise<void> {
    await this.#rig.forge.editIssue(this.#name, issue, { ...change, author: by });
  }

  async setLabels(issue: number, labels: readonly string[], by: string): Promise<void> {
    await this.#rig.forge.editIssue(this.#name, issue, { labels, author: by });
  }

  async close(issue: number): Promise<void> {
    await this.#rig.forge.editIssue(this.#name, issue, { state: "closed" });
  }

  async lock(issue: number): Promise<void> {
    await this.#rig.forge.owner.lockIssue(this.#name, issue);
  }

  async transfer(issue: number): Promise<void> {
    await this.#rig.forge.owner.transferIssue(this.#name, issue, "acme/other");
  }

  async remove(issue: number): Promise<void> {
    await this.#rig.forge.owner.deleteIssue(this.#name, issue);
  }

  async push(branch: string, paths: readonly string[] = [`${branch}.txt`]): Promise<string> {
    const before = this.#rig.forge.refs(this.#name)[`refs/heads/${branch}`] ?? "";
    const files = Object.fromEntries(paths.map((path) => [path, `${branch} after ${before}\n`]));
    return await this.#rig.forge.commitFiles(this.#name, { branch, message: `Work on ${branch}`, files });
  }

  async makeConflict(pull: number): Promise<void> {
    const { headBranch } = this.#rig.forge.pull(this.#name, pull);
    const files = { [`${headBranch}.txt`]: "somebody else was here first\n" };
    await this.#rig.forge.commitFiles(this.#name, { branch: "main", message: "Be first", files });
  }

  raceBase(): void {
    const message = "Base branch was modified. Review and try the merge again.";
    const body = { message, documentation_url: "https://docs.github.com/rest", status: "405" };
    this.#rig.forge.faults.plan({
      match: { method: "PUT", path: /\/merge$/ },
      fault: { kind: "status", status: 405, body },
    });
  }

  async review(pull: number, author: string, state: "APPROVED" | "CHANGES_REQUESTED" | "COMMENTED"): Promise<void> {
    await this.#rig.forge.addReview(this.#name, pull, { author, state });
  }

  async setOpenThreads(pull: number, count: number): Promise<void> {
    await this.#rig.forge.owner.setOpenThreads(this.#name, pull, count);
  }

  async report(sha: string, name: string, verdict: { status?: string; conclusion?: string }): Promise<void> {
    const check = verdict as { status?: CheckStatus; conclusion?: CheckConclusion };
    await this.#rig.forge.setCheck(this.#name, sha, { name, app: "github-actions", ...check });
  }

  async openSuite(sha: string, app: string, end?: CheckConclusion): Promise<void> {
    await this.#rig.forge.openSuite(this.#name, sha, app, end);
  }

  async runQueue(): Promise<void> {
    await this.#rig.forge.idle();
  }

  async set({ staleReads, missingReads, mergeMethods, ...settings }: WorldSettings): Promise<void> {
    const lag =
      staleReads === undefined && missingReads === undefined
        ? {}
        : { lag: { reads: staleReads ?? missingReads ?? 0, how: staleReads ? "stale" : "not-found" } as const };
    const methods = mergeMethods === undefined ? {} : { mergeMethods: [...mergeMethods] };
    await this.#rig.forge.owner.change(this.#name, { ...settings, ...methods, ...lag });
  }

  async protect(rules: MemoryRules): Promise<void> {
    const { owner } = this.#rig.forge;
    if (rules.codeOwners !== undefined) {
      const line = `* ${rules.codeOwners.map((login) => `@${login}`).join(" ")}\n`;
      const files = { ".github/CODEOWNERS": line };
      await this.#rig.forge.commitFiles(this.#name, { branch: "main", message: "Name owners", files });
    }
    const isRuleset = rules.isRuleset === true || rules.queue === true;
    await owner.setRulesets(this.#name, isRuleset ? [{ rules: rulesOf(rules) }] : []);
    await owner.protect(this.#name, "main", isRuleset ? null : protectionOf(rules));
  }

  async allowWriting(login: string): Promise<void> {
    if (this.#writers.has(login)) return;
    this.#writers.add(login);
    await this.#rig.forge.addCollaborator(this.#name, login, "write");
  }

  async rename(fullName: string): Promise<void> {
    await this.#rig.forge.owner.rename(this.#name, fullName);
    this.#name = fullName;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#rig[Symbol.asyncDispose]();
  }
}

function tokenOf(login: string): string {
  return `token-of-${login}`;
}

function protectionOf(rules: MemoryRules) {
  const { approvals = 0, checks = [], restrictedTo = null } = rules;
  return {
    approvals,
    codeOwners: rules.codeOwners !== undefined,
    dismissStale: rules.dismissStale ?? false,
    checks: [...checks],
    strict: rules.strict ?? false,
    signatures: rules.signatures ?? false,
    conversations: rules.conversations ?? false,
    restrictedTo: restrictedTo === null ? null : [...restrictedTo],
  };
}

function rulesOf(rules: MemoryRules): RuleRecord[] {
  const reviews = {
    required_approving_review_count: rules.approvals ?? 0,
    require_code_owner_review: rules.codeOwners !== undefined,
    dismiss_stale_reviews_on_push: rules.dismissStale ?? false,
    require_last_push_approval: false,
    required_review_thread_resolution: rules.conversations ?? false,
  };
  const checks = {
    required_status_checks: (rules.checks ?? []).map((context) => ({ context })),
    strict_required_status_checks_policy: rules.strict ?? false,
  };
  const queue = {
    merge_method: "SQUASH",
    check_response_timeout_minutes: 60,
    grouping_strategy: "ALLGREEN",
    max_entries_to_build: 5,
    max_entries_to_merge: 5,
    min_entries_to_merge: 1,
    min_entries_to_merge_wait_minutes: 5,
  };
  return [
    { type: "pull_request", parameters: reviews },
    ...(rules.checks === undefined ? [] : [{ type: "required_status_checks", parameters: checks } as const]),
    ...(rules.signatures === true ? [{ type: "required_signatures" } as const] : []),
    ...(rules.queue === true ? [{ type: "merge_queue", parameters: queue } as const] : []),
  ];
}
