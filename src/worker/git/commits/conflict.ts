// Knows the files that a merge of ours left in conflict, and which of them are still so after an agent's turn.
//
// I1 What git left is remembered by content: an agent's word, and its `git add`, prove nothing.
// I2 A file is resolved when it differs from what git left, can be read, and holds no marker line. Where git left one
//    side's file as it is (binary, deleted, renamed), nobody has decided anything, so it must have changed too.

import { createHash } from "node:crypto";
import { constants, lstat, readlink } from "node:fs/promises";

import { readSmallBytes } from "../../../core/checkout/small-file.ts";
import { ok, type Result } from "../../../core/base/result.ts";
import { fieldsOf, fileAt, readablePath } from "../command/byte-path.ts";
import { errnoOf } from "../../../core/base/errors.ts";
import type { GitFailure } from "../command/git-failure.ts";
import type { WorktreeGit } from "../worktrees/worktree-git.ts";

const FILE_BYTES_MAX = 64 * 1_048_576;
const LIST_BYTES_MAX = 128 * 1_048_576;
const MARKER_LENGTH = 7;

interface ConflictedFile {
  /** A byte path. */
  readonly path: string;
  /** Both sides have removed the file here, so it may stay away. */
  readonly isGone: boolean;
  /** The attribute `conflict-marker-size` of gitattributes(5). */
  readonly markerLength: number;
  readonly left: string;
}

export class Conflict {
  readonly #directory: string;
  readonly #files: readonly ConflictedFile[];

  private constructor(directory: string, files: readonly ConflictedFile[]) {
    this.#directory = directory;
    this.#files = files;
  }

  /** Reads what is unmerged in the index of `git`. It finds no file where the merge failed for another reason. */
  static async read(git: WorktreeGit, directory: string, signal: AbortSignal): Promise<Result<Conflict, GitFailure>> {
    const stages = await unmerged(git, signal);
    if (!stages.ok) return stages;
    const lengths = await markerLengths(git, [...stages.value.keys()], signal);
    if (!lengths.ok) return lengths;
    const files: ConflictedFile[] = [];
    for (const [path, numbers] of stages.value) {
      // I1: the content's name is kept, whatever the index says later.
      const left = (await contentOf(fileAt(directory, path))).name;
      const isGone = numbers.size === 1 && numbers.has("1");
      files.push({ path, isGone, markerLength: lengths.value.get(path) ?? MARKER_LENGTH, left });
    }
    return ok(new Conflict(directory, files));
  }

  /** Names the files for people. */
  get files(): readonly string[] {
    return this.#files.map(({ path }) => readablePath(path));
  }

  /** Names the files, for people, that nobody has resolved. */
  async unresolved(): Promise<readonly string[]> {
    const open: string[] = [];
    for (const file of this.#files) if (!(await this.#isResolved(file))) open.push(readablePath(file.path));
    return open;
  }

  /** I2: compares the file with what git left, then looks for markers. */
  async #isResolved({ path, isGone, markerLength, left }: ConflictedFile): Promise<boolean> {
    const { name, text } = await contentOf(fileAt(this.#directory, path));
    if (name === "absent" && isGone) return true;
    if (name === left || name === "unreadable") return false;
    return text === null || !holdsMarkers(text, markerLength);
  }
}

/**
 * Finds markers also before carriage returns, and those around the base (`diff3`). A line of `=` alone does not count:
 * many a text underlines a heading so.
 */
function holdsMarkers(text: string, length: number): boolean {
  return text.split("\n").some((line) => {
    const mark = line.charAt(0);
    if (mark === "" || !"<|>".includes(mark) || !line.startsWith(mark.repeat(length))) return false;
    const rest = line.slice(length);
    return rest === "" || rest === "\r" || rest.replace(/^[<|>]*/, "").startsWith(" ");
  });
}

/** Maps each path to the stages that it stands in: 1 is the common base, 2 ours, 3 theirs. */
async function unmerged(
  git: WorktreeGit,
  signal: AbortSignal,
): Promise<Result<ReadonlyMap<string, ReadonlySet<string>>, GitFailure>> {
  const limits = { encoding: "latin1", outputBytesMax: LIST_BYTES_MAX } as const;
  const listed = await git.run(["ls-files", "--unmerged", "-z"], signal, limits);
  if (!listed.ok) return listed;
  const stages = new Map<string, Set<string>>();
  for (const row of fieldsOf(listed.value.stdout)) {
    const tab = row.indexOf("\t");
    const path = row.slice(tab + 1);
    stages.set(path, (stages.get(path) ?? new Set()).add(row.slice(tab - 1, tab)));
  }
  return ok(stages);
}

async function markerLengths(
  git: WorktreeGit,
  paths: readonly string[],
  signal: AbortSignal,
): Promise<Result<ReadonlyMap<string, number>, GitFailure>> {
  const lengths = new Map<string, number>();
  if (paths.length === 0) return ok(lengths);
  const asked = await git.run(["check-attr", "--stdin", "-z", "conflict-marker-size"], signal, {
    input: paths.map((path) => `${path}\0`).join(""),
    encoding: "latin1",
    outputBytesMax: LIST_BYTES_MAX,
  });
  if (!asked.ok) return asked;
  const fields = asked.value.stdout.split("\0");
  for (let at = 0; at + 2 < fields.length; at += 3) {
    const length = Number(fields[at + 2]);
    if (Number.isInteger(length) && length > 0 && length < 1_000) lengths.set(fields[at] ?? "", length);
  }
  return ok(lengths);
}

/** Returns a name that differs when the content differs, and the text of a file with one character per byte. */
async function contentOf(path: Buffer): Promise<{ name: string; text: string | null }> {
  try {
    const found = await lstat(path);
    if (found.isSymbolicLink())
      return { name: `link ${(await readlink(path, { encoding: "buffer" })).toString("latin1")}`, text: null };
    if (!found.isFile()) return { name: "unreadable", text: null };
    const bytes = await readSmallBytes(path, FILE_BYTES_MAX, constants.O_NOFOLLOW);
    if (bytes === undefined) return { name: "unreadable", text: null };
    return { name: `file ${createHash("sha256").update(bytes).digest("hex")}`, text: bytes.toString("latin1") };
  } catch (error) {
    const isAbsent = ["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "");
    return { name: isAbsent ? "absent" : "unreadable", text: null };
  }
}
