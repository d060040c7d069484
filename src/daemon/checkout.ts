// Looks at a directory without running git: is it a checkout, and what is the URL of its origin? git itself would obey
// the configuration of a repository that an agent may have written to.

import { constants, lstat, open, realpath, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { isAbsolute, join, resolve } from "node:path";

import { errnoOf } from "../core/errors.ts";
import { fail, ok } from "../core/result.ts";
import type { ControlResult } from "../core/supervisor-control.ts";
import { readGitConfig } from "./git-config.ts";

const CONFIG_BYTES_MAX = 1_048_576;
const POINTER_BYTES_MAX = 8_192;
/** A directory on a network disk that does not answer must not hold a request for ever. */
const INSPECT_TIMEOUT_MS = 5_000;
/** Trouble of this machine, which says nothing about the checkout. */
const SHORTAGES = new Set(["EMFILE", "ENFILE", "ENOMEM", "EIO"]);

export interface Checkout {
  /** Absolute, without symbolic links. */
  readonly path: string;
  readonly originUrl: string | null;
}

/** `path` as the client wrote it: absolute, or under `~`. */
export async function inspectCheckout(path: string, signal: AbortSignal): Promise<ControlResult<Checkout>> {
  const limit = AbortSignal.any([signal, AbortSignal.timeout(INSPECT_TIMEOUT_MS)]);
  const late = Promise.withResolvers<ControlResult<Checkout>>();
  const giveUp = (): void => late.resolve(notFound(path));
  limit.addEventListener("abort", giveUp, { once: true });
  try {
    return await Promise.race([inspect(path), late.promise]);
  } catch (error) {
    if (!isShortage(error)) throw error;
    return fail({ code: "storage_failed", message: `${path} could not be looked at: ${errnoOf(error)}; try again` });
  } finally {
    limit.removeEventListener("abort", giveUp);
  }
}

/** `~` and `~/…` made absolute; anything else as it is. */
export function expandHome(path: string): string {
  return path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;
}

async function inspect(path: string): Promise<ControlResult<Checkout>> {
  const expanded = expandHome(path);
  if (!isAbsolute(expanded) || path.includes("\0")) {
    return fail({ code: "bad_request", message: `give an absolute path, not '${path.slice(0, 200)}'` });
  }
  const real = await realpath(expanded).catch(nothingUnlessShort);
  if (real === undefined) return notFound(path);
  const gitDirectory = await findGitDirectory(real);
  const config = gitDirectory === undefined ? undefined : await readConfig(gitDirectory);
  if (config === undefined || config.get("core.bare")?.toLowerCase() === "true") {
    return fail({ code: "not_a_checkout", message: `${real} is no git checkout; give the directory that holds .git` });
  }
  return ok({ path: real, originUrl: config.get("remote.origin.url") ?? null });
}

/** `.git` is a directory, or in linked worktrees and submodules a file that says `gitdir: <path>`. */
async function findGitDirectory(checkout: string): Promise<string | undefined> {
  const entry = join(checkout, ".git");
  const kind = await stat(entry).catch(nothingUnlessShort);
  if (kind?.isDirectory() === true) return entry;
  if (kind?.isFile() !== true) return undefined;
  const target = /^gitdir: (.+)$/m.exec(await readPointer(entry))?.[1];
  return target === undefined ? undefined : resolve(checkout, target);
}

/** The configuration that all worktrees of a repository share; undefined when this is no repository. */
async function readConfig(gitDirectory: string): Promise<ReadonlyMap<string, string> | undefined> {
  const head = await lstat(join(gitDirectory, "HEAD")).catch(nothingUnlessShort);
  if (head === undefined) return undefined;
  const common = (await readPointer(join(gitDirectory, "commondir"))).trim();
  const shared = common === "" ? gitDirectory : resolve(gitDirectory, common);
  const text = await readText(join(shared, "config"), CONFIG_BYTES_MAX).catch(nothingUnlessShort);
  return text === undefined ? undefined : readGitConfig(text);
}

function nothingUnlessShort(error: unknown): undefined {
  if (isShortage(error)) throw error;
}

function isShortage(error: unknown): boolean {
  return SHORTAGES.has(errnoOf(error) ?? "");
}

/** Off the thread: the disk may be a network's, and the daemon must not stand still with it. Not blocking: it may be a pipe. */
async function readText(path: string, bytesMax: number): Promise<string | undefined> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const found = await file.stat();
  return found.isFile() && found.size <= bytesMax ? await file.readFile("utf8") : undefined;
}

async function readPointer(path: string): Promise<string> {
  return (await readText(path, POINTER_BYTES_MAX).catch(nothingUnlessShort)) ?? "";
}

function notFound(path: string): ControlResult<never> {
  return fail({ code: "path_not_found", message: `Repo path not found: ${path}` });
}
