// Finds out whether HydraFlow can work beside a checkout, and if not, gives the one sentence that says what to do. The
// supervisor asks when a repository is added, the worker again and again, since everything here may change.
// docs/repositories.md has the sentences; a test compares.

import { access, constants, stat } from "node:fs/promises";
import { join } from "node:path";

import { fail, ok, type Result } from "../base/result.ts";
import { encryptionOf } from "./encrypted-files.ts";
import { findGitDirectory, isShortage, nothingUnlessShort } from "./git-directory.ts";
import { askGit, type GitHost, type GitReply } from "./git-question.ts";
import { lfsProblem } from "./lfs.ts";
import { ORIGIN_QUESTION, originIn } from "./origin-url.ts";

const CONFIG_BYTES_MAX = 1_048_576;
const WORDS_MAX = 300;

export interface SoundCheckout {
  readonly commonDirectory: string;
  readonly originUrl: string | null;
}

/** `path` is a real path; the failure is the sentence. Throws only when the machine is short of something. */
export async function examineCheckout(
  path: string,
  host: GitHost,
  signal: AbortSignal,
): Promise<Result<SoundCheckout, string>> {
  const found = await findGitDirectory(path);
  if (found.kind === "none") return fail(SENTENCES.none(path));
  if (found.kind === "bare") return fail(SENTENCES.bare(path));
  if (found.kind === "closed") return fail(SENTENCES.unreadable(found.place));
  if (found.kind === "dangling") return fail(SENTENCES.dangling(path, found.target));
  const { gitDirectory, commonDirectory } = found;
  const config = await stat(join(commonDirectory, "config")).catch(nothingUnlessShort);
  if (config !== undefined && (!config.isFile() || config.size > CONFIG_BYTES_MAX))
    return fail(SENTENCES.config(join(commonDirectory, "config")));
  const opened = await askGit(path, ["rev-parse", "--is-bare-repository"], host, signal);
  if (opened.exitCode !== 0) return fail(refusalOf(path, opened));
  if (opened.stdout.trim() === "true") return fail(SENTENCES.noFiles(path, gitDirectory));
  const unwritable = await unwritablePart(commonDirectory);
  if (unwritable !== null) return fail(unwritable);
  const lfs = await lfsProblem(path, host.environment["PATH"] ?? "");
  if (lfs !== null) return fail(lfs);
  const program = await encryptionOf(path, commonDirectory);
  if (program !== null) return fail(SENTENCES.encrypted(path, program));
  const origin = await askGit(path, ORIGIN_QUESTION, host, signal);
  if (origin.exitCode !== 0 && origin.exitCode !== 1) return fail(refusalOf(path, origin));
  return ok({ commonDirectory, originUrl: originIn(origin.stdout) });
}

/** Names the part of the git directory, which holds worktrees, commits and refs, that we may not write to. */
export async function unwritablePart(commonDirectory: string): Promise<string | null> {
  for (const part of ["", "objects", "refs", "worktrees"]) {
    const place = join(commonDirectory, part);
    try {
      await access(place, constants.W_OK);
    } catch (error) {
      if (isShortage(error)) throw error;
      if (await stat(place).catch(() => undefined)) return SENTENCES.readOnly(place);
    }
  }
  return null;
}

export const SENTENCES = {
  none: (path: string) => `${path} is no git checkout; give the directory that holds .git`,
  bare: (path: string) =>
    `${path} is a bare repository and has no files to work on; add one of its worktrees, or make one with 'git worktree add'`,
  noFiles: (path: string, gitDirectory: string) =>
    `${path} has no files of its own, since its .git is the bare repository ${gitDirectory}; add one of its worktrees, or make one with 'git worktree add'`,
  dangling: (path: string, target: string) =>
    `${path}/.git names ${target}, where no git directory is; run 'git worktree repair' in the checkout that it belongs to, or clone it anew`,
  config: (file: string) => `${file} is no regular file of at most 1 MiB; put git's configuration back`,
  noGit: () => "git is not installed, or not on the PATH of HydraFlow; install it",
  otherUser: (path: string) =>
    `${path} belongs to another user than HydraFlow runs as; if you trust it, run as HydraFlow's user: git config --global --add safe.directory ${quoted(path)}`,
  extension: (path: string, words: string) =>
    `git cannot open ${path}: ${words}; install a git that is as new as the one that made it`,
  refused: (path: string, words: string) => `git cannot open ${path}: ${words}; mend that first`,
  late: (path: string) =>
    `git did not open ${path} in time; look at what its configuration includes, and at its disk, and try again`,
  encrypted: (path: string, program: string) =>
    `${path} keeps files encrypted with ${program}: an agent would read them, or add to them in plain text while they are locked; keep them in another repository, and take ${program} out of this one`,
  unreadable: (place: string) =>
    `${place} cannot be read by the user that HydraFlow runs as; give that user the right to read it`,
  readOnly: (place: string) =>
    `${place} cannot be written by the user that HydraFlow runs as, and commits and worktrees are kept there; give that user the right to write`,
} as const;

function refusalOf(path: string, { stderr, problem }: GitReply): string {
  if (problem === "missing") return SENTENCES.noGit();
  if (problem === "gone") return SENTENCES.none(path);
  if (problem === "late") return SENTENCES.late(path);
  if (stderr.includes("dubious ownership")) return SENTENCES.otherUser(path);
  const words = stderr.split("\n").find((line) => line.startsWith("fatal: ") || line.startsWith("error: ")) ?? stderr;
  // Git lists the extensions that it does not know in lines of their own.
  const names = stderr.split("\n").filter((line) => line.startsWith("\t"));
  const said = [words.replace(/^(?:fatal|error): /, ""), ...names.map((name) => name.trim())].join(" ");
  const line = said.replace(/\s+/g, " ").slice(0, WORDS_MAX);
  return /unknown repository extension|git repo version/i.test(line)
    ? SENTENCES.extension(path, line)
    : SENTENCES.refused(path, line);
}

function quoted(path: string): string {
  return /^[\w./@%+-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}
