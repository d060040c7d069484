// A checkout of exactly one commit, for code that must see what is pushed and nothing else. A repository of its own beside
// the worktree that borrows the checkout's objects: nothing that an agent left in the worktree, in an index or in a
// configuration is in it, and what is done to it reaches nobody. It stands for one run and is swept at start.

import { copyFile, mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { errnoOf, messageOf } from "../../core/errors.ts";
import { fail, ok, type Result } from "../../core/result.ts";
import { isSha, worktreeName } from "./branch-name.ts";
import type { Git, GitCall, GitOutput } from "./git.ts";
import { type GitFailure, gitFailure } from "./git-failure.ts";
import { openWorktreeRoot, removeTree } from "./worktree-directory.ts";

const SUFFIX = ".gate";
const NAME = /^issue-[1-9]\d*\.gate$/;
const REFS_BYTES_MAX = 128 * 1_048_576;
const SHA256_LENGTH = 64;

export interface FreshCheckoutsOptions {
  readonly git: Git;
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
    const dispose = () => removeTree(path).catch(() => undefined);
    try {
      await removeTree(path);
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
    await this.#borrowObjects(gitDirectory);
    const known = await this.#showRefs(gitDirectory, base, signal);
    if (!known.ok) return known;
    const run = (gitArguments: readonly string[]) => {
      const variables = { GIT_DIR: gitDirectory, GIT_WORK_TREE: path };
      return this.#options.git.run({ directory: path, arguments: gitArguments, variables }, signal);
    };
    const named = await run(["remote", "add", "--", "origin", this.#options.remoteUrl]);
    return named.ok ? run(["checkout", "--quiet", "--detach", sha, "--"]) : named;
  }

  async #borrowObjects(gitDirectory: string): Promise<void> {
    const { commonDirectory } = this.#options;
    await mkdir(join(gitDirectory, "objects", "info"), { recursive: true });
    await writeFile(join(gitDirectory, "objects", "info", "alternates"), `${join(commonDirectory, "objects")}\n`);
    // In a shallow checkout the oldest commits name parents that are not there.
    await copyFile(join(commonDirectory, "shallow"), join(gitDirectory, "shallow")).catch((error: unknown) => {
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
