// Does everything that the pipeline wants of git inside one issue's worktree. The work is what the worktree's files
// hold, on top of the commit that the branch record names: refs, HEAD, MERGE_HEAD and commits of an agent's own count
// for nothing. The config guard must have verified the worktree since the agent's last turn.

import { errnoOf, messageOf } from "../../../core/base/errors.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { isSha } from "../command/branch-name.ts";
import { readCommittedFile } from "./committed-file.ts";
import { Conflict } from "./conflict.ts";
import { type Change, ChangeReader } from "../changes/change-reader.ts";
import type { Git } from "../command/git.ts";
import { baseGone, type GitFailure, gitFailure } from "../command/git-failure.ts";
import type { Remote } from "../remote/remote.ts";
import { stageTree } from "./staging.ts";
import { leftOpen } from "./taken-back.ts";
import { OWN_INDEX, type PlacedWorktree, WorktreeGit } from "../worktrees/worktree-git.ts";
import type { BranchState } from "../worktrees/branch-record.ts";

/** These win over what the repository's configuration says of merges, so that ours is plain and runs no hook. */
export const MERGE_OPTIONS = [
  "--quiet",
  "--strategy=ort",
  "--ff",
  "--commit",
  "--no-squash",
  "--no-verify",
  "--no-edit",
  "--no-gpg-sign",
];

export type MergeOutcome =
  | { readonly kind: "merged"; readonly head: string; readonly changed: boolean }
  /**
   * The merge was taken back and the worktree is as it was; or, when the caller asked for it, the merge stands there
   * half done.
   */
  | { readonly kind: "conflict"; readonly files: readonly string[]; readonly conflict: Conflict };

export interface WorkBranchOptions {
  readonly git: Git;
  readonly remote: Remote;
  readonly commonDirectory: string;
  readonly worktree: PlacedWorktree;
}

export class WorkBranch {
  readonly #options: WorkBranchOptions;
  readonly #git: WorktreeGit;

  constructor(options: WorkBranchOptions) {
    this.#options = options;
    this.#git = new WorktreeGit(options.git, options.commonDirectory, options.worktree);
  }

  /** Returns the commit that we made or took last. */
  async headSha(_signal: AbortSignal): Promise<Result<string, GitFailure>> {
    return ok(this.#state.head);
  }

  /** Says whether a commit would hold anything. */
  async hasChanges(signal: AbortSignal): Promise<Result<boolean, GitFailure>> {
    const staged = await this.#stage(signal);
    return staged.ok ? ok(staged.value !== null) : staged;
  }

  /**
   * Commits the worktree's files on the head, and with the base as second parent where a merge of ours stands half
   * done. Ignored files, submodules and nested repositories are left out. Returns null when there is nothing to commit.
   */
  async commitAll(message: string, signal: AbortSignal): Promise<Result<string | null, GitFailure>> {
    const placed = await this.#requireBranch(signal);
    if (!placed.ok) return placed;
    const staged = await this.#stage(signal);
    if (!staged.ok) return staged;
    if (staged.value === null) return ok(null);
    const { head } = this.#state;
    const parents = [head, ...(this.#merging === null ? [] : [this.#merging])].flatMap((parent) => ["-p", parent]);
    const committed = await this.#git.run(["commit-tree", staged.value, ...parents, "-F", "-"], signal, {
      input: `${message.trim()}\n`,
    });
    if (!committed.ok) return committed;
    const sha = committed.value.stdout.trim();
    return this.#keeping(signal, async () => {
      const { record } = this.#options.worktree;
      await record.change({ head: sha, pending: null });
      await record.takeNextIndex();
      const shown = await this.#show(sha, signal);
      return shown.ok ? ok(sha) : shown;
    });
  }

  /** A merge or a reset of ours was begun, and a killed worker or the end of a run left it there. */
  get isHalfDone(): boolean {
    return this.#state.pending !== null;
  }

  /** Names the files, for people, that keep the merge from being committed: see conflict.ts and taken-back.ts. */
  async unresolved(conflict: Conflict, signal: AbortSignal): Promise<Result<readonly string[], GitFailure>> {
    const merging = this.#merging;
    if (merging === null) return ok(conflict.files);
    const staged = await this.#stage(signal);
    if (!staged.ok) return staged;
    const { gitDirectory, record } = this.#options.worktree;
    return leftOpen(conflict, { git: this.#git, gitDirectory, record, head: this.#state.head, merging }, signal);
  }

  /** Reads commits from objects alone, whatever lies in the worktree. */
  get changes(): ChangeReader {
    return new ChangeReader(this.#options.remote.views);
  }

  /** Counts the commits of the work branch that `base`, a sha, has not. */
  async commitsAhead(base: string, signal: AbortSignal): Promise<Result<number, GitFailure>> {
    const head = await this.headSha(signal);
    return head.ok ? this.changes.commitsAhead({ base, head: head.value }, signal) : head;
  }

  /** Returns what this process has pushed to the work branch last; null when nothing. */
  get lastPushed(): string | null {
    return this.#options.remote.lastPushed(this.#options.worktree.branch);
  }

  /** Returns what the remote has of `branches`, with the commits fetched. */
  fetchHeads(
    branches: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    return this.#options.remote.fetch(branches, signal);
  }

  async changedFiles(base: string, signal: AbortSignal): Promise<Result<readonly string[], GitFailure>> {
    const change = await this.#change(base, signal);
    return change.ok ? ok(change.value.files.map(({ path }) => path)) : change;
  }

  /** Reads a file of the head's top directory; see committed-file.ts. */
  readFile(name: string, signal: AbortSignal): Promise<Result<string | null, GitFailure>> {
    return readCommittedFile(this.#git, { sha: this.#state.head, name }, signal);
  }

  /**
   * Merges the remote's `base` branch, freshly fetched. It refuses uncommitted work, which taking a merge back would
   * lose.
   */
  async mergeBase(base: string, signal: AbortSignal, keepConflict = false): Promise<Result<MergeOutcome, GitFailure>> {
    const clean = await this.#requireClean(signal);
    if (!clean.ok) return clean;
    const fetched = await this.#options.remote.fetch([base], signal);
    if (!fetched.ok) return fetched;
    const baseSha = fetched.value.get(base);
    if (baseSha === undefined) return fail(baseGone(base));
    const before = this.#state.head;
    const reset = await this.resetTo(before, signal);
    if (!reset.ok) return reset;
    await this.#options.worktree.record.change({ pending: { kind: "reset" } });
    await this.#options.worktree.record.settleIndex();
    const message = `Merge branch '${base}'`;
    const merged = await this.#git.run(["merge", ...MERGE_OPTIONS, "-m", message, baseSha], signal, {
      config: [...OWN_INDEX, [`branch.${this.#options.worktree.branch}.mergeOptions`, ""]],
    });
    if (!merged.ok) return this.#conflict(merged.failure, { baseSha, keepConflict }, signal);
    const resolved = await this.#git.run(["rev-parse", "--verify", "--quiet", "HEAD^{commit}"], signal);
    if (!resolved.ok) return resolved;
    const head = resolved.value.stdout.trim();
    return this.#keeping(signal, async () => {
      await this.#options.worktree.record.change({ head, pending: null });
      const shown = await this.#show(head, signal);
      return shown.ok ? ok({ kind: "merged", head, changed: head !== before }) : shown;
    });
  }

  /**
   * Pushes the head when the remote branch is at `expected` (null: must not exist), and is `rejected` otherwise.
   * Returns the pushed sha.
   */
  async pushBranch(expected: string | null, signal: AbortSignal): Promise<Result<string, GitFailure>> {
    const { head } = this.#state;
    const pushed = await this.#options.remote.push(
      { branch: this.#options.worktree.branch, sha: head, expected },
      signal,
    );
    return pushed.ok ? ok(head) : pushed;
  }

  /** Returns what the remote has for `branch`, by default the work branch; null when it is not there. */
  remoteHead(signal: AbortSignal, branch = this.#options.worktree.branch): Promise<Result<string | null, GitFailure>> {
    return this.#options.remote.head(branch, signal);
  }

  /** Makes worktree and work branch exactly `sha`; ignored files, for instance installed packages, stay. */
  async resetTo(sha: string, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    if (!isSha(sha)) return fail(gitFailure("failed", "a reset needs a full object name"));
    return this.#keeping(signal, async () => {
      await this.#options.worktree.record.change({ head: sha, pending: { kind: "reset" } });
      const placed = await this.#git.place(sha, signal);
      if (!placed.ok) return placed;
      const reset = await this.#resetHard(sha, signal);
      if (!reset.ok) return reset;
      const cleaned = await this.#git.run(["clean", "--quiet", "-d", "--force", "--force"], signal);
      if (!cleaned.ok) return cleaned;
      await this.#git.clearHalfDone();
      await this.#git.showIndex();
      await this.#options.worktree.record.change({ pending: null });
      return ok();
    });
  }

  async #resetHard(sha: string, signal: AbortSignal): Promise<Result<unknown, GitFailure>> {
    const reset = await this.#git.run(["reset", "--quiet", "--hard", sha, "--"], signal);
    if (reset.ok || reset.failure.kind === "locked") return reset;
    // The index is missing, or a power cut has left a part of it.
    await this.#options.worktree.record.dropIndex();
    return this.#git.run(["reset", "--quiet", "--hard", sha, "--"], signal);
  }

  /** Returns null when a commit would hold nothing. */
  async #stage(signal: AbortSignal): Promise<Result<string | null, GitFailure>> {
    const { path, record } = this.#options.worktree;
    return this.#keeping(signal, () => stageTree({ git: this.#git, path, record }, signal));
  }

  async #conflict(
    failure: GitFailure,
    { baseSha, keepConflict }: { baseSha: string; keepConflict: boolean },
    signal: AbortSignal,
  ): Promise<Result<MergeOutcome, GitFailure>> {
    const { path, record } = this.#options.worktree;
    const conflict = await Conflict.read(this.#git, path, signal);
    if (!conflict.ok) return conflict;
    const { files } = conflict.value;
    if (keepConflict && files.length > 0) {
      return this.#keeping(signal, async () => {
        await record.change({ pending: { kind: "merge", parent: baseSha } });
        await this.#git.showIndex();
        return ok({ kind: "conflict", files, conflict: conflict.value });
      });
    }
    const taken = await this.resetTo(this.#state.head, signal);
    if (!taken.ok) return taken;
    return files.length > 0 ? ok({ kind: "conflict", files, conflict: conflict.value }) : fail(failure);
  }

  async #requireClean(signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const placed = await this.#requireBranch(signal);
    if (!placed.ok) return placed;
    const changed = await this.hasChanges(signal);
    if (!changed.ok) return changed;
    return changed.value ? fail(gitFailure("conflict", "the worktree has uncommitted work")) : ok();
  }

  /** An agent that left the branch may have left its files on another commit; nobody can tell then what is work. */
  async #requireBranch(signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const { branch } = this.#options.worktree;
    const read = await this.#git.run(["symbolic-ref", "--quiet", "HEAD"], signal, { answers: [1] });
    if (!read.ok) return read;
    const expected = this.#state.isDetached ? "" : `refs/heads/${branch}`;
    if (read.value.stdout.trim() === expected) return ok();
    return fail(gitFailure("conflict", `the worktree has left its branch ${branch}`));
  }

  async #show(sha: string, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const placed = await this.#git.place(sha, signal);
    if (!placed.ok) return placed;
    await this.#git.clearHalfDone();
    await this.#git.showIndex();
    return ok();
  }

  async #change(base: string, signal: AbortSignal): Promise<Result<Change, GitFailure>> {
    const head = await this.headSha(signal);
    return head.ok ? this.changes.readChange({ base, head: head.value }, signal) : head;
  }

  /** Makes a full or missing disk a failure like git's own. */
  async #keeping<T>(signal: AbortSignal, act: () => Promise<Result<T, GitFailure>>): Promise<Result<T, GitFailure>> {
    return act().catch((error: unknown) => {
      signal.throwIfAborted();
      if (errnoOf(error) !== undefined) return fail(gitFailure("failed", messageOf(error)));
      throw error;
    });
  }

  get #merging(): string | null {
    const { pending } = this.#state;
    return pending?.kind === "merge" ? pending.parent : null;
  }

  get #state(): BranchState {
    const { state } = this.#options.worktree.record;
    if (state === null) throw new Error(`the branch ${this.#options.worktree.branch} was never begun`);
    return state;
  }
}
