// One worktree per issue, beside the operator's checkout, which is never touched: no checkout, reset, clean, stash or
// switch there, only refs and worktree entries of our own names. All changes of one repository run one after the other.

import { readFile, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";

import { isSameRepository, parseRemoteUrl, type RepositoryName } from "../../core/repository-name.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import { checkBranchName, workBranchName, worktreeName } from "./branch-name.ts";
import type { Git, GitCall, GitOutput } from "./git.ts";
import { type GitFailure, gitFailure } from "./git-failure.ts";
import { Mutex } from "./mutex.ts";
import type { Remote } from "./remote.ts";
import { emptyTrash, moveToTrash, openWorktreeRoot } from "./worktree-directory.ts";
import { parseWorktreeList, type WorktreeEntry } from "./worktree-list.ts";

export interface WorktreeManagerOptions {
  readonly git: Git;
  readonly remote: Remote;
  readonly repository: RepositoryName;
  /** Absolute; the operator's. */
  readonly checkout: string;
  readonly commonDirectory: string;
  /** `<base>/<slug>`, as core/paths computes it. */
  readonly root: string;
  /** The operator named the repository by hand, so the checkout's origin may say something else. */
  readonly isOriginOverridden: boolean;
}

export interface Worktree {
  readonly issue: number;
  readonly path: string;
  /** `agent/issue-<n>`. */
  readonly branch: string;
  /** `<common directory>/worktrees/<id>`; the worktree's `.git` file is never trusted to name it. */
  readonly gitDirectory: string;
  readonly head: string;
  /** The base branch on the remote, as just fetched. */
  readonly baseSha: string;
  readonly reused: boolean;
}

export class WorktreeManager {
  readonly #options: WorktreeManagerOptions;
  readonly #mutex = new Mutex();

  constructor(options: WorktreeManagerOptions) {
    this.#options = options;
  }

  /**
   * The issue's worktree on its branch, ready to work in. A sound one is taken as it is, uncommitted work included; else the
   * branch resumes from the remote's, or starts at the freshly fetched `base`.
   */
  ensure(issue: number, base: string, signal: AbortSignal): Promise<Result<Worktree, GitFailure>> {
    return this.#mutex.run(() => this.#ensure(issue, base, signal), signal);
  }

  /** Forgets the worktree and its local branch. Neither being there is success. */
  async remove(issue: number, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const removed = await this.#mutex.run(async () => {
      const ready = await this.#prepare(issue, signal);
      if (!ready.ok) return ready;
      const cleared = await this.#clear(issue, ready.value, signal);
      if (!cleared.ok) return cleared;
      const deleted = await this.#run(["update-ref", "-d", `refs/heads/${workBranchName(issue)}`], signal);
      return deleted.ok ? ready : deleted;
    }, signal);
    if (!removed.ok) return removed;
    await emptyTrash(removed.value);
    return ok();
  }

  /** Our worktrees; the operator's own are left out. */
  async list(signal: AbortSignal): Promise<Result<readonly (WorktreeEntry & { issue: number })[], GitFailure>> {
    const root = await openWorktreeRoot(this.#options.root);
    if (!root.ok) return root;
    const listed = await this.#run(["worktree", "list", "--porcelain", "-z"], signal);
    if (!listed.ok) return listed;
    return ok(
      parseWorktreeList(listed.value.stdout).flatMap((entry) => {
        const issue = /^issue-([1-9]\d*)$/.exec(entry.path.slice(root.value.length + 1))?.[1];
        return issue !== undefined && dirname(entry.path) === root.value ? [{ ...entry, issue: Number(issue) }] : [];
      }),
    );
  }

  /** Clears what a killed worker left half-made. Call it once, at start. */
  prune(signal: AbortSignal): Promise<Result<readonly number[], GitFailure>> {
    return this.#mutex.run(async () => {
      const listed = await this.list(signal);
      if (!listed.ok) return listed;
      const halfMade = listed.value.filter((entry) => entry.isHalfMade || entry.isPrunable).map((entry) => entry.issue);
      for (const issue of halfMade) {
        const ready = await this.#prepare(issue, signal);
        if (!ready.ok) return ready;
        const cleared = await this.#clear(issue, ready.value, signal);
        if (!cleared.ok) return cleared;
      }
      const root = await openWorktreeRoot(this.#options.root);
      if (root.ok) await emptyTrash(root.value);
      return ok(halfMade);
    }, signal);
  }

  async #ensure(issue: number, base: string, signal: AbortSignal): Promise<Result<Worktree, GitFailure>> {
    const named = checkBranchName(base);
    if (!named.ok) return named;
    const ready = await this.#prepare(issue, signal);
    if (!ready.ok) return ready;
    const branch = workBranchName(issue);
    const fetched = await this.#options.remote.fetch([base, branch], signal);
    if (!fetched.ok) return fetched;
    const baseSha = fetched.value.get(base);
    if (baseSha === undefined) return fail(gitFailure("not-found", `the remote has no branch '${base}'`));
    const place = { issue, branch, baseSha, path: join(ready.value, worktreeName(issue)) };
    const sound = await this.#sound(place.path, branch, signal);
    if (!sound.ok) return sound;
    if (sound.value !== null) return ok({ ...place, ...sound.value, reused: true });
    return this.#create(place, ready.value, fetched.value.get(branch), signal);
  }

  async #create(
    place: Pick<Worktree, "issue" | "branch" | "baseSha" | "path">,
    root: string,
    remoteSha: string | undefined,
    signal: AbortSignal,
  ): Promise<Result<Worktree, GitFailure>> {
    const cleared = await this.#clear(place.issue, root, signal);
    if (!cleared.ok) return cleared;
    await emptyTrash(root);
    const start = await this.#startOf(place.branch, remoteSha ?? place.baseSha, signal);
    if (!start.ok) return start;
    const pointed = await this.#run(["update-ref", `refs/heads/${place.branch}`, start.value], signal);
    if (!pointed.ok) return pointed;
    // The branch exists by now, so git writes no tracking into the checkout's configuration.
    const added = await this.#run(["worktree", "add", "--quiet", "--", place.path, place.branch], signal);
    if (!added.ok) return added;
    const sound = await this.#sound(place.path, place.branch, signal);
    if (!sound.ok) return sound;
    if (sound.value === null) return fail(gitFailure("failed", `git made ${place.path}, but it is no sound worktree`));
    return ok({ ...place, ...sound.value, reused: false });
  }

  /** A local branch that outlived its worktree is kept when it holds commits that `wanted` has not, and all of `wanted`. */
  async #startOf(branch: string, wanted: string, signal: AbortSignal): Promise<Result<string, GitFailure>> {
    const local = await this.#run(
      ["rev-parse", "--verify", "--quiet", "--end-of-options", `refs/heads/${branch}^{commit}`],
      signal,
      [1],
    );
    if (!local.ok) return local;
    const sha = local.value.stdout.trim();
    if (sha === "") return ok(wanted);
    const contains = await this.#run(["merge-base", "--is-ancestor", wanted, sha], signal, [1]);
    if (!contains.ok) return contains;
    return ok(contains.value.exitCode === 0 ? sha : wanted);
  }

  /** Null when there is no worktree, or one that must be made anew. */
  async #sound(
    path: string,
    branch: string,
    signal: AbortSignal,
  ): Promise<Result<Pick<Worktree, "head" | "gitDirectory"> | null, GitFailure>> {
    const listed = await this.list(signal);
    if (!listed.ok) return listed;
    const entry = listed.value.find((candidate) => candidate.path === path);
    if (entry === undefined || entry.isHalfMade || entry.isPrunable || entry.branch !== branch || entry.head === null)
      return ok(null);
    const gitDirectory = await this.#gitDirectoryOf(path);
    if (gitDirectory === undefined) return ok(null);
    // Left by a git that was killed with its worker; while one of ours runs there it is that one's.
    if (!this.#options.git.isRunningIn(path)) await rm(join(gitDirectory, "index.lock"), { force: true });
    const hasIndex = await stat(join(gitDirectory, "index")).then(
      (found) => found.isFile(),
      () => false,
    );
    return ok(hasIndex ? { head: entry.head, gitDirectory } : null);
  }

  /** The worktree's `.git` file and git's entry must name each other. */
  async #gitDirectoryOf(path: string): Promise<string | undefined> {
    const pointer = await readFile(join(path, ".git"), "utf8").catch(() => "");
    const gitDirectory = /^gitdir: (.+)\n?$/.exec(pointer)?.[1] ?? "";
    if (dirname(gitDirectory) !== join(this.#options.commonDirectory, "worktrees")) return undefined;
    const back = await readFile(join(gitDirectory, "gitdir"), "utf8").catch(() => "");
    return back.trim() === join(path, ".git") ? gitDirectory : undefined;
  }

  /** Takes the directory and git's entry away, whatever state they are in; the branch stays. */
  async #clear(issue: number, root: string, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const moved = await moveToTrash(root, worktreeName(issue));
    if (!moved.ok) return moved;
    const listed = await this.list(signal);
    if (!listed.ok) return listed;
    const entry = listed.value.find((candidate) => candidate.issue === issue);
    if (entry === undefined) return ok();
    // Not `worktree prune`: that would also forget the operator's own worktrees on a disk that is not mounted now.
    const removed = await this.#run(["worktree", "remove", "--force", "--force", "--", entry.path], signal);
    return removed.ok ? ok() : removed;
  }

  /** Before every change: the issue is a number of ours, the checkout is the repository's, and the root leads nowhere else. */
  async #prepare(issue: number, signal: AbortSignal): Promise<Result<string, GitFailure>> {
    if (!Number.isSafeInteger(issue) || issue < 1) return fail(gitFailure("failed", `${issue} is no issue number`));
    const origin = await this.#checkOrigin(signal);
    return origin.ok ? openWorktreeRoot(this.#options.root, worktreeName(issue)) : origin;
  }

  async #checkOrigin(signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const { repository, checkout, isOriginOverridden } = this.#options;
    if (isOriginOverridden) return ok();
    const read = await this.#run(["config", "--get", "remote.origin.url"], signal, [1]);
    if (!read.ok) return read;
    const origin = parseRemoteUrl(read.value.stdout.trim());
    if (origin.ok && isSameRepository(origin.value.fullName, repository.fullName)) return ok();
    const found = origin.ok ? origin.value.fullName : "no repository";
    return fail(gitFailure("failed", `the origin of ${checkout} names ${found}, not ${repository.fullName}`));
  }

  #run(
    gitArguments: readonly string[],
    signal: AbortSignal,
    answers: readonly number[] = [],
  ): Promise<Result<GitOutput, GitFailure>> {
    const { git, commonDirectory } = this.#options;
    const call: GitCall = {
      directory: commonDirectory,
      arguments: gitArguments,
      answers,
      variables: { GIT_DIR: commonDirectory },
    };
    return git.run(call, signal);
  }
}
