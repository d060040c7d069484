// Records what we know of one issue's work branch: the commit that we made last, the merge that we have begun, and an
// index of our own. An agent moves refs, HEAD, MERGE_HEAD and the worktree's index as it likes, so we ask none of
// these.
//
// I1 The head is a commit that we made, took from the remote, or began at.
// I2 The head stands here, on disk, before any ref shows it; within this process only what we wrote ourselves counts.
// I3 Only our git writes the index, so a file that differs from it was changed by the agent.

import { copyFile, mkdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

import { exists, readTextIfExists, replaceFile } from "../../../core/files/durable-file.ts";
import { PRIVATE_DIRECTORY_MODE } from "../../../core/files/paths.ts";
import { z } from "../../../core/base/schema.ts";

const RECORD_BYTES_MAX = 4_096;
/** This file is all that stands in the directory when everything but the branch is forgotten. */
const KEPT = "branch-is-kept";
/** Git may compare times by whole seconds. */
const SETTLED_MS = 2_000;

const sha = z.string().check(z.regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/));
const stateSchema = z.strictObject({
  head: sha,
  /** Says what we were doing in the worktree; null when its files are the head's plus work. */
  pending: z.nullable(
    z.discriminatedUnion("kind", [
      /** Our git writes the worktree's files now, or was killed while it did. */
      z.strictObject({ kind: z.literal("reset") }),
      /** A merge of ours stands in the worktree half done; `parent` becomes the second parent of the next commit. */
      z.strictObject({ kind: z.literal("merge"), parent: sha }),
    ]),
  ),
  /** The worktree's HEAD is detached when somebody else has the branch checked out. */
  isDetached: z.boolean(),
  /** The branch's name, null when it is `workBranchName`. */
  branch: z._default(z.nullable(z.string()), null),
});
export type BranchState = z.infer<typeof stateSchema>;

export class BranchRecord {
  readonly #directory: string;
  #state: BranchState | null;

  private constructor(directory: string, state: BranchState | null) {
    this.#directory = directory;
    this.#state = state;
  }

  /** `directory` belongs to this issue alone and lies in the worker's data. */
  static async open(directory: string): Promise<BranchRecord> {
    await mkdir(directory, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    const text = await readTextIfExists(join(directory, "branch.json"), RECORD_BYTES_MAX);
    const parsed = text === undefined ? undefined : z.safeParse(stateSchema, parseJson(text));
    return new BranchRecord(directory, parsed?.success === true ? parsed.data : null);
  }

  /** The state is null before the first `begin`. */
  get state(): BranchState | null {
    return this.#state;
  }

  /** This index is as our last checkout, merge or commit left it (I3). */
  get index(): string {
    return join(this.#directory, "index");
  }

  /** The next commit is put together in this index. */
  get nextIndex(): string {
    return join(this.#directory, "next-index");
  }

  /** Single files are checked out into this directory. */
  get scratch(): string {
    return join(this.#directory, "scratch");
  }

  /** Says whether we have begun the branch, or have forgotten all of it but that it is ours. */
  async isOurs(): Promise<boolean> {
    return this.#state !== null || (await isBranchAlone(this.#directory));
  }

  /** I1: `head` is a commit of the remote's, or the one that our work goes on from. */
  async begin(head: string, isDetached: boolean, branch: string | null = null): Promise<void> {
    await this.#store({ head, pending: null, isDetached, branch });
  }

  async change(change: Partial<BranchState>): Promise<void> {
    if (this.#state === null) throw new Error("a branch record was changed before it was begun");
    await this.#store({ ...this.#state, ...change });
  }

  /** Makes the worktree's index ours. Call it when git has just made that index and no agent has had it yet (I3). */
  async adoptIndex(from: string): Promise<void> {
    await copyIndex(from, this.index);
  }

  async beginNextIndex(): Promise<void> {
    await copyIndex(this.index, this.nextIndex);
  }

  /**
   * Dates the index later than the files. Git looks into files that are not older than their index, and finds some
   * "modified" that it has just written (old line endings, filters). Call it only while nobody else can have written
   * since.
   */
  async settleIndex(): Promise<void> {
    const soon = new Date(Date.now() + SETTLED_MS);
    await utimes(this.index, soon, soon);
  }

  async takeNextIndex(): Promise<void> {
    await rename(this.nextIndex, this.index);
  }

  /** Removes the locks of a git that was killed with its worker. */
  async clearLocks(): Promise<void> {
    for (const index of [this.index, this.nextIndex]) await rm(`${index}.lock`, { force: true });
  }

  async dropIndex(): Promise<void> {
    await rm(this.index, { force: true });
  }

  async forget(): Promise<void> {
    this.#state = null;
    await rm(this.#directory, { recursive: true, force: true });
  }

  /** Forgets everything but that the branch is there and is ours. */
  async forgetButBranch(): Promise<void> {
    await this.forget();
    await mkdir(this.#directory, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    await replaceFile(join(this.#directory, KEPT), "");
  }

  /** I2: the file is written before anybody here sees the state. */
  async #store(state: BranchState): Promise<void> {
    await replaceFile(join(this.#directory, "branch.json"), JSON.stringify(state));
    this.#state = state;
  }
}

/** Says whether `forgetButBranch` has forgotten the rest. */
export function isBranchAlone(directory: string): Promise<boolean> {
  return exists(join(directory, KEPT));
}

/** Copies the index with its time, which tells git which files may have changed without looking different. */
async function copyIndex(from: string, to: string): Promise<void> {
  const { mtimeMs } = await stat(from);
  await copyFile(from, to);
  const time = new Date(Math.floor(mtimeMs));
  await utimes(to, time, time);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
