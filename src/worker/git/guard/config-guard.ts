// Keeps what git would obey (configuration, hooks, attributes, pointers, what stands in for objects) as it was before
// an agent's turn, and puts it back after. An agent shares our user, and one line in .git/config runs a program at the
// host's next `git add`; no list of overrides can be complete, because filter names come from .gitattributes.
// A commit-graph is not watched: housekeeping rewrites it, and our git reads none (git-environment.ts).
//
// I1 The guard reads and writes plain files and never runs git, which would obey what is being looked at.
// I2 The snapshot is on disk before a turn begins, so that a worker that is killed meanwhile finds out at its next
//    start.
// I3 The common files are put back as they were before the first of the turns that run now; a later turn may have begun
//    with a changed file.
// I4 A file that was not there before is removed only below directories of git's own: a planted include may name any
//    file. An include that git's configuration named before the turn goes back to what it was, absent too.

import { mkdir } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";

import { readTextIfExists, replaceFile } from "../../../core/files/durable-file.ts";
import { messageOf } from "../../../core/base/errors.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";
import { z } from "../../../core/base/schema.ts";
import { compareConfigs, type ConfigChange, includedPaths } from "./config-change.ts";
import { type GitFailure, gitFailure } from "../command/git-failure.ts";
import {
  isSameFile,
  snapshotDirectory,
  snapshotFile,
  fileSnapshotSchema,
  type FileSnapshot,
  restoreFile,
  textOf,
} from "./file-snapshot.ts";
import { Mutex } from "../command/mutex.ts";
import { snapshotReplaceLines, snapshotSubmodules, restoreReplaceLines } from "./checkout-snapshot.ts";

const SNAPSHOT_BYTES_MAX = 64 * 1_048_576;

export interface GuardedWorktree {
  readonly path: string;
  /** The worktree's entry in the common directory: `<common directory>/worktrees/<id>`. */
  readonly gitDirectory: string;
}

export interface ConfigGuardOptions {
  /** The git directory that the checkout and all its worktrees share. */
  readonly commonDirectory: string;
  /** The snapshot lies here while a turn runs; the file is in the worker's data root. */
  readonly file: string;
}

/**
 * Names files that were put back without a failure: ordinary tools write them, and our git does not read them
 * (`isHarmless`).
 */
export interface Restored {
  readonly restored: readonly string[];
}

/** These names are below the common directory. A directory in the list counts when something else takes its place. */
const WATCHED = [
  "config",
  "config.worktree",
  "info",
  "info/attributes",
  "info/exclude",
  "info/grafts",
  "info/sparse-checkout",
  "objects",
  "objects/info",
  "objects/info/alternates",
  "objects/info/http-alternates",
  "refs",
  "shallow",
];
/** These are watched with everything below them, and a file that is new there is removed again (I4). */
const WATCHED_DIRECTORIES = ["hooks", "refs/replace", "remotes", "branches"];
const PACKED_REFS = "packed-refs";

const filesSchema = z.record(z.string(), fileSnapshotSchema);
const snapshotSchema = z.strictObject({ common: filesSchema, worktrees: z.record(z.string(), filesSchema) });
type Files = Readonly<Record<string, FileSnapshot>>;
type Snapshot = z.infer<typeof snapshotSchema>;

export class ConfigGuard {
  readonly #options: ConfigGuardOptions;
  readonly #mutex = new Mutex();
  /** I3: `common` is from before the first of the turns that run now. */
  #snapshot: Snapshot | undefined;

  private constructor(options: ConfigGuardOptions) {
    this.#options = options;
  }

  /**
   * Puts back what turns of an earlier, killed worker changed, and says what that was (I2). Call it before any git runs
   * in the checkout.
   */
  static async open(options: ConfigGuardOptions): Promise<{ guard: ConfigGuard; changed: readonly string[] }> {
    const guard = new ConfigGuard(options);
    await mkdir(dirname(options.file), { recursive: true });
    const text = await readTextIfExists(options.file, SNAPSHOT_BYTES_MAX);
    const left = text === undefined ? undefined : z.safeParse(snapshotSchema, parseJson(text));
    if (!left?.success) return { guard, changed: [] };
    if (await guard.#isGone()) {
      guard.#snapshot = left.data;
      return { guard, changed: [] };
    }
    const files = Object.assign({}, left.data.common, ...Object.values(left.data.worktrees)) as Files;
    const { changed, restored } = await guard.#putBack(files);
    await guard.#store(undefined);
    return { guard, changed: [...changed, ...restored] };
  }

  /**
   * Call it before an agent's turn. It fails with `config-changed` when another turn that still runs has changed shared
   * files.
   */
  fingerprint(worktree: GuardedWorktree, signal: AbortSignal): Promise<Result<undefined, GitFailure>> {
    return this.#mutex.run(async () => {
      if (await this.#isGone()) return fail(this.#gone());
      if (this.#snapshot !== undefined) {
        const { changed } = await this.#putBack({
          ...this.#snapshot.common,
          ...this.#snapshot.worktrees[worktree.path],
        });
        if (changed.length > 0) return fail(configChanged(changed));
      }
      // I3: what an earlier turn has changed meanwhile must not become the state to go back to.
      const before = this.#snapshot ?? { common: await this.#commonNow(), worktrees: {} };
      await this.#store({ ...before, worktrees: { ...before.worktrees, [worktree.path]: await ownFiles(worktree) } });
      return ok();
    }, signal);
  }

  /**
   * Call it after an agent's turn, before our git runs there again. Everything that differs has been put back when this
   * returns. `config-changed` means that the run goes to a person. `not-found` means that the owner moved or deleted
   * the whole git directory: nothing is made in its place, and the snapshot is kept for when it is back.
   */
  verify(worktree: GuardedWorktree, signal: AbortSignal): Promise<Result<Restored, GitFailure>> {
    return this.#mutex.run(async () => {
      if (await this.#isGone()) return fail(this.#gone());
      const own = this.#snapshot?.worktrees[worktree.path];
      if (this.#snapshot === undefined || own === undefined)
        return fail(gitFailure("failed", `no fingerprint was taken of ${worktree.path}`));
      const { changed, restored } = await this.#putBack({ ...this.#snapshot.common, ...own });
      const { [worktree.path]: _, ...others } = this.#snapshot.worktrees;
      await this.#store(Object.keys(others).length === 0 ? undefined : { ...this.#snapshot, worktrees: others });
      return changed.length > 0 ? fail(configChanged(changed)) : ok({ restored });
    }, signal);
  }

  async #isGone(): Promise<boolean> {
    return (await snapshotFile(this.#options.commonDirectory)).kind === "absent";
  }

  #gone(): GitFailure {
    return gitFailure("not-found", `${this.#options.commonDirectory} is not there; was the checkout moved or deleted?`);
  }

  async #commonNow(): Promise<Files> {
    const directory = this.#options.commonDirectory;
    const files = await snapshotAll(WATCHED.map((name) => join(directory, name)));
    const included = includedPaths(textOf(files[join(directory, "config")])).filter((path) => !path.startsWith("~"));
    const includes = await snapshotAll(included.map((path) => (isAbsolute(path) ? path : resolve(directory, path))));
    return { ...files, ...includes, ...(await snapshotSubmodules(directory)), ...(await this.#directoriesNow()) };
  }

  async #directoriesNow(): Promise<Files> {
    const paths = WATCHED_DIRECTORIES.map((name) => join(this.#options.commonDirectory, name));
    const snapshots = await Promise.all(paths.map((path) => snapshotDirectory(path)));
    const packed = join(this.#options.commonDirectory, PACKED_REFS);
    return {
      ...Object.fromEntries(snapshots.flatMap((files) => [...files])),
      [packed]: await snapshotReplaceLines(packed),
    };
  }

  async #putBack(before: Files): Promise<{ changed: string[]; restored: string[] }> {
    const changed: string[] = [];
    const restored: string[] = [];
    // Parents come first: a directory that was replaced by a link must be gone before anything is written below it. I4:
    // new files are looked for in our list of directories alone.
    const paths = new Set([...Object.keys(before), ...Object.keys(await this.#directoriesNow())]);
    for (const path of [...paths].toSorted()) {
      const isPacked = path === join(this.#options.commonDirectory, PACKED_REFS);
      const was = before[path] ?? { kind: "absent" };
      const is = await (isPacked ? snapshotReplaceLines(path) : snapshotFile(path));
      const change = changeOf(path, was, is);
      if (change === "none") continue;
      const isSilent = change === "put-back" || isHarmless(relative(this.#options.commonDirectory, path));
      try {
        await (isPacked ? restoreReplaceLines(path, was) : restoreFile(path, was));
        (isSilent ? restored : changed).push(path);
      } catch (error) {
        changed.push(`${path} (could not be put back: ${messageOf(error)})`);
      }
    }
    return { changed, restored };
  }

  /** I2: the file is written first, and the turn begins only after this. */
  async #store(snapshot: Snapshot | undefined): Promise<void> {
    await replaceFile(this.#options.file, snapshot === undefined ? "null" : JSON.stringify(snapshot));
    this.#snapshot = snapshot;
  }
}

/** Tools write these files in good faith; they are put back, and nobody is asked. */
function isHarmless(path: string): boolean {
  return /^(hooks|remotes|branches)(\/|$)|^(info\/(exclude|sparse-checkout)|shallow)$/.test(path);
}

async function ownFiles(worktree: GuardedWorktree): Promise<Files> {
  const names = ["config.worktree", "commondir", "gitdir"];
  return snapshotAll([join(worktree.path, ".git"), ...names.map((name) => join(worktree.gitDirectory, name))]);
}

/** I1: reads the files without git. */
async function snapshotAll(paths: readonly string[]): Promise<Files> {
  const files: Record<string, FileSnapshot> = {};
  for (const path of paths) files[path] = await snapshotFile(path);
  return files;
}

function changeOf(path: string, was: FileSnapshot, is: FileSnapshot): ConfigChange {
  if (isSameFile(was, is)) return "none";
  // A directory that came into being has no weight; the files in it have entries of their own.
  if (was.kind === "absent" && is.kind === "other" && is.what === "directory") return "none";
  if (!path.endsWith("/config") || was.kind !== "file" || is.kind !== "file" || was.mode !== is.mode) return "other";
  return compareConfigs(textOf(was), textOf(is));
}

function configChanged(paths: readonly string[]): GitFailure {
  return gitFailure(
    "config-changed",
    `changed during an agent's turn, and put back: ${paths.join(", ")}`.slice(0, 2_000),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
