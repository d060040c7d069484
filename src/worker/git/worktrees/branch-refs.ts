// Owns the refs of work branches in the operator's checkout: the local branch, and what was seen of the remote's. They
// go with the issue; a branch that somebody has checked out is left to them.

import { ok, type Result } from "../../../core/base/result.ts";
import { issueOfBranch } from "../command/branch-name.ts";
import type { Git, GitCall, GitOutput } from "../command/git.ts";
import type { GitFailure } from "../command/git-failure.ts";
import { holderOf, listWorktrees } from "./worktree-list.ts";

const AREA = "agent";
const LOCAL = "refs/heads/";
const SHORT = 12;
/** Git exits so when it says "no", and when there is nothing that it could be asked about. */
const NO_COMMIT = [1, 128];
const TRACKED = "refs/remotes/origin/";

/** Says how an issue's worktree and branch are removed. */
export interface Removal {
  /** The local branch stays, for a person who may want what was made. */
  readonly keepsBranch?: boolean;
  /**
   * The caller remembers the issue and vouches that the branch is ours, although no worktree and no record of it is
   * left.
   */
  readonly isOurs?: boolean;
  /** Is asked while nobody can make the worktree; nothing is removed without its consent. */
  readonly mayGo?: () => boolean;
}

export interface Removed {
  /** Somebody else's worktree has the branch checked out, so that it was left; null when the branch is gone. */
  readonly branchKeptFor: string | null;
}

export class BranchRefs {
  readonly #git: Git;
  readonly #commonDirectory: string;

  constructor(git: Git, commonDirectory: string) {
    this.#git = git;
    this.#commonDirectory = commonDirectory;
  }

  /**
   * Returns null when the refs are gone, else whose worktree the local branch was left for. `own` is the issue's
   * worktree.
   */
  async remove(
    { branch, own }: { branch: string; own: string },
    signal: AbortSignal,
  ): Promise<Result<string | null, GitFailure>> {
    const entries = await listWorktrees(this.#git, this.#commonDirectory, signal);
    if (!entries.ok) return entries;
    const refs = await this.#list([branch], signal);
    if (!refs.ok) return refs;
    const holder = await holderOf(branch, { entries: entries.value, commonDirectory: this.#commonDirectory, own });
    const gone = [`${TRACKED}${branch}`, ...(holder === null ? [`${LOCAL}${branch}`] : [])];
    for (const ref of gone.filter((each) => refs.value.includes(each))) {
      const deleted = await this.#run(["update-ref", "--no-deref", "-d", ref], signal);
      if (!deleted.ok) return deleted;
    }
    return ok(holder);
  }

  /**
   * Call it before the local branch is made ours. Commits there that `start` does not hold are somebody else's; they
   * stay as `<branch>-kept-<sha>`.
   */
  async setAside(
    { branch, path: own }: { branch: string; path: string },
    start: string,
    signal: AbortSignal,
  ): Promise<Result<undefined, GitFailure>> {
    const ref = `${LOCAL}${branch}`;
    const found = await this.#run(["rev-parse", "--quiet", "--verify", ref], signal, NO_COMMIT);
    if (!found.ok || found.value.exitCode !== 0) return found.ok ? ok() : found;
    const sha = found.value.stdout.trim();
    const contained = await this.#run(["merge-base", "--is-ancestor", sha, start], signal, NO_COMMIT);
    if (!contained.ok || contained.value.exitCode === 0) return contained.ok ? ok() : contained;
    const entries = await listWorktrees(this.#git, this.#commonDirectory, signal);
    if (!entries.ok) return entries;
    const where = { entries: entries.value, commonDirectory: this.#commonDirectory, own };
    if ((await holderOf(branch, where)) !== null) return ok();
    const kept = await this.#run(["update-ref", "--no-deref", `${ref}-kept-${sha.slice(0, SHORT)}`, sha], signal);
    return kept.ok ? ok() : kept;
  }

  /** Lists the issues that these refs are named after. */
  async issues(signal: AbortSignal): Promise<Result<ReadonlySet<number>, GitFailure>> {
    const refs = await this.#list([AREA], signal);
    if (!refs.ok) return refs;
    const names = refs.value.map((ref) => ref.slice((ref.startsWith(LOCAL) ? LOCAL : TRACKED).length));
    return ok(new Set(names.flatMap((name) => issueOfBranch(name) ?? [])));
  }

  async #list(names: readonly string[], signal: AbortSignal): Promise<Result<readonly string[], GitFailure>> {
    const patterns = names.flatMap((name) => [`${LOCAL}${name}`, `${TRACKED}${name}`]);
    const listed = await this.#run(["for-each-ref", "--format=%(refname)", ...patterns], signal);
    return listed.ok ? ok(listed.value.stdout.split("\n").filter((ref) => ref !== "")) : listed;
  }

  #run(
    gitArguments: readonly string[],
    signal: AbortSignal,
    answers: readonly number[] = [],
  ): Promise<Result<GitOutput, GitFailure>> {
    const directory = this.#commonDirectory;
    const call: GitCall = { directory, arguments: gitArguments, answers, variables: { GIT_DIR: directory } };
    return this.#git.run(call, signal);
  }
}
