// Finds where a checkout keeps its git directory (gitrepository-layout(5)) without running git: it reads a few small
// files, and parses none of them further than its first line.

import { access, constants, lstat, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";

import { errnoOf } from "../base/errors.ts";
import { shortageOf } from "../processes/shortage.ts";
import { readSmallFile } from "./small-file.ts";

const POINTER_BYTES_MAX = 8_192;
const POINTER = "gitdir: ";

export type FoundGitDirectory =
  | {
      readonly kind: "found";
      /** Real paths; in a linked worktree two different ones. */
      readonly gitDirectory: string;
      readonly commonDirectory: string;
    }
  | { readonly kind: "none" }
  /** The directory itself is a git directory, without files beside it. */
  | { readonly kind: "bare" }
  /** The `.git` file names a place where no git directory is. */
  | { readonly kind: "dangling"; readonly target: string }
  /** We have no right to look at this. */
  | { readonly kind: "closed"; readonly place: string };

/** `checkout` is a real path. Throws only when the machine is short of something. */
export async function findGitDirectory(checkout: string): Promise<FoundGitDirectory> {
  try {
    return await find(checkout);
  } catch (error) {
    if (errnoOf(error) !== "EACCES") throw error;
    return { kind: "closed", place: (error as NodeJS.ErrnoException).path ?? checkout };
  }
}

/** Throws EACCES where it may not look. */
async function find(checkout: string): Promise<FoundGitDirectory> {
  const entry = join(checkout, ".git");
  const kind = await stat(entry).catch(nothingIfAbsent);
  if (kind === undefined) return (await isGitDirectory(checkout)) ? { kind: "bare" } : { kind: "none" };
  if (kind.isDirectory()) return (await isGitDirectory(entry)) ? foundAt(entry) : { kind: "none" };
  await access(entry, constants.R_OK);
  const target = await pointerIn(entry);
  if (target === undefined) return { kind: "none" };
  const directory = resolve(checkout, target);
  return (await isGitDirectory(directory)) ? foundAt(directory) : { kind: "dangling", target: directory };
}

/** Reads the path in a file `.git` as it is written: since git 2.48 it may be relative to the file's directory. */
export async function pointerIn(file: string): Promise<string | undefined> {
  const text = await readPointer(file);
  if (!text.startsWith(POINTER)) return undefined;
  const target = text.slice(POINTER.length).replace(/\r?\n$/, "");
  return target === "" ? undefined : target;
}

/** Reads the text of a file with one path in it; the text is empty when there is no file. */
export async function readPointer(path: string): Promise<string> {
  return (await readSmallFile(path, POINTER_BYTES_MAX).catch(nothingUnlessShort)) ?? "";
}

/** True for trouble of this machine, which says nothing about the checkout. */
export function isShortage(error: unknown): boolean {
  return shortageOf(error) !== null;
}

export function nothingUnlessShort(error: unknown): undefined {
  if (isShortage(error)) throw error;
}

function nothingIfAbsent(error: unknown): undefined {
  if (errnoOf(error) === "EACCES") throw error;
  return nothingUnlessShort(error);
}

async function foundAt(directory: string): Promise<FoundGitDirectory> {
  const gitDirectory = await realpath(directory);
  const common = (await readPointer(join(gitDirectory, "commondir"))).trim();
  const shared = resolve(gitDirectory, common);
  const commonDirectory = await realpath(shared).catch(nothingIfAbsent);
  if (commonDirectory === undefined) return { kind: "dangling", target: shared };
  return { kind: "found", gitDirectory, commonDirectory };
}

/** Every git directory has a HEAD, be its refs kept as files or as a reftable. */
async function isGitDirectory(path: string): Promise<boolean> {
  const [head, objects] = await Promise.all(
    [join(path, "HEAD"), join(path, "objects")].map((name) => lstat(name).catch(nothingIfAbsent)),
  );
  if (head === undefined || head.isDirectory()) return false;
  // The git directory of a linked worktree has no objects, but a file that names the shared directory.
  return objects !== undefined || (await lstat(join(path, "commondir")).catch(nothingIfAbsent)) !== undefined;
}
