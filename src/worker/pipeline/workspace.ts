// Opens one issue's worktree, and does everything that may be done in it. Whatever runs there that is not ours (an
// agent, a gate) runs inside `guarded`, so that git's shared configuration is as before when our git runs next.

import { join } from "node:path";

import type { WorkerPaths } from "../../core/files/paths.ts";
import type { RepositoryName } from "../../core/domain/repository-name.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";
import { findCaseTwins } from "../git/changes/case-twins.ts";
import { isCaseBlind, knowingFileSystem } from "../git/command/file-system.ts";
import { commonDirectoryOf } from "../git/worktrees/checkout.ts";
import type { Removal, Removed } from "../git/worktrees/branch-refs.ts";
import { ConfigGuard } from "../git/guard/config-guard.ts";
import { type FreshCheckout, FreshCheckouts } from "../git/worktrees/fresh-checkout.ts";
import type { Git } from "../git/command/git.ts";
import type { GitFailure } from "../git/command/git-failure.ts";
import { findOrphanCandidates, type OrphanCandidates } from "../git/worktrees/orphan-candidates.ts";
import type { RemoteAccess } from "../git/remote/remote-access.ts";
import { Remote } from "../git/remote/remote.ts";
import { tidyRepository } from "../git/worktrees/tidy.ts";
import { openWorktreeRoot } from "../git/worktrees/worktree-directory.ts";
import { WorkBranch } from "../git/commits/work-branch.ts";
import { type Worktree, WorktreeManager } from "../git/worktrees/worktree-manager.ts";

export interface WorkspacesOptions {
  readonly git: Git;
  readonly access: RemoteAccess;
  readonly repository: RepositoryName;
  /** It is absolute, and the operator's. */
  readonly checkout: string;
  readonly isOriginOverridden: boolean;
  /** HydraFlow made the checkout itself, and nobody else looks after it. */
  readonly isOwnClone?: boolean;
  /** It is `<base>/<slug>`. */
  readonly worktreeRoot: string;
  readonly paths: WorkerPaths;
  /** It returns the absolute path of git-lfs; null when the machine has none. */
  readonly findGitLfs: () => Promise<string | null>;
}

interface Parts extends WorkspacesOptions {
  readonly commonDirectory: string;
  readonly remote: Remote;
  readonly guard: ConfigGuard;
  readonly worktrees: WorktreeManager;
  readonly checkouts: FreshCheckouts;
}

export class Workspaces {
  readonly #parts: Parts;

  /** `changed` names what an agent of an earlier, killed worker had changed in git's configuration; it is put back. */
  static async open(
    options: WorkspacesOptions,
    signal: AbortSignal,
  ): Promise<Result<{ workspaces: Workspaces; changed: readonly string[] }, GitFailure>> {
    const found = await commonDirectoryOf(options.checkout);
    if (!found.ok) return found;
    const commonDirectory = found.value;
    const directory = join(options.paths.dataRoot, "git");
    const { guard, changed } = await ConfigGuard.open({ commonDirectory, file: join(directory, "config-guard.json") });
    const remote = await Remote.open({
      ...options,
      commonDirectory,
      transportDirectory: join(directory, "transport.git"),
    });
    const root = await openWorktreeRoot(options.worktreeRoot);
    if (!root.ok) return root;
    const git = await knowingFileSystem(remote.largeFiles.filtering(options.git), root.value);
    const shared = { ...options, git, remote, commonDirectory, root: options.worktreeRoot };
    const worktrees = new WorktreeManager({ ...shared, records: recordsOf(options.paths) });
    const pruned = await worktrees.prune(signal);
    if (!pruned.ok) return pruned;
    const checkouts = new FreshCheckouts({ ...shared, views: remote.views, remoteUrl: remote.url });
    await checkouts.sweep();
    return ok({ workspaces: new Workspaces({ ...shared, guard, worktrees, checkouts }), changed });
  }

  private constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** The worktrees stand in this directory. */
  get root(): string {
    return this.#parts.worktreeRoot;
  }

  /** Asks the remote now; null where it did not answer. */
  async hasBranch(branch: string, signal: AbortSignal): Promise<boolean | null> {
    const head = await this.#parts.remote.head(branch, signal);
    return head.ok ? head.value !== null : null;
  }

  /**
   * Finds two names in `branch` of which the worktrees' file system keeps one. Null where there are none, and where git
   * did not answer.
   */
  async caseTwins(branch: string, signal: AbortSignal): Promise<readonly [string, string] | null> {
    const { worktreeRoot: root, remote } = this.#parts;
    if (!(await isCaseBlind(root))) return null;
    const fetched = await remote.fetch([branch], signal);
    const commit = fetched.ok ? fetched.value.get(branch) : undefined;
    const twins = commit === undefined ? null : await findCaseTwins(remote.views, commit, signal);
    return twins?.ok === true ? twins.value : null;
  }

  /** Says what the last fetch of `branch` found wrong, and fetches it again. */
  watch(branch: string): {
    isAbsent: () => boolean;
    problem: () => string | null;
    lost: () => string | null;
    look: (signal: AbortSignal) => Promise<unknown>;
  } {
    const { remote } = this.#parts;
    return {
      isAbsent: () => remote.isAbsent(branch),
      problem: () => remote.largeFiles.problem,
      lost: () => remote.largeFiles.lost,
      look: (signal) => {
        remote.largeFiles.askAgain();
        return remote.fetch([branch], signal);
      },
    };
  }

  /**
   * Opens the issue's worktree, which is made where it is missing. Without work of its own it starts from the newest
   * `base`.
   */
  async open(issue: number, base: string, signal: AbortSignal): Promise<Result<Workspace, GitFailure>> {
    const { git, remote, guard, checkouts, commonDirectory } = this.#parts;
    const ensured = await this.#parts.worktrees.ensure(issue, base, signal);
    if (!ensured.ok) return ensured;
    const worktree = ensured.value;
    const work = new WorkBranch({ git, remote, commonDirectory, worktree });
    const workspace = new Workspace(worktree, { work, guard, checkouts, base });
    const renewed = await workspace.renew(signal);
    return renewed.ok ? ok(workspace) : renewed;
  }

  /** See WorktreeManager.remove. */
  remove(issue: number, signal: AbortSignal, how?: Removal): Promise<Result<Removed, GitFailure>> {
    return this.#parts.worktrees.remove(issue, signal, how);
  }

  /** Says what the issue's branch is called, here and on GitHub. */
  branchOf(issue: number): Promise<string> {
    return this.#parts.worktrees.branchOf(issue);
  }

  /** Finds what git has of each issue here. */
  orphanCandidates(signal: AbortSignal): Promise<Result<OrphanCandidates, GitFailure>> {
    return findOrphanCandidates(
      { ...this.#parts, root: this.#parts.worktreeRoot, records: recordsOf(this.#parts.paths) },
      signal,
    );
  }

  /** Returns false where something in it cannot be removed. */
  emptyTrash(): Promise<boolean> {
    return this.#parts.worktrees.emptyTrash();
  }

  /**
   * Runs git's own housekeeping in a clone of ours, where nobody else does it. An operator's checkout is left to them.
   */
  async tidyClone(signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const { git, commonDirectory, isOwnClone } = this.#parts;
    return isOwnClone ? tidyRepository(git, commonDirectory, signal) : ok();
  }

  /** Commits what a stopped run has left in the issue's worktree. */
  async keepWork(issue: number, base: string, signal: AbortSignal): Promise<Result<string | null, GitFailure>> {
    const opened = await this.open(issue, base, signal);
    if (!opened.ok) return opened;
    return opened.value.work.isHalfDone ? ok(null) : opened.value.work.commitAll(`Work stopped on #${issue}`, signal);
  }
}

function recordsOf({ dataRoot }: WorkerPaths): string {
  return join(dataRoot, "git", "branches");
}

interface WorkspaceParts {
  readonly work: WorkBranch;
  readonly guard: ConfigGuard;
  readonly checkouts: FreshCheckouts;
  /** It is the base branch's name. */
  readonly base: string;
}

export class Workspace {
  readonly work: WorkBranch;
  readonly #worktree: Worktree;
  readonly #parts: WorkspaceParts;

  constructor(worktree: Worktree, parts: WorkspaceParts) {
    this.#worktree = worktree;
    this.#parts = parts;
    this.work = parts.work;
  }

  get path(): string {
    return this.#worktree.path;
  }

  get branch(): string {
    return this.#worktree.branch;
  }

  /** The base branch stood at this commit on the remote when the workspace was opened. */
  get baseSha(): string {
    return this.#worktree.baseSha;
  }

  /** Runs something that is not ours to trust. Fails with `config-changed` when it touched git's configuration. */
  async guarded<T>(act: () => Promise<T>, signal: AbortSignal): Promise<Result<T, GitFailure>> {
    const taken = await this.#parts.guard.fingerprint(this.#worktree, signal);
    // Another run in flight has changed it and answers for it; this one begins when that has ended.
    if (!taken.ok) return fail({ ...taken.failure, kind: "locked", retryable: true });
    const value = await act();
    // An abort does not keep this from happening: the next git may be that of a worker that knows nothing of this turn.
    const verified = await this.#parts.guard.verify(this.#worktree, new AbortController().signal);
    return verified.ok ? ok(value) : verified;
  }

  /**
   * Moves a worktree with no commit and no change of its own to the newest base. A merge left half done is taken back.
   */
  async renew(signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    if (this.work.isHalfDone) return this.discard(signal);
    const head = await this.work.headSha(signal);
    if (!head.ok) return head;
    if (head.value === this.baseSha) return ok();
    const ahead = await this.work.commitsAhead(this.baseSha, signal);
    if (!ahead.ok) return ahead;
    if (ahead.value > 0) return ok();
    const changed = await this.work.hasChanges(signal);
    if (!changed.ok) return changed;
    return changed.value ? ok() : this.work.resetTo(this.baseSha, signal);
  }

  /** Makes a checkout of exactly `sha`, for code that must see what is pushed and nothing else. */
  freshCheckout(sha: string, signal: AbortSignal): Promise<Result<FreshCheckout, GitFailure>> {
    const base = { branch: this.#parts.base, sha: this.baseSha };
    return this.#parts.checkouts.make({ issue: this.#worktree.issue, sha, base }, signal);
  }

  /** Takes back whatever is not committed, also a merge that was left half done. */
  async discard(signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const head = await this.work.headSha(signal);
    return head.ok ? this.work.resetTo(head.value, signal) : head;
  }
}
