// Files that a repository keeps with Git LFS (git-lfs(1)): the worktree and the gate have the files, commits have pointers.
// The filter is ours, by the program's absolute path: what a repository's configuration calls `filter.lfs` is never run.
// Git LFS itself runs what `lfs.extension.*` and `lfs.customtransfer.*` name, so it sees a git directory that was made a
// moment before, and nothing of the checkout but the store of its large files.
//
// What the server does not have at all stays a pointer, as it is for everybody who clones; a person is told.
//
// I1. The filter never uses the network: what a commit needs is downloaded before, with the credential of the remote.
// I2. What a gate sees was hashed: anybody may write into the store.

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
/** The server's word that it has no such file, or none at all. */
const LOST = /does not exist|not found/i;

export interface LargeFilesOptions {
  readonly views: BareViews;
  readonly commonDirectory: string;
  /** Where git-lfs is, absolute; null when the machine has none. Somebody may install it at any time. */
  readonly findProgram: () => Promise<string | null>;
  /** Of the remote. */
  readonly url: string;
}

/** The remote's: with the credential, in that view. */
export type TalkIn = (
  view: BareView,
  call: Pick<GitCall, "arguments" | "input" | "config">,
) => Promise<Result<GitOutput, GitFailure>>;

export class LargeFiles {
  readonly #options: LargeFilesOptions;
  readonly #uses = new RecentMap<string, boolean>(COMMITS_MAX);
  /** Commits whose files are in the store. */
  readonly #whole = new RecentMap<string, true>(COMMITS_MAX);
  #program: string | null = null;
  #problem: string | null = null;
  #lost: string | null = null;

  constructor(options: LargeFilesOptions) {
    this.#options = options;
  }

  /** One line for people about what keeps every issue from its files; null when nothing does. */
  get problem(): string | null {
    return this.#problem;
  }

  /** Runs git for files in a worktree or a gate's checkout. */
  filtering(git: Git): Git {
    return {
      isRunningIn: (directory) => git.isRunningIn(directory),
      run: (call, signal) => git.run({ ...call, config: [...(call.config ?? []), ...this.#filter] }, signal),
    };
  }

  /** One line for people about files of the base that the server does not have; null when it has all. */
  get lost(): string | null {
    return this.#lost;
  }

  /** I1: the files of these branches' commits, as far as the server has them. */
  async download(
    heads: ReadonlyMap<string, string>,
    talk: TalkIn,
    signal: AbortSignal,
  ): Promise<Result<undefined, GitFailure>> {
    for (const [branch, commit] of heads) {
      const done = await this.#downloadFor(commit, talk, signal);
      const said = done.ok || done.failure.kind !== "large-files" ? null : done.failure.message;
      const isLost = said !== null && LOST.test(said);
      if (!isWorkBranchName(branch)) {
        this.#problem = isLost ? null : said;
        this.#lost = isLost ? `${said}; worktrees and gates have its pointer instead` : null;
      }
      if (!done.ok && !isLost) return done;
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

  /** Before a push of `commit`: what the remote's branches have, as far as they are known here, is there already. */
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
    // Nothing that comes with time changes that the server takes none.
    const isRefused = !done.ok && done.failure.kind === "large-files" && LOST.test(done.failure.message);
    return isRefused ? fail({ ...done.failure, kind: "refused", retryable: false }) : done;
  }

  /** I2: takes files away that are not what their names say; what is missing then stays a pointer. */
  async dropForged(commit: string, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const used = await this.#usedIn(commit, signal);
    if (!used.ok || !used.value) return used.ok ? ok() : used;
    const { views } = this.#options;
    const call = { arguments: ["lfs", "fsck", "--objects", commit], config: this.#store, answers: [CORRUPT] };
    const looked = await views.run(call, signal);
    if (!looked.ok) return looked;
    // Whatever is missing is to be had anew by the next fetch.
    if (looked.value.exitCode === CORRUPT) this.#whole.clear();
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

  /** The checkout's, so that what the operator has is not downloaded again. */
  get #store(): readonly ConfigPair[] {
    return [["lfs.storage", join(this.#options.commonDirectory, "lfs")]];
  }
}

/** I1: its git directory names no remote, so a file that the store does not have stays a pointer. */
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
