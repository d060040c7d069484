// Runs the quality gate: the repository's own check, in a fresh checkout of the commit that is to be pushed, behind the
// setup that such a checkout needs. It runs code that an agent has written, so it gets an agent's environment, no
// credential, a deadline and the end of its whole process tree. Its HOME is new for every run, caches included: what
// one run leaves, the next must not run. Only npm's cache is kept, for an install that hashes again whatever it takes
// from it.

import { readdir, rm, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";

import { agentEnvironment } from "../agent/process/agent-environment.ts";
import { makeAgentHome, putAwayAgentHome, removeAgentHome, sweepAgentHomes } from "../agent/process/agent-home.ts";
import { type CommandEnd, runCommand } from "../agent/process/subprocess.ts";
import { ensurePrivateDirectory } from "../../core/files/durable-file.ts";
import { removeTree } from "../../core/files/remove-tree.ts";
import { parseJsonObject } from "../../core/files/json-lines.ts";
import { ok, type Result } from "../../core/base/result.ts";
import type { GitFailure } from "../git/command/git-failure.ts";
import { OUTPUT_CHARACTERS_MAX } from "../prompt/prompt.ts";

const OUTPUT_BYTES_MAX = 4 * OUTPUT_CHARACTERS_MAX;
const MANIFEST_PLACEHOLDER = "no test specified";
const KEPT = "npm-cache";
/** npm has its cache here, below a HOME, by default. */
const NPM_CACHE = join(".npm", "_cacache");
const STRONG_HASH = /^sha(256|384|512)-/;
const NO_SETUP = "none";
const NOT_FOUND = 127;

export interface GateSetup {
  readonly command: string;
  /** The command is npm's, and takes no package but one that the lock file has a hash of. */
  readonly isHashed: boolean;
}

export interface GateOptions {
  readonly command: string;
  /** It runs first; null where the checkout needs none. */
  readonly setup: GateSetup | null;
  /** It is a fresh checkout. */
  readonly directory: string;
  /** The gates of the repository have their HOMEs in this directory, beside what is kept. */
  readonly homes: string;
  readonly issue: number;
  /** The gate's process group is on record in this directory while it runs. */
  readonly groups: string;
  /** The setup and the gate may take this long each. */
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** They are from the setting `agentEnvironment`. */
  readonly names: readonly string[];
  readonly marks: Readonly<Record<string, string>>;
  readonly redact: (text: string) => string;
}

export interface GateResult {
  readonly passed: boolean;
  /** This command ran last: the gate's, or that of a setup that has failed. */
  readonly command: string;
  readonly what: "quality gate" | "setup of the quality gate";
  /** It is the redacted tail, at most OUTPUT_CHARACTERS_MAX. */
  readonly output: string;
}

/** Reads a file of the commit's top directory; null where there is none. */
export type ReadFile = (name: string) => Promise<Result<string | null, GitFailure>>;

/** Finds `gateCommand`, else `make quality`, else `npm test`; null where the repository offers none of them. */
export async function findGateCommand(
  configured: string | undefined,
  read: ReadFile,
): Promise<Result<string | null, GitFailure>> {
  if (configured !== undefined) return ok(configured);
  for (const name of ["GNUmakefile", "makefile", "Makefile"]) {
    const makefile = await read(name);
    if (!makefile.ok) return makefile;
    if (/^quality[ \t]*:(?!=)/m.test(makefile.value ?? "")) return ok("make quality");
  }
  const manifest = await read("package.json");
  if (!manifest.ok) return manifest;
  const { test } = recordAt(manifest.value, "scripts");
  return ok(typeof test === "string" && !test.includes(MANIFEST_PLACEHOLDER) ? "npm test" : null);
}

/** Finds `gateSetupCommand`, else a clean install where there are dependencies and a lock file of a package manager. */
export async function findGateSetup(
  configured: string | undefined,
  read: ReadFile,
): Promise<Result<GateSetup | null, GitFailure>> {
  if (configured !== undefined) return ok(configured === NO_SETUP ? null : { command: configured, isHashed: false });
  const manifest = await read("package.json");
  if (!manifest.ok) return manifest;
  const kinds = ["dependencies", "devDependencies", "optionalDependencies"];
  if (!kinds.some((kind) => Object.keys(recordAt(manifest.value, kind)).length > 0)) return ok(null);
  for (const [lock, install] of INSTALLS) {
    const found = await read(lock);
    if (!found.ok) return found;
    if (found.value !== null) return ok(install(found.value));
  }
  return ok(null);
}

const npmInstall = (lock: string): GateSetup => ({ command: "npm ci", isHashed: isHashed(lock) });

const INSTALLS: readonly (readonly [lock: string, install: (lock: string) => GateSetup])[] = [
  ["npm-shrinkwrap.json", npmInstall],
  ["package-lock.json", npmInstall],
  ["pnpm-lock.yaml", () => ({ command: "pnpm install --frozen-lockfile", isHashed: false })],
  ["yarn.lock", (lock) => ({ command: `yarn install ${yarnOption(lock)}`, isHashed: false })],
];

/** Yarn from 2 on has another option, and says so in its lock file. */
function yarnOption(lock: string): string {
  return /^__metadata:/m.test(lock) ? "--immutable" : "--frozen-lockfile";
}

/**
 * Says whether each package that npm would download has a hash; directories, and what another package brings along,
 * need none.
 */
function isHashed(lock: string): boolean {
  const packages = Object.entries(recordAt(lock, "packages"));
  const isOwn = (path: string) => !path.includes("node_modules/");
  return (
    packages.length > 0 &&
    packages.every(([path, entry]) => {
      const { link, inBundle, integrity } = Object(entry) as Record<string, unknown>;
      if (isOwn(path) || link === true || inBundle === true) return true;
      return typeof integrity === "string" && integrity.split(/\s+/).every((hash) => STRONG_HASH.test(hash));
    })
  );
}

/** Aborting kills the tree; the result then says `passed: false`, and the caller looks at its signal. */
export async function runGate(options: GateOptions, signal: AbortSignal): Promise<GateResult> {
  const home = join(options.homes, `issue-${options.issue}`);
  if (!(await putAwayAgentHome(home)).isAway)
    throw new Error(`${home} is in the way of a gate's new home and cannot be removed`);
  const { setup } = options;
  const [kept, cache] = [join(options.homes, KEPT), join(home, NPM_CACHE)];
  try {
    await Promise.all([kept, dirname(cache)].map(ensurePrivateDirectory));
    if (setup?.isHashed) await symlink(kept, cache);
    const setUp = setup === null ? null : await runPart(options, setup.command, home, signal);
    if (setUp !== null && !setUp.passed) return { ...setUp, what: "setup of the quality gate" };
    // The gate itself gets no kept cache, because it may ask npm for what no lock file names.
    await rm(cache, { recursive: true, force: true });
    return { ...(await runPart(options, options.command, home, signal)), what: "quality gate" };
  } finally {
    // A home that cannot be removed now is removed before the next run.
    await removeAgentHome(home);
  }
}

/** Removes the HOMEs that a killed worker left in `directory`. Call it once, at start. */
export async function sweepGateHomes(directory: string): Promise<void> {
  await sweepAgentHomes(directory, () => Promise.resolve(false));
  const names = await readdir(directory).catch(() => []);
  for (const name of names) if (name !== KEPT) await removeTree(join(directory, name));
}

async function runPart(
  options: GateOptions,
  command: string,
  home: string,
  signal: AbortSignal,
): Promise<Omit<GateResult, "what">> {
  const { environment: parent, names, marks } = options;
  // The home is made again for each part, because the part before may have emptied it.
  const temporary = await makeAgentHome(home);
  const end = await runCommand(
    {
      command: "/bin/sh",
      args: ["-c", command],
      cwd: options.directory,
      record: { directory: options.groups, marks },
      env: { ...agentEnvironment({ parent, names, home, temporary, marks }), CI: "true" },
      timeoutMs: options.timeoutMs,
      outputBytesMax: OUTPUT_BYTES_MAX,
    },
    signal,
  );
  const output = `${options.redact(end.output)}${howItEnded(end, options.timeoutMs)}`;
  return { passed: end.exitCode === 0 && !end.timedOut, command, output: output.slice(-OUTPUT_CHARACTERS_MAX) };
}

function howItEnded({ timedOut, signal, exitCode }: CommandEnd, timeoutMs: number): string {
  if (timedOut) return `\n[stopped after ${timeoutMs / 1_000} s]`;
  if (signal !== null) return `\n[ended by ${signal}]`;
  // The shell has named the program in its output.
  return exitCode === NOT_FOUND ? "\n[exit code 127: a program is not installed, or not on the worker's PATH]" : "";
}

function recordAt(manifest: string | null, key: string): Record<string, unknown> {
  const value = parseJsonObject(manifest ?? "")?.[key];
  return typeof value === "object" && value !== null ? { ...value } : {};
}
