// The refs of work branches in the operator's checkout: the local branch, and what was seen of the remote's. They go with
// the issue; a branch that somebody has checked out is left to them.

import { ok, type Result } from "../../core/result.ts";
import { issueOfBranch, workBranchName } from "./branch-name.ts";
import type { Git, GitCall, GitOutput } from "./git.ts";
import type { GitFailure } from "./git-failure.ts";
import { holderOf, listWorktrees } from "./worktree-list.ts";

/** All of them lie below, but for those of another name, which their records tell. */
const AREA = "agent";
const LOCAL = "refs/heads/";
const TRACKED = "refs/remotes/origin/";

export class BranchRefs {
  readonly #git: Git;
  readonly #commonDirectory: string;

  constructor(git: Git, commonDirectory: string) {
    this.#git = git;
    this.#commonDirectory = commonDirectory;
  }

  /** Null when they are gone; else whose worktree the local branch was left for. `own` is the issue's worktree. */
  async remove(
    { issue, branch: recorded, own }: { issue: number; branch: string; own: string },
    signal: AbortSignal,
  ): Promise<Result<string | null, GitFailure>> {
    const entries = await listWorktrees(this.#git, this.#commonDirectory, signal);
    if (!entries.ok) return entries;
    const branches = [...new Set([workBranchName(issue), recorded])];
    const refs = await this.#list(branches, signal);
    if (!refs.ok) return refs;
    const where = { entries: entries.value, commonDirectory: this.#commonDirectory, own };
    let keptFor: string | null = null;
    for (const branch of branches) {
      const holder = await holderOf(branch, where);
      keptFor ??= holder;
      const gone = [`${TRACKED}${branch}`, ...(holder === null ? [`${LOCAL}${branch}`] : [])];
      for (const ref of gone.filter((each) => refs.value.includes(each))) {
        const deleted = await this.#run(["update-ref", "--no-deref", "-d", ref], signal);
        if (!deleted.ok) return deleted;
      }
    }
    return ok(keptFor);
  }

  /** The issues that any of these refs is of. */
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

  #run(gitArguments: readonly string[], signal: AbortSignal): Promise<Result<GitOutput, GitFailure>> {
    const directory = this.#commonDirectory;
    const call: GitCall = { directory, arguments: gitArguments, variables: { GIT_DIR: directory } };
    return this.#git.run(call, signal);
  }
}
