// Makes a git directory of ours for one use.
//
// I1 It is bare, its configuration and refs were written a moment ago, and it borrows the checkout's objects. Nothing
//    else of the checkout is read through it: no configuration, attributes, replace refs, grafts or hooks.
// I2 Each use gets a directory of its own, so that what somebody left in an earlier one is never read.

import { appendFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { randomUUID } from "node:crypto";

import { readSmallFile } from "../../../core/checkout/small-file.ts";
import { errnoOf } from "../../../core/base/errors.ts";
import { PRIVATE_DIRECTORY_MODE } from "../../../core/files/paths.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { isSha } from "../command/branch-name.ts";
import type { Git, GitCall, GitOutput } from "../command/git.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";

/** A shallow clone has one entry for each branch that was cut off. */
const SHALLOW_ENTRIES_MAX = 10_000;
const SHALLOW_BYTES_MAX = 4 * 1_048_576;
/** I1: git-environment.ts sets the last two as well, but a git that another git starts in a view gets none of that. */
const CONFIG = `[core]
\trepositoryformatversion = 0
\tbare = true
\tlogAllRefUpdates = false
\tcommitGraph = false
\tmultiPackIndex = false
`;

export interface BareViewsOptions {
  readonly git: Git;
  /** This directory in the worker's data root is ours alone, and is emptied at the start. */
  readonly directory: string;
  /** The git directory that the checkout and all its worktrees share. */
  readonly commonDirectory: string;
}

export interface BareView extends AsyncDisposable {
  readonly directory: string;
  /** These set GIT_DIR and the object store. */
  readonly variables: Readonly<Record<string, string>>;
}

export class BareViews {
  readonly #options: BareViewsOptions;

  private constructor(options: BareViewsOptions) {
    this.#options = options;
  }

  static async open(options: BareViewsOptions): Promise<BareViews> {
    await rm(options.directory, { recursive: true, force: true });
    await mkdir(options.directory, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    return new BareViews(options);
  }

  /**
   * `refs` has full names and where they point. A partial clone gets what it lacks from `promisorUrl`. The caller
   * disposes the view.
   */
  async make(
    signal: AbortSignal,
    refs: ReadonlyMap<string, string> = new Map(),
    promisorUrl?: string,
  ): Promise<Result<BareView, GitFailure>> {
    const { directory: parent, commonDirectory } = this.#options;
    await mkdir(parent, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    const directory = await mkdtemp(join(parent, "view-"));
    const view: BareView = {
      directory,
      variables: { GIT_DIR: directory, GIT_OBJECT_DIRECTORY: join(commonDirectory, "objects") },
      [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
    };
    try {
      await write(directory, refs);
      if (promisorUrl !== undefined) await appendFile(join(directory, "config"), promisorConfig(promisorUrl));
      const cut = await this.#cutCommits(view, signal);
      if (cut.ok && cut.value.length > 0) await writeFile(join(directory, "shallow"), `${cut.value.join("\n")}\n`);
      if (cut.ok) return ok(view);
      await view[Symbol.asyncDispose]();
      return cut;
    } catch (error) {
      await view[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs one git in a view of its own (I2). */
  async run(call: Omit<GitCall, "directory">, signal: AbortSignal): Promise<Result<GitOutput, GitFailure>> {
    const made = await this.make(signal);
    if (!made.ok) return made;
    await using view = made.value;
    const variables = { ...call.variables, ...view.variables };
    return await this.#options.git.run({ ...call, directory: view.directory, variables }, signal);
  }

  /**
   * Finds where the history of a shallow clone really ends. Anybody can write the file `shallow`, and a line too many
   * hides parents; so a line counts only when a parent of its commit is not here.
   */
  async #cutCommits(view: BareView, signal: AbortSignal): Promise<Result<readonly string[], GitFailure>> {
    const shas = (await shallowText(this.#options.commonDirectory)).split("\n").filter(isSha);
    if (shas.length === 0) return ok([]);
    if (shas.length > SHALLOW_ENTRIES_MAX)
      return fail(gitFailure("failed", "the checkout's file `shallow` is too long"));
    const mark = randomUUID();
    const read = await this.#catFile(view, `--batch=${mark} %(objectname)`, shas, signal);
    if (!read.ok) return read;
    const parents = new Map(read.value.split(`${mark} `).slice(1).map(parentsOf));
    const wanted = [...new Set([...parents.values()].flat())];
    const found = await this.#catFile(view, "--batch-check=%(objectname)", wanted, signal);
    if (!found.ok) return found;
    const here = new Set(found.value.split("\n"));
    return ok(shas.filter((sha) => parents.get(sha)?.some((parent) => !here.has(parent))));
  }

  async #catFile(
    view: BareView,
    option: string,
    shas: readonly string[],
    signal: AbortSignal,
  ): Promise<Result<string, GitFailure>> {
    if (shas.length === 0) return ok("");
    const { directory, variables } = view;
    const input = shas.map((sha) => `${sha}\n`).join("");
    const call = { directory, variables, arguments: ["cat-file", option], input };
    const read = await this.#options.git.run(call, signal);
    return read.ok ? ok(read.value.stdout) : read;
  }
}

async function write(directory: string, refs: ReadonlyMap<string, string>): Promise<void> {
  for (const part of ["objects", "refs"]) await mkdir(join(directory, part), { mode: PRIVATE_DIRECTORY_MODE });
  const lines = [...refs].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([ref, sha]) => `${sha} ${ref}\n`);
  await writeFile(join(directory, "packed-refs"), `# pack-refs with: sorted\n${lines.join("")}`);
  await writeFile(join(directory, "config"), CONFIG);
  await writeFile(join(directory, "HEAD"), "ref: refs/heads/none\n");
}

/**
 * Git makes such packs of what it fetches, and takes what they lack for promised. We make the URL, and it has no
 * quotes.
 */
function promisorConfig(url: string): string {
  return `[remote "origin"]\n\turl = "${url}"\n\tpromisor = true\n\tpartialCloneFilter = blob:none\n`;
}

async function shallowText(commonDirectory: string): Promise<string> {
  const text = await readSmallFile(join(commonDirectory, "shallow"), SHALLOW_BYTES_MAX).catch((error: unknown) => {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return undefined;
    throw error;
  });
  return text ?? "";
}

/** An entry is `<sha>`, a line end, and the commit as git keeps it. */
function parentsOf(entry: string): readonly [sha: string, parents: readonly string[]] {
  const [sha = "", ...lines] = entry.split("\n");
  const end = lines.indexOf("");
  const header = end === -1 ? lines : lines.slice(0, end);
  return [sha, header.filter((line) => line.startsWith("parent ")).map((line) => line.slice(7))];
}
