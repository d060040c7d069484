// Tries whether git can do all that a run needs under the checkout's own configuration. Git reads a value when it first
// needs it and dies of a bad one, whatever stands beside it: of `merge.conflictStyle` only at a merge, when a turn is
// paid. So everything is done once before, in a repository of our own that includes the checkout's configuration.
// Nobody's program runs there: it has no attributes, and git-environment.ts switches off the rest.

import { appendFile, mkdir, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";

import type { Clock } from "../../core/base/clock.ts";
import { errnoOf } from "../../core/base/errors.ts";
import { ok, type Result } from "../../core/base/result.ts";
import { PRIVATE_DIRECTORY_MODE } from "../../core/files/paths.ts";
import type { Git, GitCall } from "../git/command/git.ts";
import type { GitFailure } from "../git/command/git-failure.ts";
import { MERGE_OPTIONS } from "../git/commits/work-branch.ts";
import { commonDirectoryOf } from "../git/worktrees/checkout.ts";

/** A file that a configuration may include is not known until it is there. */
const TRY_EVERY_MS = 10 * 60_000;
/** The values are read by whoever merges a file, so both sides change one. */
const HISTORY = `${commit("base", "a\nb\nc\nd\ne\n")}${commit("ours", "A\nb\nc\nd\ne\n", "base")}${commit("theirs", "a\nb\nc\nd\nE\n", "base")}`;

export interface ConfigCheckOptions {
  readonly git: Git;
  /** It is absolute. */
  readonly checkout: string;
  /** It is a directory of ours that nobody else uses; it is there only while something is tried. */
  readonly directory: string;
  readonly clock: Clock;
}

export class ConfigCheck {
  readonly #options: ConfigCheckOptions;
  /** It keeps what the last try found, and the state of the files that it was about. */
  #last: { readonly problem: string | null; readonly files: readonly string[]; stamp: string; atMs: number } | null =
    null;

  constructor(options: ConfigCheckOptions) {
    this.#options = options;
  }

  /** Returns one line for people; null when all is well, and when git did not get so far as to say. */
  async problem(signal: AbortSignal): Promise<string | null> {
    const nowMs = this.#options.clock.monotonicMs();
    const last = this.#last;
    if (last !== null && nowMs - last.atMs < TRY_EVERY_MS && (await stampOf(last.files)) === last.stamp)
      return last.problem;
    this.#last = null;
    const common = await commonDirectoryOf(this.#options.checkout);
    if (!common.ok) return null;
    const listed = await this.#files(common.value, signal);
    if (!listed.ok) return this.#sentence(listed.failure);
    const files = [join(common.value, "config"), ...listed.value];
    const stamp = await stampOf(files);
    const tried = await this.#try(listed.value, signal);
    const isSound = tried.ok || (await this.#try([], signal)).ok;
    if (!isSound) return null;
    const problem = tried.ok ? null : this.#sentence(tried.failure);
    this.#last = { problem, files, stamp, atMs: nowMs };
    return problem;
  }

  #sentence({ message }: GitFailure): string {
    const { checkout } = this.#options;
    return `git cannot commit and merge in ${checkout} with the configuration there: ${message}; mend that value, 'git config --list --show-origin' names its file`;
  }

  /** Lists the files that git reads for this repository, those that it includes in their place. */
  async #files(commonDirectory: string, signal: AbortSignal): Promise<Result<readonly string[], GitFailure>> {
    const call = { directory: commonDirectory, variables: { GIT_DIR: commonDirectory } };
    const list = ["config", "--list", "--includes", "--show-origin", "--name-only", "-z"];
    const listed = await this.#options.git.run({ ...call, arguments: list }, signal);
    if (!listed.ok) return listed;
    const origins = listed.value.stdout.split("\0").filter((field) => field.startsWith("file:"));
    return ok([...new Set(origins.map((origin) => resolve(commonDirectory, origin.slice("file:".length))))]);
  }

  /** Does what a run does. A shortage of the machine is no answer about the configuration. */
  async #try(files: readonly string[], signal: AbortSignal): Promise<Result<unknown, GitFailure>> {
    const { directory } = this.#options;
    try {
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
      return await this.#work(files, signal);
    } catch (error) {
      if (errnoOf(error) === undefined) throw error;
      return ok();
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  async #work(files: readonly string[], signal: AbortSignal): Promise<Result<unknown, GitFailure>> {
    const tree = join(this.#options.directory, "tree");
    const run = (words: readonly string[], more: Partial<GitCall> = {}) =>
      this.#options.git.run(
        { directory: tree, arguments: words, config: [["merge.default", "text"]], ...more },
        signal,
      );
    const init = { directory: this.#options.directory };
    const made = await run(["init", "--quiet", "--template=", "--", tree], init);
    if (!made.ok) return made;
    const filled = await run(["fast-import", "--quiet"], { input: HISTORY });
    if (!filled.ok) return filled;
    await appendFile(join(tree, ".git", "config"), files.map(include).join(""));
    const placed = await run(["reset", "--quiet", "--hard", "refs/heads/ours", "--"]);
    if (!placed.ok) return placed;
    await writeFile(join(tree, "work"), "work\n");
    const steps = [
      ["add", "--all"],
      ["clean", "--quiet", "-d", "--force", "--force"],
      ["worktree", "add", "--quiet", "--detach", "--", join(this.#options.directory, "linked"), "refs/heads/ours"],
      ["commit-tree", "refs/heads/ours^{tree}", "-m", "Work"],
      ["update-ref", "--no-deref", "refs/heads/work", "refs/heads/ours"],
      ["reset", "--quiet", "--hard", "refs/heads/ours", "--"],
      ["merge", ...MERGE_OPTIONS, "-m", "Merge", "refs/heads/theirs"],
    ];
    for (const step of steps) {
      const done = await run(step);
      if (!done.ok) return ["short", "locked", "network"].includes(done.failure.kind) ? ok() : done;
    }
    return ok();
  }
}

/** Writes a commit for git-fast-import(1). */
function commit(branch: string, content: string, parent?: string): string {
  const from = parent === undefined ? "" : `from refs/heads/${parent}\n`;
  const data = (text: string) => `data ${text.length}\n${text}\n`;
  return `commit refs/heads/${branch}\ncommitter HydraFlow <hydraflow> 1 +0000\n${data(branch)}${from}M 644 inline file\n${data(content)}\n`;
}

function include(file: string): string {
  return `[include]\n\tpath = "${file.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"\n`;
}

async function stampOf(files: readonly string[]): Promise<string> {
  const found = await Promise.all(files.map((file) => stat(file).catch(() => null)));
  return found.map((file) => [file?.ino, file?.size, file?.mtimeMs, file?.ctimeMs].join(" ")).join("\n");
}
