// Reads what a commit changes against its base.
//
// I1 It reads objects alone, in a view of ours: nothing that lies in a worktree or in the checkout's configuration,
//    attributes included, has a say in what is shown.
// I2 Every changed path is named, whatever git can show of it; none is left out because of its kind or its size.
// I3 The objects of a change, and of the links in a tree, are hashed before they are trusted.

import { randomUUID } from "node:crypto";

import { fail, ok, type Result } from "../../../core/base/result.ts";
import type { BareViews } from "../remote/bare-view.ts";
import { isSha } from "../command/branch-name.ts";
import { type ChangedFile, noteOf, objectsOf, parseChange, splitDiff, type TreeLink } from "./change-output.ts";
import { isCleanMerge, type MergeQuestion } from "./clean-merge.ts";
import type { GitCall, GitOutput } from "../command/git.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";

/** Larger files are named, not shown (I2). */
const FILE_BYTES_MAX = 256 * 1_024;
const DIFF_BYTES_MAX = 16 * 1_048_576;
const LIST_BYTES_MAX = 128 * 1_048_576;
const LINK_BYTES_MAX = 4_096;
const DIFF = ["diff-tree", "-r", "--no-renames", "--ignore-submodules=none", "--no-ext-diff", "--no-textconv"];

export interface Range {
  /** Both are full object names. */
  readonly base: string;
  readonly head: string;
}

export interface Change {
  /** The files are compared with this commit, at which `head` left `base`. */
  readonly base: string;
  readonly head: string;
  readonly files: readonly ChangedFile[];
}

export interface FileDiff {
  readonly path: string;
  /** The diff of this file alone, with git's header; empty when there is a note instead. */
  readonly text: string;
  /** Tells people why there is no text: the file is binary or too large. */
  readonly note: string | null;
}

export class ChangeReader {
  readonly #views: BareViews;

  constructor(views: BareViews) {
    this.#views = views;
  }

  async readChange(range: Range, signal: AbortSignal): Promise<Result<Change, GitFailure>> {
    const base = await this.#mergeBase(range, signal);
    if (!base.ok) return base;
    const listed = await this.#git(
      [...DIFF, "-t", "--raw", "--numstat", "--no-abbrev", "-z", base.value, range.head],
      signal,
      {
        outputBytesMax: LIST_BYTES_MAX,
      },
    );
    if (!listed.ok) return listed;
    const genuine = await this.#verify([base.value, range.head], objectsOf(listed.value.stdout), signal);
    if (!genuine.ok) return genuine;
    const found = parseChange(listed.value.stdout);
    if (found === null) return fail(gitFailure("failed", "git's list of changes reads like nothing we know"));
    const links = await this.#linkTargets(found, signal);
    if (!links.ok) return links;
    const files = found.map((file) => ({ ...file, linkTarget: links.value.get(file.path) ?? null }));
    return ok({ base: base.value, head: range.head, files });
  }

  /** Returns one entry for each file of the change, in the change's order (I2). */
  async readDiff(
    change: Change,
    signal: AbortSignal,
    bytesMax = DIFF_BYTES_MAX,
  ): Promise<Result<readonly FileDiff[], GitFailure>> {
    const options = ["-p", "--full-index", "--no-color", "--src-prefix=a/", "--dst-prefix=b/", "--submodule=short"];
    const printed = await this.#git([...DIFF, ...options, change.base, change.head], signal, {
      outputBytesMax: bytesMax,
      truncate: true,
      // Git takes a larger file for binary, so its text is left out and a note names it (I2).
      config: [["core.bigFileThreshold", String(FILE_BYTES_MAX)]],
    });
    if (!printed.ok) return printed;
    const sizes = await this.#sizes(change.files, signal);
    if (!sizes.ok) return sizes;
    const texts = splitDiff(printed.value.stdout, change.files, printed.value.truncated);
    if (texts === null) return fail(gitFailure("failed", "git's diff does not match its list of changes"));
    return ok(
      change.files.map((file, index) => {
        const note = noteOf(file, texts[index], { sizes: sizes.value, bytesMax: FILE_BYTES_MAX });
        return { path: file.path, text: note === null ? (texts[index] ?? "") : "", note };
      }),
    );
  }

  /** Returns every symbolic link in the tree of a commit. */
  async links(commit: string, signal: AbortSignal): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    if (!isSha(commit)) return fail(gitFailure("failed", "a commit is named by its full object name"));
    const listed = await this.#git(["ls-tree", "-r", "-t", "-z", "--full-tree", commit], signal, {
      outputBytesMax: LIST_BYTES_MAX,
    });
    if (!listed.ok) return listed;
    const rows = listed.value.stdout.split("\0");
    const links = rows.flatMap((row): TreeLink[] => {
      const [, newId, path] = /^120000 blob ([0-9a-f]+)\t(.*)$/s.exec(row) ?? [];
      return newId === undefined || path === undefined ? [] : [{ path, newId, newMode: "120000" }];
    });
    const trees = rows.flatMap((row) => /^040000 tree ([0-9a-f]+)\t/.exec(row)?.[1] ?? []);
    const targets = links.flatMap(({ newId }) => newId ?? []);
    const genuine = await this.#verify([commit], [...trees, ...targets], signal);
    return genuine.ok ? this.#linkTargets(links, signal) : genuine;
  }

  /** Returns the text of a file in the tree of a commit; null when it is not there or longer than `bytesMax`. */
  async text(
    file: { readonly commit: string; readonly path: string },
    bytesMax: number,
    signal: AbortSignal,
  ): Promise<Result<string | null, GitFailure>> {
    const read = await this.#git(["cat-file", "blob", `${file.commit}:${file.path}`], signal, {
      answers: [128],
      outputBytesMax: bytesMax,
      truncate: true,
    });
    if (!read.ok) return read;
    return ok(read.value.exitCode === 0 && !read.value.truncated ? read.value.stdout : null);
  }

  /** Says whether `head` is only what git makes of `approved` and a commit of `base`. */
  isCleanMerge(question: MergeQuestion, signal: AbortSignal): Promise<Result<boolean, GitFailure>> {
    return isCleanMerge(this.#views, question, signal);
  }

  /** Counts the commits that `head` has and `base` has not. */
  async commitsAhead({ base, head }: Range, signal: AbortSignal): Promise<Result<number, GitFailure>> {
    const counted = await this.#compare({ base, head }, ["rev-list", "--count", head, `^${base}`, "--"], signal);
    return counted.ok ? ok(Number(counted.value.stdout.trim())) : counted;
  }

  /** Says whether `base` is `head` or comes before it; false when `base` is not even here. */
  async isAncestor({ base, head }: Range, signal: AbortSignal): Promise<Result<boolean, GitFailure>> {
    const asked = await this.#compare({ base, head }, ["merge-base", "--is-ancestor", base, head], signal, [1, 128]);
    return asked.ok ? ok(asked.value.exitCode === 0) : asked;
  }

  /**
   * Says what is wrong with how `head` came to be; null when nothing is. `trusted` are the base branch and what stands
   * on the remote's work branch. Each commit that none of them has must have one parent, or merge one of theirs.
   */
  async checkHistory(
    { trusted, head }: { readonly trusted: readonly string[]; readonly head: string },
    signal: AbortSignal,
  ): Promise<Result<string | null, GitFailure>> {
    if (![...trusted, head].every(isSha)) return fail(gitFailure("failed", "a history is read by full object names"));
    const listed = await this.#git(["rev-list", "--parents", head, ...trusted.map((sha) => `^${sha}`), "--"], signal, {
      outputBytesMax: LIST_BYTES_MAX,
    });
    if (!listed.ok) return listed;
    const rows = listed.value.stdout.split("\n").filter((row) => row !== "");
    const commits = new Map(rows.map((row) => row.split(" ")).map(([sha = "", ...parents]) => [sha, parents]));
    for (const [sha, parents] of commits) {
      if (parents.length === 0) return ok(`the commit ${sha} has no parent`);
      const own = parents.filter((parent) => commits.has(parent));
      if (own.length > 1 || parents.length > 2)
        return ok(`the commit ${sha} merges ${own[1] ?? parents[2]}, which is not of the base branch`);
    }
    return ok(null);
  }

  /**
   * I3: git trusts the name of a file in the object store, so this hashes what is read, the directories on the way
   * included. A forged directory of the base's would hide a change or a link, and is never pushed, so that no server
   * sees it.
   */
  async #verify(
    commits: readonly string[],
    objects: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<undefined, GitFailure>> {
    const names = [...commits, ...commits.map((sha) => `${sha}^{tree}`), ...new Set(objects)];
    const options = ["--quiet", "--verify-objects", "--no-walk", "--filter=tree:0", "--stdin"];
    const input = names.map((name) => `${name}\n`).join("");
    const verified = await this.#git(["rev-list", ...options], signal, { input });
    return verified.ok ? ok() : verified;
  }

  async #mergeBase({ base, head }: Range, signal: AbortSignal): Promise<Result<string, GitFailure>> {
    const found = await this.#compare({ base, head }, ["merge-base", base, head], signal, [1]);
    if (!found.ok) return found;
    const sha = found.value.stdout.trim();
    return isSha(sha) ? ok(sha) : fail(gitFailure("failed", `${head} has no commit in common with the base branch`));
  }

  async #sizes(
    files: readonly ChangedFile[],
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, number>, GitFailure>> {
    const blobs = files.flatMap(({ oldMode, oldId, newMode, newId }) => [
      ...(oldId === null || oldMode === "160000" ? [] : [oldId]),
      ...(newId === null || newMode === "160000" ? [] : [newId]),
    ]);
    if (blobs.length === 0) return ok(new Map());
    const read = await this.#git(["cat-file", "--batch-check=%(objectname) %(objectsize)"], signal, {
      input: [...new Set(blobs)].map((id) => `${id}\n`).join(""),
    });
    if (!read.ok) return read;
    return ok(
      new Map(read.value.stdout.split("\n").map((row) => [row.split(" ")[0] ?? "", Number(row.split(" ")[1])])),
    );
  }

  /** Maps the path of each link to its target. A target too long for a file system leads nowhere, but is shown. */
  async #linkTargets(
    files: readonly TreeLink[],
    signal: AbortSignal,
  ): Promise<Result<ReadonlyMap<string, string>, GitFailure>> {
    const links = files.filter(({ newMode }) => newMode === "120000");
    if (links.length === 0) return ok(new Map());
    const mark = randomUUID();
    const read = await this.#git(["cat-file", `--batch=${mark} %(objectname)`], signal, {
      input: [...new Set(links.map(({ newId }) => newId))].map((id) => `${id}\n`).join(""),
    });
    if (!read.ok) return read;
    const entries = read.value.stdout.split(`${mark} `).slice(1);
    const targets = new Map(
      entries.map((entry) => [entry.slice(0, entry.indexOf("\n")), entry.slice(entry.indexOf("\n") + 1, -1)]),
    );
    return ok(
      new Map(links.map(({ path, newId }) => [path, (targets.get(newId ?? "") ?? "").slice(0, LINK_BYTES_MAX)])),
    );
  }

  #compare(
    { base, head }: Range,
    gitArguments: readonly string[],
    signal: AbortSignal,
    answers: readonly number[] = [],
  ): Promise<Result<GitOutput, GitFailure>> {
    if (!isSha(base) || !isSha(head))
      return Promise.resolve(fail(gitFailure("failed", "a comparison needs a full object name")));
    return this.#git(gitArguments, signal, { answers });
  }

  /** I1: every git runs in a view of its own. */
  #git(
    gitArguments: readonly string[],
    signal: AbortSignal,
    more: Partial<GitCall> = {},
  ): Promise<Result<GitOutput, GitFailure>> {
    return this.#views.run({ ...more, arguments: gitArguments }, signal);
  }
}
