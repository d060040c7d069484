// Owns HOME and TMPDIR of an agent or a gate. HOME lies in the worker's data, where a path may be long; TMPDIR lies in
// `/tmp`, because programs open unix sockets there, and the path of a socket has 107 bytes (unix(7)).
//
// I1 TMPDIR has at most 44 characters, whatever home and repository are called.
// I2 TMPDIR is a directory of ours, below one of ours that nobody else may enter: a name that somebody else has made
//    there before, a link among them, is never used. Where no such place can be had, TMPDIR lies in HOME.
// I3 The name of TMPDIR follows from that of HOME, so that whoever comes after a killed worker finds it and removes it.

import { createHash, randomBytes } from "node:crypto";
import { chmod, lstat, mkdir, mkdtemp, readdir, rename, rmdir, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";

import { ensurePrivateDirectory } from "../../../core/files/durable-file.ts";
import { errnoOf } from "../../../core/base/errors.ts";
import { PRIVATE_DIRECTORY_MODE } from "../../../core/files/paths.ts";
import { removeTree } from "../../../core/files/remove-tree.ts";
import { shortageOf } from "../../../core/processes/shortage.ts";
import { agentDirectories } from "./agent-environment.ts";

const BASES = ["/tmp", "/var/tmp"];
/** So many names are tried in one place, should others have taken some. */
const NAMES_MAX = 5;
const HASH_LENGTH = 10;
const TRIES_MAX = 3;
const WORLD_WRITABLE = 0o002;
const STICKY = 0o1000;
const OTHERS = 0o077;
const PASSING = "hydraflow-probe-";
const PASSING_AGE_MS_MAX = 24 * 3_600_000;
const HOME_NAME = /^issue-[1-9]\d*$/;
const GONE_NAME = /^\.gone-/;

/**
 * Makes what is missing of HOME, and TMPDIR, whose path it returns. Call it before each turn: cleaners empty `/tmp`. A
 * HOME in which an agent has left no way to make anything is moved away and made anew, so whatever this throws is about
 * the machine or the place of all homes.
 */
export async function makeAgentHome(home: string): Promise<string> {
  try {
    return await makeHome(home);
  } catch (error) {
    if (shortageOf(error) !== null) throw error;
    await removeAgentHome(home);
    return makeHome(home);
  }
}

async function makeHome(home: string): Promise<string> {
  await Promise.all(Object.values(agentDirectories(home)).map(ensurePrivateDirectory));
  const temporary = (await makeTemporary(home)) ?? join(home, "tmp");
  await ensurePrivateDirectory(temporary);
  return temporary;
}

/** Never throws, and returns false where something is left, which the sweep tries to remove again. */
export async function removeAgentHome(home: string): Promise<boolean> {
  return (await putAwayAgentHome(home)).isRemoved;
}

export interface HomePutAway {
  /** Nothing stands in the home's places any more, so that it can be made anew. */
  readonly isAway: boolean;
  /** Nothing of it is left, under another name neither. */
  readonly isRemoved: boolean;
}

/** Never throws. What cannot be removed, another user's file from a container perhaps, is moved to another name. */
export async function putAwayAgentHome(home: string): Promise<HomePutAway> {
  const own = await ownParents(dirname(home));
  const places = [dirname(home), ...own].map((parent) => putAway(parent, basename(home)));
  const ends = await Promise.all(places);
  await Promise.all(own.map((parent) => rmdir(parent).catch(() => undefined)));
  return { isAway: ends.every(({ isAway }) => isAway), isRemoved: ends.every(({ isRemoved }) => isRemoved) };
}

async function putAway(parent: string, name: string): Promise<HomePutAway> {
  const gone = join(parent, `.gone-${name}-${randomBytes(4).toString("hex")}`);
  const isMoved = await rename(join(parent, name), gone).then(
    () => true,
    () => false,
  );
  const isRemoved = await removeTree(isMoved ? gone : join(parent, name));
  return { isAway: isMoved || isRemoved, isRemoved };
}

export interface SweptHomes {
  readonly removed: readonly string[];
  /** These could not be removed. */
  readonly left: readonly string[];
}

/**
 * Removes homes in `directory` that nobody needs, and the rest of earlier removals. A bad entry does not stop the
 * others.
 */
export async function sweepAgentHomes(
  directory: string,
  isNeeded: (name: string) => Promise<boolean>,
): Promise<SweptHomes> {
  const removed: string[] = [];
  const left: string[] = [];
  const places: { name: string; parent: string }[] = [];
  for (const parent of [directory, ...(await ownParents(directory))])
    places.push(...(await namesIn(parent)).map((name) => ({ name, parent })));
  for (const { name, parent } of places.filter((each) => GONE_NAME.test(each.name)))
    if (!(await removeTree(join(parent, name)))) left.push(name);
  for (const name of new Set(places.map((each) => each.name).filter((each) => HOME_NAME.test(each)))) {
    if (!(await isNeeded(name))) ((await removeAgentHome(join(directory, name))) ? removed : left).push(name);
  }
  return { removed, left };
}

/**
 * Makes a home for a look at a program that takes seconds. The session whose TMPDIR we inherited may have ended long
 * ago.
 */
export async function makePassingHome(): Promise<{ readonly path: string } & AsyncDisposable> {
  const problems: unknown[] = [];
  for (const base of [...BASES, tmpdir()]) {
    try {
      const path = await mkdtemp(join(base, PASSING));
      await Promise.all(Object.values(agentDirectories(path)).map(ensurePrivateDirectory));
      return { path, [Symbol.asyncDispose]: async () => void (await removeTree(path)) };
    } catch (error) {
      problems.push(error);
    }
  }
  throw problems[0];
}

/** Removes the passing homes that killed workers of this user have left. */
export async function sweepPassingHomes(now: Date): Promise<void> {
  for (const base of BASES) {
    for (const name of (await namesIn(base)).filter((each) => each.startsWith(PASSING))) {
      const path = join(base, name);
      const found = await lstat(path).catch(() => null);
      const isOld = found !== null && now.getTime() - found.mtimeMs > PASSING_AGE_MS_MAX;
      if (isOld && (await isOwnDirectory(path))) await removeTree(path);
    }
  }
}

/** I2: returns null where there is no place for it. */
async function makeTemporary(home: string): Promise<string | null> {
  for (const base of BASES) {
    if (!(await isSafeBase(base))) continue;
    for (const parent of parentsIn(base, dirname(home))) {
      const made = await makeIn(parent, basename(home));
      if (made !== null) return made;
    }
  }
  return null;
}

async function makeIn(parent: string, name: string): Promise<string | null> {
  const path = join(parent, name);
  try {
    for (let tries = 1; tries <= TRIES_MAX; tries += 1) {
      await makePrivate(parent);
      if (!(await isOwnDirectory(parent))) return null;
      // Nobody else makes anything below a directory of ours; whatever else stands there, an agent has made.
      if ((await lstat(path).catch(() => null))?.isDirectory() === false) await removeTree(path);
      try {
        await makePrivate(path);
        return path;
      } catch (error) {
        // The end of another run took the empty parent away.
        if (errnoOf(error) !== "ENOENT") throw error;
      }
    }
  } catch {
    // I2: this place cannot be had: a full disk, a quota, somebody else's name.
  }
  return null;
}

/** I2: lists the parents that exist and are ours. */
async function ownParents(homes: string): Promise<string[]> {
  const parents = BASES.flatMap((base) => parentsIn(base, homes));
  const own = await Promise.all(parents.map(isOwnDirectory));
  return parents.filter((_, index) => own[index]);
}

/** I1 and I3: names are short, and follow from the path of the homes. */
function parentsIn(base: string, homes: string): string[] {
  const hash = createHash("sha256").update(homes).digest("hex").slice(0, HASH_LENGTH);
  return Array.from({ length: NAMES_MAX }, (_, index) =>
    join(base, index === 0 ? `hydraflow-${hash}` : `hydraflow-${hash}-${index}`),
  );
}

async function makePrivate(path: string): Promise<void> {
  await mkdir(path, { mode: PRIVATE_DIRECTORY_MODE }).catch((error: unknown) => {
    if (errnoOf(error) !== "EEXIST") throw error;
  });
}

async function isOwnDirectory(path: string): Promise<boolean> {
  try {
    const found = await lstat(path);
    const isOwn = found.isDirectory() && found.uid === process.geteuid?.();
    if (isOwn && (found.mode & OTHERS) !== 0) await chmod(path, PRIVATE_DIRECTORY_MODE);
    return isOwn;
  } catch {
    return false;
  }
}

/** I2: says whether nobody can take the place of another's directory there. */
async function isSafeBase(base: string): Promise<boolean> {
  const mode = await stat(base).then(
    (found) => (found.isDirectory() ? found.mode : WORLD_WRITABLE),
    () => WORLD_WRITABLE,
  );
  return (mode & WORLD_WRITABLE) === 0 || (mode & STICKY) !== 0;
}

function namesIn(directory: string): Promise<string[]> {
  return readdir(directory).catch(() => []);
}
