// Removes lock files that a killed git or a power cut left behind. Git never takes such a file away by itself, so
// whoever needs the lock would wait for ever. A lock that stays is waited for, by name.
//
// I1 A lock goes only when it is older than any git call of ours can be.
// I2 A lock goes only when no process has it open; where the system does not show that, it must be far older.
// I3 Where somebody's git works on the repository, the lock must be far older too: git closes a lock that it goes on to
//    hold, over an editor for instance.

import { lstat, readdir, readFile, readlink, realpath, unlink } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";

import type { Clock } from "../../../core/base/clock.ts";
import { readPointer } from "../../../core/checkout/git-directory.ts";
import { exists } from "../../../core/files/durable-file.ts";
import { errnoOf, messageOf } from "../../../core/base/errors.ts";
import { fail, ok, type Result } from "../../../core/base/result.ts";

/** I2 and I3: a git that is not ours runs longer at times, so an unseen holder gets this long. */
const UNSEEN_AGE_MS_MIN = 6 * 3_600_000;
/** I1: a lock is this much older than our longest git call before it counts as nobody's. */
const MARGIN_MS = 5 * 60_000;
const SEEN_MAX = 100;
/** Git writes this file while it holds the lock of packed-refs, and makes no second one beside it. */
const NEW_PACKED_REFS = "packed-refs.new";

export interface StaleLocksOptions {
  readonly clock: Clock;
  /** No git call of ours takes longer than this. */
  readonly longestCallMs: number;
  /** Each of our git calls has this variable in its environment. */
  readonly ownVariable: string;
  readonly onRemoved: (file: string, ageMs: number) => void;
}

interface Lock {
  readonly file: string;
  /** Tells whether it is the same file as at an earlier look. */
  readonly identity: string;
  readonly ageMs: number;
  readonly uid: number;
}

export class StaleLocks {
  readonly #options: StaleLocksOptions;
  /**
   * Says when each lock was first met, by a clock that nobody sets: a file may be dated to a time that is still to
   * come.
   */
  readonly #seen = new Map<string, { readonly identity: string; readonly sinceMs: number }>();

  constructor(options: StaleLocksOptions) {
    this.#options = options;
  }

  get ageMsMin(): number {
    return this.#options.longestCallMs + MARGIN_MS;
  }

  /**
   * Succeeds when none of `files` is there any more; else says in one sentence which is the first that is, and how old
   * it is.
   */
  async clear(files: readonly string[]): Promise<Result<undefined, string>> {
    for (const file of files) {
      const lock = await this.#look(file);
      if (lock === null) continue;
      const why = await this.#reasonToStay(lock);
      if (why !== null) return fail(`${lock.file} has been there for ${inWords(lock.ageMs)} ${why}`);
      const removed = await this.#remove(lock);
      if (!removed.ok) return removed;
    }
    return ok();
  }

  /** Returns null when nothing is there, or when it is no lock file. */
  async #look(named: string): Promise<Lock | null> {
    if (!named.endsWith(".lock") && basename(named) !== NEW_PACKED_REFS) return null;
    try {
      // The real path is taken so that no link on the way leads to somebody else's file.
      const file = join(await realpath(dirname(named)), basename(named));
      const { dev, ino, mtimeMs, uid } = await lstat(file);
      const { clock } = this.#options;
      const identity = `${dev}:${ino}:${mtimeMs}`;
      const known = this.#seen.get(file);
      const sinceMs = known?.identity === identity ? known.sinceMs : clock.monotonicMs();
      if (this.#seen.size >= SEEN_MAX) this.#seen.clear();
      this.#seen.set(file, { identity, sinceMs });
      const ageMs = Math.max(clock.now().getTime() - mtimeMs, clock.monotonicMs() - sinceMs);
      return { file, identity, ageMs, uid };
    } catch {
      return null;
    }
  }

  async #reasonToStay({ file, ageMs, uid }: Lock): Promise<string | null> {
    if (ageMs < this.ageMsMin)
      return `and is waited for; left behind, it is removed when it is ${inWords(this.ageMsMin)} old`;
    const holder = await holderOfFile(file, uid);
    if (typeof holder === "number") return `and process ${holder} has it open`;
    if (ageMs >= UNSEEN_AGE_MS_MIN) return null;
    const git = holder === "nobody" ? await gitAt(file, this.#options.ownVariable) : null;
    if (holder === "nobody" && git === null) return null;
    if (git !== null)
      return `and process ${git} is a git that may hold it; it is removed when it is ${inWords(UNSEEN_AGE_MS_MIN)} old`;
    return `and is removed when it is ${inWords(UNSEEN_AGE_MS_MIN)} old, for nobody can see here who has it open`;
  }

  async #remove(lock: Lock): Promise<Result<undefined, string>> {
    const now = await this.#look(lock.file);
    if (now === null) return ok();
    // Another process took the old lock away and holds a new one by now.
    if (now.identity !== lock.identity) return fail(`${lock.file} was just taken by another process`);
    try {
      await unlink(lock.file);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT")
        return fail(`${lock.file} is left from a git that was killed, and cannot be removed: ${messageOf(error)}`);
    }
    this.#seen.delete(lock.file);
    this.#options.onRemoved(lock.file, lock.ageMs);
    return ok();
  }
}

/**
 * Returns the absolute lock files that git may have meant, none where it said nothing of a lock. Git ran in
 * `directory`.
 */
export function lockFilesOf(output: string, directory: string, gitDirectories: readonly string[]): string[] {
  const file =
    between(output, /unable to create '/i, ".lock': ") ?? between(output, /could not lock config file /i, ": ");
  if (file !== null) return [resolve(directory, `${file}.lock`)];
  const written = between(output, /unable to create file /i, `${NEW_PACKED_REFS}: `);
  if (written !== null) return [resolve(directory, written, NEW_PACKED_REFS)];
  // Reftable's message is the only one that names no file.
  if (!/cannot lock references/i.test(output)) return [];
  return gitDirectories.map((gitDirectory) => join(gitDirectory, "reftable", "tables.list.lock"));
}

/** Returns the text between the two, on the line where the first stands. */
function between(output: string, start: RegExp, end: string): string | null {
  const found = start.exec(output);
  if (found === null) return null;
  const [line = ""] = output.slice(found.index + found[0].length).split("\n", 1);
  const to = line.indexOf(end);
  return to < 1 ? null : line.slice(0, to);
}

/** Returns the process that has the file open (I2); `unseen` where /proc is missing or has processes of others. */
async function holderOfFile(file: string, uid: number): Promise<number | "nobody" | "unseen"> {
  const own = process.geteuid?.() ?? -1;
  const names = await readdir("/proc").catch((): string[] => []);
  if (!names.includes("self") || (own !== 0 && own !== uid)) return "unseen";
  for (const pid of names.filter((name) => /^\d+$/.test(name))) {
    const descriptors = await readdir(`/proc/${pid}/fd`).catch((): string[] => []);
    for (const descriptor of descriptors)
      if ((await readlink(`/proc/${pid}/fd/${descriptor}`).catch(() => "")) === file) return Number(pid);
  }
  return "nobody";
}

/** Finds a git of somebody else that works on this lock's repository, by its working directory or environment (I3). */
async function gitAt(file: string, ownVariable: string): Promise<number | null> {
  const roots = await placesOf(file);
  const isWithin = (path: string): boolean => roots.some((root) => path === root || path.startsWith(`${root}/`));
  for (const name of (await readdir("/proc").catch((): string[] => [])).filter((each) => /^\d+$/.test(each))) {
    const program = basename(await readlink(`/proc/${name}/exe`).catch(() => ""));
    if (program !== "git" && !program.startsWith("git-")) continue;
    const cwd = await readlink(`/proc/${name}/cwd`).catch(() => "");
    const environment = (await readFile(`/proc/${name}/environ`, "utf8").catch(() => "")).split("\0");
    if (environment.some((each) => each.startsWith(`${ownVariable}=`))) continue;
    const named = environment.flatMap((each) => /^GIT_(?:COMMON_)?DIR=(.*)$/s.exec(each)?.[1] ?? []);
    if ([cwd, ...named.map((path) => resolve(cwd, path))].some(isWithin)) return Number(name);
  }
  return null;
}

/** Finds where this lock's repository is kept, and where its worktrees stand. */
async function placesOf(file: string): Promise<string[]> {
  let common = dirname(file);
  while (common !== "/" && !(await exists(join(common, "objects")))) common = dirname(common);
  if (common === "/") return [dirname(file)];
  const linked = join(common, "worktrees");
  const names = await readdir(linked).catch((): string[] => []);
  const pointers = await Promise.all(names.map((name) => readPointer(join(linked, name, "gitdir"))));
  const worktrees = pointers.flatMap((text, index) =>
    text.trim() === "" ? [] : dirname(resolve(linked, names[index] ?? "", text.trim())),
  );
  return [common, ...(basename(common) === ".git" ? [dirname(common)] : []), ...worktrees];
}

function inWords(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 120) return `${Math.max(0, minutes)} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`;
}
