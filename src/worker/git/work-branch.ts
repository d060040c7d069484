// Everything the pipeline does with git inside one issue's worktree. Git is told where the repository is, so a replaced
// `.git` file leads nowhere; the config guard must have verified the worktree since the agent's last turn.

import { fail, ok, type Result } from "../../core/result.ts";
import { isSha } from "./branch-name.ts";
import { type Change, ChangeReader } from "./change-reader.ts";
import type { Git, GitCall, GitOutput } from "./git.ts";
import { type GitFailure, gitFailure } from "./git-failure.ts";
import type { Remote } from "./remote.ts";
import type { Worktree } from "./worktree-manager.ts";

const DIFF_OPTIONS = ["--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all"];
const DIFF_BYTES_MAX = 1_048_576;
/** `ls-files` prints some 100 bytes a file. */
const INDEX_BYTES_MAX = 128 * 1_048_576;

export interface StatusEntry {
  /** The two letters of git-status(1), for instance ` M` or `??`. */
  readonly code: string;
  readonly path: string;
}

export type MergeOutcome =
  | { readonly kind: "merged"; readonly head: string; readonly changed: boolean }
  /** The merge was taken back and the worktree is as it was; or, when asked for, it stands there half done. */
  | { readonly kind: "conflict"; readonly files: readonly string[] };

export interface WorkBranchOptions {
  readonly git: Git;
  readonly remote: Remote;
  readonly commonDirectory: string;
  readonly worktree: Pick<Worktree, "path" | "branch" | "gitDirectory">;
}

export class WorkBranch {
  readonly #options: WorkBranchOptions;

  constructor(options: WorkBranchOptions) {
    this.#options = options;
  }

  /** What a commit would take; repositories inside the worktree are left out. */
  async status(signal: AbortSignal): Promise<Result<readonly StatusEntry[], GitFailure>> {
    const entries = await this.#entries(signal);
    return entries.ok ? ok(entries.value.filter((entry) => !isRepository(entry))) : entries;
  }

  /** Where the work branch points; what is checked out may be something else after an agent's turn, see `isOnBranch`. */
  async headSha(signal: AbortSignal): Promise<Result<string, GitFailure>> {
    const resolved = await this.#run(["rev-parse", "--verify", "--quiet", "--end-of-options", this.#ref], signal);
    return resolved.ok ? ok(resolved.value.stdout.trim()) : resolved;
  }

  async isOnBranch(signal: AbortSignal): Promise<Result<boolean, GitFailure>> {
    const resolved = await this.#run(["symbolic-ref", "--quiet", "HEAD"], signal, { answers: [1] });
    return resolved.ok ? ok(resolved.value.stdout.trim() === this.#ref) : resolved;
  }

  /** Everything that is not ignored, nested repositories aside, as one commit; null when there is nothing to commit. */
  async commitAll(message: string, signal: AbortSignal): Promise<Result<string | null, GitFailure>> {
    const placed = await this.#requireBranch(signal);
    if (!placed.ok) return placed;
    const nested = await this.#nestedRepositories(signal);
    if (!nested.ok) return nested;
    const pathspecs = [":/", ...nested.value.map((path) => `:(top,exclude,literal)${path}`)].join("\0");
    const added = await this.#run(["add", "--all", "--pathspec-from-file=-", "--pathspec-file-nul"], signal, {
      input: pathspecs,
    });
    if (!added.ok) return added;
    const staged = await this.#run(["diff", "--cached", "--quiet", ...DIFF_OPTIONS], signal, { answers: [1] });
    if (!staged.ok) return staged;
    if (staged.value.exitCode === 0) return ok(null);
    const committed = await this.#run(
      ["commit", "--quiet", "--no-verify", "--no-gpg-sign", "--no-status", "--file=-"],
      signal,
      { input: message },
    );
    return committed.ok ? this.headSha(signal) : committed;
  }

  /** Reads commits from objects alone, whatever lies in the worktree. */
  get changes(): ChangeReader {
    return new ChangeReader(this.#options.remote.views);
  }

  /** Commits of the work branch that `base`, a sha, has not. */
  async commitsAhead(base: string, signal: AbortSignal): Promise<Result<number, GitFailure>> {
    const head = await this.headSha(signal);
    return head.ok ? this.changes.commitsAhead({ base, head: head.value }, signal) : head;
  }

  /** What this process has pushed to the work branch last; null when nothing. */
  get lastPushed(): string | null {
    return this.#options.remote.lastPushed(this.#options.worktree.branch);
  }

  /** What the remote has of `branches`, with the commits fetched. */
  fetchHeads(
    branches: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    return this.#options.remote.fetch(branches, signal);
  }

  async diff(
    base: string,
    signal: AbortSignal,
    bytesMax = DIFF_BYTES_MAX,
  ): Promise<Result<{ text: string; truncated: boolean }, GitFailure>> {
    const change = await this.#change(base, signal);
    if (!change.ok) return change;
    const read = await this.changes.readDiff(change.value, signal, bytesMax);
    if (!read.ok) return read;
    const text = read.value.map((file) => (file.note === null ? file.text : `# ${file.path}: ${file.note}\n`)).join("");
    return ok({ text, truncated: read.value.some(({ note }) => note !== null) });
  }

  async changedFiles(base: string, signal: AbortSignal): Promise<Result<readonly string[], GitFailure>> {
    const change = await this.#change(base, signal);
    return change.ok ? ok(change.value.files.map(({ path }) => path)) : change;
  }

  /** Merges the remote's `base` branch, freshly fetched. Uncommitted work is refused: taking a merge back would lose it. */
  async mergeBase(base: string, signal: AbortSignal, keepConflict = false): Promise<Result<MergeOutcome, GitFailure>> {
    const before = await this.#requireClean(signal);
    if (!before.ok) return before;
    const fetched = await this.#options.remote.fetch([base], signal);
    if (!fetched.ok) return fetched;
    const baseSha = fetched.value.get(base);
    if (baseSha === undefined) return fail(gitFailure("not-found", `the remote has no branch '${base}'`));
    const merge = [
      "merge",
      "--quiet",
      "--no-verify",
      "--no-edit",
      "--no-gpg-sign",
      "-m",
      `Merge branch '${base}'`,
      baseSha,
    ];
    const merged = await this.#run(merge, signal);
    if (!merged.ok) return this.#takeBack(merged.failure, keepConflict, signal);
    const head = await this.headSha(signal);
    return head.ok ? ok({ kind: "merged", head: head.value, changed: head.value !== before.value }) : head;
  }

  /** `expected` is the sha that the remote branch must have, null for "must not exist"; else `rejected`. Returns what was pushed. */
  async pushBranch(expected: string | null, signal: AbortSignal): Promise<Result<string, GitFailure>> {
    const head = await this.headSha(signal);
    if (!head.ok) return head;
    const pushed = await this.#options.remote.push(
      { branch: this.#options.worktree.branch, sha: head.value, expected },
      signal,
    );
    return pushed.ok ? head : pushed;
  }

  /** What the remote has for `branch`, by default the work branch; null when it is not there. */
  remoteHead(signal: AbortSignal, branch = this.#options.worktree.branch): Promise<Result<string | null, GitFailure>> {
    return this.#options.remote.head(branch, signal);
  }

  /** Makes worktree and work branch exactly `sha`; ignored files, for instance installed packages, stay. */
  async resetTo(sha: string, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    if (!isSha(sha)) return fail(gitFailure("failed", "a reset needs a full object name"));
    const placed = await this.#run(["symbolic-ref", "HEAD", this.#ref], signal);
    if (!placed.ok) return placed;
    const reset = await this.#run(["reset", "--quiet", "--hard", sha, "--"], signal);
    if (!reset.ok) return reset;
    const cleaned = await this.#run(["clean", "--quiet", "-d", "--force", "--force"], signal);
    return cleaned.ok ? ok() : cleaned;
  }

  /**
   * Submodules and repositories that stand inside the worktree. `git add` runs `git status` in each, under that repository's
   * own configuration and without our overrides, so they are left out.
   */
  async #nestedRepositories(signal: AbortSignal): Promise<Result<readonly string[], GitFailure>> {
    const entries = await this.#entries(signal);
    if (!entries.ok) return entries;
    const tracked = await this.#run(["ls-files", "--stage", "-z"], signal, { outputBytesMax: INDEX_BYTES_MAX });
    if (!tracked.ok) return tracked;
    const links = fieldsOf(tracked.value.stdout)
      .filter((row) => row.startsWith("160000 "))
      .map((row) => row.slice(row.indexOf("\t") + 1));
    const strangers = entries.value.filter(isRepository).map(({ path }) => path.slice(0, -1));
    return ok([...links, ...strangers]);
  }

  async #entries(signal: AbortSignal): Promise<Result<readonly StatusEntry[], GitFailure>> {
    const listed = await this.#run(
      ["status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all", "--ignore-submodules=all"],
      signal,
    );
    if (!listed.ok) return listed;
    return ok(fieldsOf(listed.value.stdout).map((field) => ({ code: field.slice(0, 2), path: field.slice(3) })));
  }

  async #takeBack(
    failure: GitFailure,
    keepConflict: boolean,
    signal: AbortSignal,
  ): Promise<Result<MergeOutcome, GitFailure>> {
    const unmerged = await this.#run(["diff", "--name-only", "-z", "--diff-filter=U", ...DIFF_OPTIONS], signal);
    const files = unmerged.ok ? [...new Set(fieldsOf(unmerged.value.stdout))] : [];
    if (keepConflict && files.length > 0) return ok({ kind: "conflict", files });
    const aborted = await this.#run(["merge", "--abort"], signal, { answers: [128] });
    if (!unmerged.ok) return unmerged;
    if (!aborted.ok) return aborted;
    return files.length > 0 ? ok({ kind: "conflict", files }) : fail(failure);
  }

  async #requireClean(signal: AbortSignal): Promise<Result<string, GitFailure>> {
    const placed = await this.#requireBranch(signal);
    if (!placed.ok) return placed;
    const status = await this.status(signal);
    if (!status.ok) return status;
    if (status.value.length > 0)
      return fail(gitFailure("conflict", `the worktree has uncommitted work in ${status.value.length} files`));
    return this.headSha(signal);
  }

  async #requireBranch(signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    const placed = await this.isOnBranch(signal);
    if (!placed.ok) return placed;
    return placed.value
      ? ok()
      : fail(gitFailure("conflict", `the worktree has left its branch ${this.#options.worktree.branch}`));
  }

  async #change(base: string, signal: AbortSignal): Promise<Result<Change, GitFailure>> {
    const head = await this.headSha(signal);
    return head.ok ? this.changes.readChange({ base, head: head.value }, signal) : head;
  }

  #run(
    gitArguments: readonly string[],
    signal: AbortSignal,
    more: Partial<GitCall> = {},
  ): Promise<Result<GitOutput, GitFailure>> {
    const { git, commonDirectory, worktree } = this.#options;
    const variables = { GIT_DIR: worktree.gitDirectory, GIT_COMMON_DIR: commonDirectory, GIT_WORK_TREE: worktree.path };
    return git.run({ directory: worktree.path, arguments: gitArguments, variables, ...more }, signal);
  }

  get #ref(): string {
    return `refs/heads/${this.#options.worktree.branch}`;
  }
}

function fieldsOf(output: string): string[] {
  return output.split("\0").filter((field) => field !== "");
}

/** With every untracked file listed, a directory stands in the list only when it is a repository of its own. */
function isRepository({ code, path }: StatusEntry): boolean {
  return code === "??" && path.endsWith("/");
}
