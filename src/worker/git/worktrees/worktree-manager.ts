// Owns one worktree per issue.
//
// I1 The operator's checkout is left alone: no checkout, reset, clean, stash or switch runs there; only refs and
//    worktree entries of our names change.
// I2 Changes run one after the other.

import { rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { fail, ok, type Result } from "../../../core/base/result.ts";
import { BranchRecord } from "./branch-record.ts";
import { checkBranchName, workBranchName, workBranchNames, worktreeName } from "../command/branch-name.ts";
import { BranchRefs, type Removal, type Removed } from "./branch-refs.ts";
import { linkedDirectoryOf } from "./checkout.ts";
import type { GitCall, GitOutput } from "../command/git.ts";
import { baseGone, type GitFailure, gitFailure } from "../command/git-failure.ts";
import { Mutex } from "../command/mutex.ts";
import type { Remote } from "../remote/remote.ts";
import { emptyTrash, moveToTrash, openWorktreeRoot } from "./worktree-directory.ts";
import { type PlacedWorktree, WorktreeGit } from "./worktree-git.ts";
import { type CheckedOrigin, checkOrigin } from "./checkout-origin.ts";
import { addWorktree, removeTornEntries, removeWorktree } from "./worktree-entry.ts";
import { type IssueWorktree, listIssueWorktrees } from "./worktree-list.ts";

export interface WorktreeManagerOptions extends CheckedOrigin {
  readonly remote: Remote;
  /** The worktrees' directory, `<base>/<slug>`, as core/paths computes it. */
  readonly root: string;
  /** A directory of ours in the worker's data: what we know of each work branch. */
  readonly records: string;
}

export interface Worktree extends PlacedWorktree {
  readonly issue: number;
  readonly head: string;
  /** The remote's base branch stood at this commit when it was just fetched. */
  readonly baseSha: string;
  readonly reused: boolean;
}

/** Says where a worktree will stand, and where it begins when it has no work of its own. */
interface Place {
  readonly issue: number;
  readonly branch: string;
  readonly path: string;
  readonly baseSha: string;
  /** The commit of the remote's work branch, or the base's when there is none. */
  readonly wanted: string;
  readonly record: BranchRecord;
}

export class WorktreeManager {
  readonly #options: WorktreeManagerOptions;
  readonly #mutex = new Mutex(); // I2
  readonly #refs: BranchRefs;
  readonly #records = new Map<number, BranchRecord>();

  constructor(options: WorktreeManagerOptions) {
    this.#options = options;
    this.#refs = new BranchRefs(options.git, options.commonDirectory);
  }

  /**
   * Returns the issue's worktree, ready to work in. A sound one is taken as it is, with its uncommitted work; else the
   * branch resumes from the remote's, or starts at the freshly fetched `base`.
   */
  ensure(issue: number, base: string, signal: AbortSignal): Promise<Result<Worktree, GitFailure>> {
    return this.#mutex.run(() => this.#ensure(issue, base, signal), signal);
  }

  /**
   * Forgets the worktree and its branch here, unless somebody has that checked out. It succeeds when neither is there.
   * A branch goes only when it is known to be ours: others name theirs alike.
   */
  async remove(
    issue: number,
    signal: AbortSignal,
    { keepsBranch = false, isOurs = false, mayGo = () => true }: Removal = {},
  ): Promise<Result<Removed, GitFailure>> {
    const removed = await this.#mutex.run(async () => {
      if (!mayGo()) return ok(null);
      const ready = await this.#prepare(issue, signal);
      if (!ready.ok) return ready;
      const known = isOurs ? ok(true) : await this.#isKnown(issue, signal);
      if (!known.ok) return known;
      const cleared = await this.#clear(issue, ready.value, signal);
      if (!cleared.ok) return cleared;
      const own = join(ready.value, worktreeName(issue));
      const branch = await this.branchOf(issue);
      const branchKeptFor = keepsBranch || !known.value ? ok(null) : await this.#refs.remove({ branch, own }, signal);
      if (!branchKeptFor.ok) return branchKeptFor;
      const isLeft = known.value && (keepsBranch || branchKeptFor.value !== null);
      // Nothing but the record says that a branch of another name is ours.
      if (!isLeft || branch === workBranchName(issue)) {
        const record = await this.#recordOf(issue);
        await (isLeft ? record.forgetButBranch() : record.forget());
        this.#records.delete(issue);
      }
      return ok({ root: ready.value, branchKeptFor: branchKeptFor.value });
    }, signal);
    if (!removed.ok) return removed;
    if (removed.value !== null) await emptyTrash(removed.value.root);
    return ok({ branchKeptFor: removed.value?.branchKeptFor ?? null });
  }

  /** Returns the name of the issue's work branch, also while it has no worktree. */
  async branchOf(issue: number): Promise<string> {
    return (await this.#recordOf(issue)).state?.branch ?? workBranchName(issue);
  }

  /** Tries again what an earlier removal failed at, and returns false where something is left. */
  async emptyTrash(): Promise<boolean> {
    const root = await openWorktreeRoot(this.#options.root);
    return root.ok && (await emptyTrash(root.value));
  }

  /** Lists our worktrees and leaves the operator's own out. */
  list(signal: AbortSignal): Promise<Result<readonly IssueWorktree[], GitFailure>> {
    return listIssueWorktrees(this.#options, signal);
  }

  /** Clears what a killed worker left half-made. Call it once, at start. */
  prune(signal: AbortSignal): Promise<Result<readonly number[], GitFailure>> {
    return this.#mutex.run(async () => {
      const removed = await removeTornEntries(this.#options);
      if (!removed.ok) return removed;
      const listed = await this.list(signal);
      if (!listed.ok) return listed;
      const halfMade = listed.value.filter((entry) => entry.isHalfMade || entry.isPrunable).map((entry) => entry.issue);
      for (const issue of halfMade) {
        const ready = await this.#prepare(issue, signal);
        if (!ready.ok) return ready;
        const cleared = await this.#clear(issue, ready.value, signal);
        if (!cleared.ok) return cleared;
      }
      await this.emptyTrash();
      return ok(halfMade);
    }, signal);
  }

  async #ensure(issue: number, base: string, signal: AbortSignal): Promise<Result<Worktree, GitFailure>> {
    const named = checkBranchName(base);
    if (!named.ok) return named;
    const ready = await this.#prepare(issue, signal);
    if (!ready.ok) return ready;
    const record = await this.#recordOf(issue);
    const chosen = await this.#chooseBranch(issue, record, signal);
    if (!chosen.ok) return chosen;
    const branch = chosen.value;
    const fetched = await this.#options.remote.fetch([base, branch], signal);
    if (!fetched.ok) return fetched;
    const baseSha = fetched.value.get(base);
    if (baseSha === undefined) return fail(baseGone(base));
    const place: Place = {
      issue,
      branch,
      baseSha,
      path: join(ready.value, worktreeName(issue)),
      wanted: fetched.value.get(branch) ?? baseSha,
      record,
    };
    const reused = await this.#reuse(place, signal);
    if (!reused.ok) return reused;
    const gitDirectory = reused.value === null ? await this.#create(place, ready.value, signal) : ok(reused.value);
    if (!gitDirectory.ok) return gitDirectory;
    const head = place.record.state?.head ?? baseSha;
    return ok({ ...place, head, gitDirectory: gitDirectory.value, reused: reused.value !== null });
  }

  async #isKnown(issue: number, signal: AbortSignal): Promise<Result<boolean, GitFailure>> {
    if (await (await this.#recordOf(issue)).isOurs()) return ok(true);
    const listed = await this.list(signal);
    return listed.ok ? ok(listed.value.some((entry) => entry.issue === issue)) : listed;
  }

  async #reuse(place: Place, signal: AbortSignal): Promise<Result<string | null, GitFailure>> {
    const sound = await this.#sound(place, signal);
    if (!sound.ok || sound.value === null) return sound;
    const { record, branch, wanted } = place;
    const known = await this.#isCommit(record.state?.head ?? "", signal);
    if (!known.ok) return known;
    if (known.value) return sound;
    // Without a record, only the remote's commits are known to be ours; the rest is work in the files.
    const shared = await this.#run(["merge-base", wanted, `refs/heads/${branch}`], signal, [1, 128]);
    if (!shared.ok) return shared;
    const head = shared.value.stdout.trim();
    if (shared.value.exitCode !== 0 || head === "") return ok(null);
    await record.begin(head, false, branch);
    return sound;
  }

  async #isCommit(sha: string, signal: AbortSignal): Promise<Result<boolean, GitFailure>> {
    if (sha === "") return ok(false);
    const asked = await this.#run(["cat-file", "-e", `${sha}^{commit}`], signal, [1, 128]);
    return asked.ok ? ok(asked.value.exitCode === 0) : asked;
  }

  async #create(place: Place, root: string, signal: AbortSignal): Promise<Result<string, GitFailure>> {
    const cleared = await this.#clear(place.issue, root, signal);
    if (!cleared.ok) return cleared;
    await emptyTrash(root);
    const start = await this.#startOf(place, signal);
    if (!start.ok) return start;
    const free = (await place.record.isOurs()) ? ok() : await this.#refs.setAside(place, start.value, signal);
    if (!free.ok) return free;
    await place.record.begin(start.value, true, place.branch);
    // I1: a detached HEAD keeps git from moving a branch and from writing tracking into the checkout's configuration.
    const added = await addWorktree(this.#options, { path: place.path, head: start.value }, signal);
    if (!added.ok) return added;
    const sound = await this.#sound(place, signal);
    if (!sound.ok) return sound;
    if (sound.value === null) return fail(gitFailure("failed", `git made ${place.path}, but it is no sound worktree`));
    await place.record.adoptIndex(join(sound.value, "index"));
    const placed = await this.#gitIn(place, sound.value).place(start.value, signal);
    return placed.ok ? ok(sound.value) : placed;
  }

  /** Keeps our last commit when it holds all of the remote's; a commit that only a ref names counts for nothing. */
  async #startOf({ record, wanted }: Place, signal: AbortSignal): Promise<Result<string, GitFailure>> {
    const head = record.state?.head;
    if (head === undefined) return ok(wanted);
    const contains = await this.#run(["merge-base", "--is-ancestor", wanted, head], signal, [1, 128]);
    if (!contains.ok) return contains;
    return ok(contains.value.exitCode === 0 ? head : wanted);
  }

  /** Returns the git directory; null when there is no worktree, or when it must be made anew. */
  async #sound(place: Place, signal: AbortSignal): Promise<Result<string | null, GitFailure>> {
    const { path, branch, record } = place;
    const listed = await this.list(signal);
    if (!listed.ok) return listed;
    const entry = listed.value.find((candidate) => candidate.path === path);
    if (entry === undefined || entry.isHalfMade || entry.isPrunable || entry.head === null) return ok(null);
    if (entry.branch !== (record.state?.isDetached === true ? null : branch)) return ok(null);
    const gitDirectory = await linkedDirectoryOf(path, this.#options.commonDirectory);
    if (gitDirectory === undefined) return ok(null);
    // A git that was killed with its worker left these locks; one of ours that runs there needs them.
    if (!this.#options.git.isRunningIn(path)) {
      await rm(join(gitDirectory, "index.lock"), { recursive: true, force: true });
      await record.clearLocks();
    }
    const index = await stat(join(gitDirectory, "index")).catch(() => null);
    return ok(index?.isFile() === true ? gitDirectory : null);
  }

  /** A branch that was begun keeps its name. If none is possible the push fails, and a person is asked. */
  async #chooseBranch(
    issue: number,
    { state }: BranchRecord,
    signal: AbortSignal,
  ): Promise<Result<string, GitFailure>> {
    if (state !== null) return ok(state.branch ?? workBranchName(issue));
    const possible = await this.#options.remote.firstPossible(workBranchNames(issue), signal);
    return possible.ok ? ok(possible.value ?? workBranchName(issue)) : possible;
  }

  async #recordOf(issue: number): Promise<BranchRecord> {
    const known = this.#records.get(issue);
    if (known !== undefined) return known;
    const opened = await BranchRecord.open(join(this.#options.records, worktreeName(issue)));
    this.#records.set(issue, opened);
    return opened;
  }

  #gitIn(place: Place, gitDirectory: string): WorktreeGit {
    const { git, commonDirectory } = this.#options;
    return new WorktreeGit(git, commonDirectory, { ...place, gitDirectory });
  }

  /** Takes the directory and git's entry away, whatever state they are in; the branch stays. */
  async #clear(issue: number, root: string, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const moved = await moveToTrash(root, worktreeName(issue));
    if (!moved.ok) return moved;
    const listed = await this.list(signal);
    if (!listed.ok) return listed;
    const entry = listed.value.find((candidate) => candidate.issue === issue);
    if (entry === undefined) return ok();
    // I1: `worktree prune` would also forget the operator's worktrees on a disk that is not mounted now.
    const removed = await removeWorktree(this.#options, entry.path, signal);
    return removed.ok ? ok() : removed;
  }

  /** Runs before every change: the issue must be a number, the checkout the repository's, and the root our own. */
  async #prepare(issue: number, signal: AbortSignal): Promise<Result<string, GitFailure>> {
    if (!Number.isSafeInteger(issue) || issue < 1) return fail(gitFailure("failed", `${issue} is no issue number`));
    const origin = await checkOrigin(this.#options, signal);
    return origin.ok ? openWorktreeRoot(this.#options.root, worktreeName(issue)) : origin;
  }

  #run(
    gitArguments: readonly string[],
    signal: AbortSignal,
    answers: readonly number[] = [],
  ): Promise<Result<GitOutput, GitFailure>> {
    const { git, commonDirectory: directory } = this.#options;
    const call: GitCall = { directory, arguments: gitArguments, answers, variables: { GIT_DIR: directory } };
    return git.run(call, signal);
  }
}
