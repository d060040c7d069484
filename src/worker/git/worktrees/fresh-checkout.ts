// A checkout of exactly one commit, for code that must see what is pushed and nothing else. A repository of its own beside
// the worktree: nothing that an agent left in the worktree, in an index, in a configuration or in the object store is in it,
// and what is done to it reaches nobody. It stands for one run and is swept at start.
//
// I1. Each object of the commit and of the base was hashed on its way into the checkout's own store. Git believes a file of
//     an object store that it holds what its name says, and what a change leaves alone is never pushed, so no server looks.
// I2. Older history is borrowed, since a copy would cost each run as much as a clone, and only when the files are there.
//     Git takes an object of I1 from the own store also then.

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
/** I2: git looks into packs first, borrowed ones included, and into its own first among these. */
const AS_PACK: readonly ConfigPair[] = [["fetch.unpackLimit", "1"]];
/** I2: what stands in these of the lender would come before our own pack, and before commits. */
const CONFIG = "[core]\n\tcommitGraph = false\n\tmultiPackIndex = false\n";

export interface FreshCheckoutsOptions {
  readonly git: Git;
  readonly views: BareViews;
  readonly remote: { readonly largeFiles: LargeFiles };
  readonly commonDirectory: string;
  /** `<base>/<slug>`, where the worktrees stand. */
  readonly root: string;
  readonly remoteUrl: string;
}

export interface FreshCommit {
  readonly issue: number;
  readonly sha: string;
  /** What `origin/<base>` is to say. */
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
    // What cannot be removed now is in the way of the next one, and said then.
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
    // I1: whoever fetches a pack names each object by what it holds.
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
    // In a shallow checkout the oldest commits name parents that are not there; the view knows which.
    await copyFile(join(view.directory, "shallow"), join(gitDirectory, "shallow")).catch((error: unknown) => {
      if (errnoOf(error) !== "ENOENT") throw error;
    });
  }

  /** Tags and the remote's branches, as the checkout knows them: `git describe` and `git diff origin/main` are checks too. */
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
