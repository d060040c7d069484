// What we know of one issue's work branch, kept by us: the commit that we made last, the merge that we have begun, and
// an index of our own. An agent moves refs, HEAD, MERGE_HEAD and the worktree's index as it likes; none is asked.
//
// I1  The head is a commit that we made, took from the remote, or began at.
// I2  It stands here, on disk, before any ref shows it; in this process only what we wrote ourselves counts.
// I3  The index was written by our git alone; what a file is like that differs from it is the agent's doing.

import { copyFile, mkdir, rename, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";

import { exists, readTextIfExists, replaceFile } from "../../../core/files/durable-file.ts";
import { PRIVATE_DIRECTORY_MODE } from "../../../core/files/paths.ts";
import { z } from "../../../core/base/schema.ts";

const RECORD_BYTES_MAX = 4_096;
/** Stands for the branch where all else is forgotten. */
const KEPT = "branch-is-kept";
/** Git may compare whole seconds. */
const SETTLED_MS = 2_000;

const sha = z.string().check(z.regex(/^[0-9a-f]{40}([0-9a-f]{24})?$/));
const stateSchema = z.strictObject({
  head: sha,
  /** What the worktree is in the middle of; null when its files are the head's, and work on it. */
  pending: z.nullable(
    z.discriminatedUnion("kind", [
      /** Our git writes its files, or was killed while it did. */
      z.strictObject({ kind: z.literal("reset") }),
      /** A merge of ours stands there half done; `parent` becomes the second parent of the next commit. */
      z.strictObject({ kind: z.literal("merge"), parent: sha }),
    ]),
  ),
  /** The worktree's HEAD is detached, because somebody else has the branch checked out. */
  isDetached: z.boolean(),
  /** What the branch is called where it is not `workBranchName`. */
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

  /** `directory` is the issue's own, in the worker's data. */
  static async open(directory: string): Promise<BranchRecord> {
    await mkdir(directory, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    const text = await readTextIfExists(join(directory, "branch.json"), RECORD_BYTES_MAX);
    const parsed = text === undefined ? undefined : z.safeParse(stateSchema, parseJson(text));
    return new BranchRecord(directory, parsed?.success === true ? parsed.data : null);
  }

  /** Null before the first `begin`. */
  get state(): BranchState | null {
    return this.#state;
  }

  /** As our last checkout, merge or commit left it. */
  get index(): string {
    return join(this.#directory, "index");
  }

  /** Where the next commit is put together. */
  get nextIndex(): string {
    return join(this.#directory, "next-index");
  }

  /** For a checkout of single files. */
  get scratch(): string {
    return join(this.#directory, "scratch");
  }

  async begin(head: string, isDetached: boolean, branch: string | null = null): Promise<void> {
    await this.#store({ head, pending: null, isDetached, branch });
  }

  async change(change: Partial<BranchState>): Promise<void> {
    if (this.#state === null) throw new Error("a branch record was changed before it was begun");
    await this.#store({ ...this.#state, ...change });
  }

  /** The worktree's index as git has just made it, and before an agent had it, becomes ours. */
  async adoptIndex(from: string): Promise<void> {
    await copyIndex(from, this.index);
  }

  async beginNextIndex(): Promise<void> {
    await copyIndex(this.index, this.nextIndex);
  }

  /**
   * Git looks into files that are not older than their index, and finds some "modified" that it has just written (old line
   * endings, filters). Only for a moment in which nobody else can have written since.
   */
  async settleIndex(): Promise<void> {
    const soon = new Date(Date.now() + SETTLED_MS);
    await utimes(this.index, soon, soon);
  }

  async takeNextIndex(): Promise<void> {
    await rename(this.nextIndex, this.index);
  }

  /** Left by a git that was killed with its worker. */
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

  /** All that is left of it: the branch is there, and it is ours. */
  async forgetButBranch(): Promise<void> {
    await this.forget();
    await mkdir(this.#directory, { recursive: true, mode: PRIVATE_DIRECTORY_MODE });
    await replaceFile(join(this.#directory, KEPT), "");
  }

  async #store(state: BranchState): Promise<void> {
    await replaceFile(join(this.#directory, "branch.json"), JSON.stringify(state));
    this.#state = state;
  }
}

/** Whether `forgetButBranch` has left it. */
export function isBranchAlone(directory: string): Promise<boolean> {
  return exists(join(directory, KEPT));
}

/** With its time, by which git knows the files that may have changed without looking different. */
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
