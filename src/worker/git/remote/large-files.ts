// Handles files that a repository keeps with Git LFS (git-lfs(1)): the worktree and the gate have the files, commits
// have pointers. The filter is ours, by the program's absolute path, and a repository's `filter.lfs` is never run. Git
// LFS itself runs what `lfs.extension.*` and `lfs.customtransfer.*` name, so it sees a git directory that was made a
// moment before, and nothing of the checkout but the store of its large files. A file that the server does not have
// stays a pointer, as it does for everybody who clones; a person is told.
//
// I1 The filter never uses the network: the files of a commit are downloaded before, with the remote's credential.
// I2 Every file that a gate sees was hashed, since anybody may write into the store.

import { devNull } from "node:os";
import { join } from "node:path";

import { lfsMissing } from "../../../core/checkout/lfs.ts";
import { RecentMap } from "../../../core/base/recent-map.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import type { BareView, BareViews } from "./bare-view.ts";
import { isWorkBranchName } from "../command/branch-name.ts";
import type { Git, GitCall, GitOutput } from "../command/git.ts";
import type { ConfigPair } from "../command/git-environment.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";

const CORRUPT = 1;
const NO_MATCH = 1;
const COMMITS_MAX = 1_000;
/** The server says so when it has no such file, or none at all. */
const LOST = /does not exist|not found/i;

export interface LargeFilesOptions {
  readonly views: BareViews;
  readonly commonDirectory: string;
  /** Returns git-lfs's absolute path; null when the machine has none. Somebody may install it at any time. */
  readonly findProgram: () => Promise<string | null>;
  /** The remote's URL. */
  readonly url: string;
}

/** Runs a call of the remote's, with its credential, in that view. */
export type TalkIn = (
  view: BareView,
  call: Pick<GitCall, "arguments" | "input" | "config">,
) => Promise<Result<GitOutput, GitFailure>>;

export class LargeFiles {
  readonly #options: LargeFilesOptions;
  readonly #uses = new RecentMap<string, boolean>(COMMITS_MAX);
  /** The files of these commits are in the store. */
  readonly #whole = new RecentMap<string, true>(COMMITS_MAX);
  /** The server lacks files of these commits. While the base is among them it is asked again when somebody says so. */
  readonly #lacking = new RecentMap<string, GitFailure>(COMMITS_MAX);
  #program: string | null = null;
  #problem: string | null = null;
  #lost: string | null = null;

  constructor(options: LargeFilesOptions) {
    this.#options = options;
  }

  /** Tells people in one line what keeps every issue from its files; null when nothing does. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Makes a git whose worktrees and gates' checkouts get files in place of pointers. */
  filtering(git: Git): Git {
    return {
      isRunningIn: (directory) => git.isRunningIn(directory),
      run: (call, signal) => git.run({ ...call, config: [...(call.config ?? []), ...this.#filter] }, signal),
    };
  }

  /** Tells people in one line which files of the base the server does not have; null when it has all. */
  get lost(): string | null {
    return this.#lost;
  }

  /** Has the next download ask the server again for what it did not have. */
  askAgain(): void {
    this.#lacking.clear();
  }

  /** I1: downloads the files of these branches' commits, as far as the server has them. */
  async download(
    heads: ReadonlyMap<string, string>,
    talk: TalkIn,
    signal: AbortSignal,
  ): Promise<Result<undefined, GitFailure>> {
    for (const [branch, commit] of heads) {
      const known = this.#lacking.get(commit);
      const done = known === undefined ? await this.#downloadFor(commit, talk, signal) : fail(known);
      const said = done.ok || done.failure.kind !== "large-files" ? null : done.failure.message;
      const isLost = said !== null && LOST.test(said);
      if (!isWorkBranchName(branch)) {
        this.#problem = isLost ? null : said;
        this.#lost = isLost ? `${said}; worktrees and gates have its pointer instead` : null;
      }
      if (!done.ok && !isLost) return done;
      if (!done.ok && this.#lost !== null) this.#lacking.set(commit, done.failure);
    }
    return ok();
  }

  async #downloadFor(commit: string, talk: TalkIn, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    if (this.#whole.get(commit) === true) return ok();
    const used = await this.#usedIn(commit, signal);
    if (!used.ok || !used.value) return used.ok ? ok() : used;
    this.#program ??= await this.#options.findProgram();
    if (this.#program === null) return fail(gitFailure("large-files", lfsMissing("the repository")));
    const done = await this.#talk(talk, new Map(), { arguments: ["lfs", "fetch", "origin", commit] }, signal);
    if (done.ok) this.#whole.set(commit, true);
    return done;
  }

  /**
   * Call it before a push of `commit`. What the remote's branches have, as far as they are known here, is there
   * already.
   */
  async upload(
    commit: string,
    { branch, known }: { readonly branch: string; readonly known: Iterable<string> },
    talk: TalkIn,
    signal: AbortSignal,
  ): Promise<Result<undefined, GitFailure>> {
    const used = await this.#usedIn(commit, signal);
    if (!used.ok || !used.value) return used.ok ? ok() : used;
    const refs = new Map([...known].map((sha) => [`refs/remotes/origin/${sha}`, sha]));
    const ref = `refs/heads/${branch}`;
    const call = {
      arguments: ["lfs", "pre-push", "origin", this.#options.url],
      input: `${ref} ${commit} ${ref} ${"0".repeat(commit.length)}\n`,
    };
    const done = await this.#talk(talk, refs, call, signal);
    // A server that takes no such files will not take them later either.
    const isRefused = !done.ok && done.failure.kind === "large-files" && LOST.test(done.failure.message);
    return isRefused ? fail({ ...done.failure, kind: "refused", retryable: false }) : done;
  }

  /** I2: removes files that are not what their names say; a file that is missing then stays a pointer. */
  async dropForged(commit: string, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const used = await this.#usedIn(commit, signal);
    if (!used.ok || !used.value) return used.ok ? ok() : used;
    const { views } = this.#options;
    const call = { arguments: ["lfs", "fsck", "--objects", commit], config: this.#store, answers: [CORRUPT] };
    const looked = await views.run(call, signal);
    if (!looked.ok) return looked;
    // The next fetch gets whatever is missing now.
    if (looked.value.exitCode === CORRUPT) {
      this.#whole.clear();
      this.#lacking.clear();
    }
    return ok();
  }

  async #talk(
    talk: TalkIn,
    refs: ReadonlyMap<string, string>,
    call: Pick<GitCall, "arguments" | "input">,
    signal: AbortSignal,
  ): Promise<Result<undefined, GitFailure>> {
    const { views, url } = this.#options;
    const made = await views.make(signal, refs);
    if (!made.ok) return made;
    await using view = made.value;
    const config: readonly ConfigPair[] = [
      ...this.#store,
      ["remote.origin.url", url],
      ["lfs.basicTransfersOnly", "true"],
      [`lfs.${url}/info/lfs.locksVerify`, "false"],
    ];
    const done = await talk(view, { ...call, config });
    if (done.ok) return ok();
    return fail({ ...done.failure, message: `Git LFS: ${done.failure.message}` });
  }

  async #usedIn(commit: string, signal: AbortSignal): Promise<Result<boolean, GitFailure>> {
    const known = this.#uses.get(commit);
    if (known !== undefined) return ok(known);
    const search = ["grep", "--quiet", "-a", "-F", "-e", "filter=lfs", commit, "--", ":(glob)**/.gitattributes"];
    const found = await this.#options.views.run({ arguments: search, answers: [NO_MATCH] }, signal);
    if (!found.ok) return found;
    const isUsed = found.value.exitCode === 0;
    this.#uses.set(commit, isUsed);
    return ok(isUsed);
  }

  get #filter(): readonly ConfigPair[] {
    if (this.#program === null) return [];
    return [
      ["filter.lfs.process", filterCommand(this.#program)],
      ["filter.lfs.required", "true"],
      ["lfs.skipDownloadErrors", "true"],
      ...this.#store,
    ];
  }

  /** Shares the checkout's store, so that files which the operator has are not downloaded again. */
  get #store(): readonly ConfigPair[] {
    return [["lfs.storage", join(this.#options.commonDirectory, "lfs")]];
  }
}

/** I1: the filter's git directory names no remote, so a file that the store does not have stays a pointer. */
function filterCommand(program: string): string {
  const quoted = `'${program.replaceAll("'", `'\\''`)}'`;
  return [
    'd=$(mktemp -d "$HOME/lfs.XXXXXX") || exit 1',
    `trap 'rm -rf "$d"' EXIT`,
    'mkdir "$d/objects" "$d/refs" && echo "ref: refs/heads/none" >"$d/HEAD"',
    `printf '[core]\\n\\trepositoryformatversion = 0\\n\\tbare = true\\n' >"$d/config"`,
    "unset GIT_COMMON_DIR GIT_INDEX_FILE GIT_WORK_TREE GIT_OBJECT_DIRECTORY GIT_PREFIX",
    `GIT_DIR="$d" GIT_ATTR_SOURCE= GIT_GRAFT_FILE=${devNull}/grafts ${quoted} filter-process`,
  ].join("; ");
}
