// Makes a checkout of exactly one commit, for code that must see what is pushed and nothing else. It is a repository of
// its own beside the worktree: it holds nothing that an agent left in the worktree, in an index, in a configuration or
// in the object store, and what is done to it reaches nobody. It stands for one run and is swept at start.
//
// I1 Each object of the commit and of the base was hashed on its way into the checkout's own store. Git trusts the name
//    of a file in an object store that it holds, and what a change leaves alone is never pushed, so that no server
//    looks either.
// I2 Older history is borrowed, since a copy would cost each run as much as a clone, and only when the files are there.
//    Git prefers the own store to the borrowed one for an object of I1.

import { appendFile, copyFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf, messageOf } from "../../../core/base/errors.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { removeTree } from "../../../core/files/remove-tree.ts";
import type { BareView, BareViews } from "../remote/bare-view.ts";
import { isSha, worktreeName } from "../command/branch-name.ts";
import type { Git, GitCall, GitOutput } from "../command/git.ts";
import type { ConfigPair } from "../command/git-environment.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";
import type { LargeFiles } from "../remote/large-files.ts";
import { openWorktreeRoot } from "./worktree-directory.ts";

const SUFFIX = ".gate";
const NAME = /^issue-[1-9]\d*\.gate$/;
const REFS_BYTES_MAX = 128 * 1_048_576;
const SHA256_LENGTH = 64;
const FETCH = ["fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance", "--"];
/** I2: git searches packs first, its own before borrowed ones, so our objects must lie in a pack. */
const AS_PACK: readonly ConfigPair[] = [["fetch.unpackLimit", "1"]];
/** I2: the lender's commit-graph and multi-pack index would come before our own pack. */
const CONFIG = "[core]\n\tcommitGraph = false\n\tmultiPackIndex = false\n";

export interface FreshCheckoutsOptions {
  readonly git: Git;
  readonly views: BareViews;
  readonly remote: { readonly largeFiles: LargeFiles };
  readonly commonDirectory: string;
  /** The worktrees' directory, `<base>/<slug>`. */
  readonly root: string;
  readonly remoteUrl: string;
}

export interface FreshCommit {
  readonly issue: number;
  readonly sha: string;
  /** The commit that `origin/<base>` will name. */
  readonly base: { readonly branch: string; readonly sha: string };
}

export interface FreshCheckout extends AsyncDisposable {
  readonly path: string;
}

export class FreshCheckouts {
  readonly #options: FreshCheckoutsOptions;

  constructor(options: FreshCheckoutsOptions) {
    this.#options = options;
  }

  async make(commit: FreshCommit, signal: AbortSignal): Promise<Result<FreshCheckout, GitFailure>> {
    if (!isSha(commit.sha)) return fail(gitFailure("failed", "a checkout needs a full object name"));
    const name = `${worktreeName(commit.issue)}${SUFFIX}`;
    const root = await openWorktreeRoot(this.#options.root, name);
    if (!root.ok) return root;
    const path = join(root.value, name);
    // A directory that cannot be removed now is in the way of the next checkout, which then says so.
    const dispose = async () => void (await removeTree(path));
    try {
      if (!(await removeTree(path))) return fail(gitFailure("failed", `${path} is in the way and cannot be removed`));
      const filled = await this.#fill(path, root.value, commit, signal);
      if (filled.ok) return ok({ path, [Symbol.asyncDispose]: dispose });
      await dispose();
      return filled;
    } catch (error) {
      signal.throwIfAborted();
      return fail(gitFailure("failed", messageOf(error)));
    }
  }

  /** Takes away what a killed worker left. Call it once, at start. */
  async sweep(): Promise<void> {
    const root = await openWorktreeRoot(this.#options.root);
    if (!root.ok) return;
    for (const name of await readdir(root.value))
      if (NAME.test(name)) await removeTree(join(root.value, name)).catch(() => undefined);
  }

  async #fill(
    path: string,
    root: string,
    { sha, base }: FreshCommit,
    signal: AbortSignal,
  ): Promise<Result<unknown, GitFailure>> {
    const format = sha.length === SHA256_LENGTH ? "sha256" : "sha1";
    const init = ["init", "--quiet", "--template=", `--object-format=${format}`, "--", path];
    const made = await this.#options.git.run({ directory: root, arguments: init }, signal);
    if (!made.ok) return made;
    const gitDirectory = join(path, ".git");
    const refs = new Map([
      ["refs/heads/commit", sha],
      ["refs/heads/base", base.sha],
    ]);
    const opened = await this.#options.views.make(signal, refs);
    if (!opened.ok) return opened;
    await using view = opened.value;
    await lend(this.#options.commonDirectory, view.directory);
    const run = (gitArguments: readonly string[], more: Partial<GitCall> = {}) => {
      const variables = { GIT_DIR: gitDirectory, GIT_WORK_TREE: path };
      return this.#options.git.run({ ...more, directory: path, arguments: gitArguments, variables }, signal);
    };
    // I1: the git that fetches a pack names each object by what it holds.
    const fetched = await run([...FETCH, view.directory, ...refs.keys()], { protocols: ["file"], config: AS_PACK });
    if (!fetched.ok) return notAsPushed(sha, fetched.failure);
    const genuine = await this.#options.remote.largeFiles.dropForged(sha, signal);
    if (!genuine.ok) return genuine;
    const filled = await run(["checkout", "--quiet", "--detach", sha, "--"]);
    if (!filled.ok) return filled;
    await this.#borrowHistory(gitDirectory, view);
    const known = await this.#showRefs(gitDirectory, base, signal);
    return known.ok ? await run(["remote", "add", "--", "origin", this.#options.remoteUrl]) : known;
  }

  async #borrowHistory(gitDirectory: string, view: BareView): Promise<void> {
    await appendFile(join(gitDirectory, "config"), CONFIG);
    await lend(this.#options.commonDirectory, gitDirectory);
    await rm(join(gitDirectory, "shallow"), { force: true });
    // In a shallow checkout the oldest commits name parents that are not there; the view knows which commits these are.
    await copyFile(join(view.directory, "shallow"), join(gitDirectory, "shallow")).catch((error: unknown) => {
      if (errnoOf(error) !== "ENOENT") throw error;
    });
  }

  /**
   * Shows tags and the remote's branches as the checkout knows them, for checks like `git describe` and `git diff
   * origin/main`.
   */
  async #showRefs(
    gitDirectory: string,
    base: FreshCommit["base"],
    signal: AbortSignal,
  ): Promise<Result<undefined, GitFailure>> {
    const format = "--format=%(objectname) %(refname)";
    const call: GitCall = {
      directory: this.#options.commonDirectory,
      arguments: ["for-each-ref", format, "refs/tags", "refs/remotes/origin"],
      variables: { GIT_DIR: this.#options.commonDirectory },
      encoding: "latin1",
      outputBytesMax: REFS_BYTES_MAX,
    };
    const listed: Result<GitOutput, GitFailure> = await this.#options.git.run(call, signal);
    if (!listed.ok) return listed;
    const ours = `refs/remotes/origin/${base.branch}`;
    const lines = listed.value.stdout.split("\n").filter((line) => {
      const name = line.slice(line.indexOf(" ") + 1);
      return line !== "" && name !== ours && name !== "refs/remotes/origin/HEAD";
    });
    const refs = [...lines, `${base.sha} ${ours}`].map((line) => `${line}\n`).join("");
    await writeFile(join(gitDirectory, "packed-refs"), refs, "latin1");
    return ok();
  }
}

async function lend(commonDirectory: string, gitDirectory: string): Promise<void> {
  const info = join(gitDirectory, "objects", "info");
  await mkdir(info, { recursive: true });
  await writeFile(join(info, "alternates"), `${join(commonDirectory, "objects")}\n`);
}

function notAsPushed(sha: string, failure: GitFailure): Result<never, GitFailure> {
  return fail({ ...failure, message: `the checkout does not have ${sha} whole and genuine: ${failure.message}` });
}
