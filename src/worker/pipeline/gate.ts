// The quality gate: the repository's own check, run in a fresh checkout of the commit that is to be pushed, behind the
// setup that such a checkout needs. It runs code that an agent has written, so it gets an agent's environment, no
// credential, a deadline and the end of its whole process tree. Its HOME is new for every run; only caches are kept.

import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { agentDirectories, agentEnvironment } from "../agent/agent-environment.ts";
import { runCommand } from "../agent/subprocess.ts";
import { ensurePrivateDirectory } from "../../core/durable-file.ts";
import { parseJsonObject } from "../../core/json-lines.ts";
import { ok, type Result } from "../../core/result.ts";
import type { GitFailure } from "../git/git-failure.ts";
import { removeTree } from "../git/worktree-directory.ts";
import { OUTPUT_CHARACTERS_MAX } from "../prompt/prompt.ts";

const OUTPUT_BYTES_MAX = 4 * OUTPUT_CHARACTERS_MAX;
const MANIFEST_PLACEHOLDER = "no test specified";
const CACHE = "cache";
const NPM_GATE = "npm test";

export interface GateOptions {
  readonly command: string;
  /** Run first; null where the checkout needs none. */
  readonly setup: string | null;
  /** A fresh checkout. */
  readonly directory: string;
  /** Where the gates of the repository have their HOMEs, and the caches of package managers, which are kept. */
  readonly homes: string;
  readonly issue: number;
  /** Its process group is on record here while it runs. */
  readonly groups: string;
  /** Of the setup and of the gate, each. */
  readonly timeoutMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Names from the setting `agentEnvironment`. */
  readonly names: readonly string[];
  readonly marks: Readonly<Record<string, string>>;
  readonly redact: (text: string) => string;
}

export interface GateResult {
  readonly passed: boolean;
  /** What ran last: the gate's command, or that of the setup, which has failed then. */
  readonly command: string;
  readonly what: "quality gate" | "setup of the quality gate";
  /** The tail, at most OUTPUT_CHARACTERS_MAX, redacted. */
  readonly output: string;
}

/** Reads a file of the commit's top directory; null where there is none. */
export type ReadFile = (name: string) => Promise<Result<string | null, GitFailure>>;

/** `gateCommand`, else `make quality`, else `npm test`; null where the repository offers none of them. */
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
  return ok(typeof test === "string" && !test.includes(MANIFEST_PLACEHOLDER) ? NPM_GATE : null);
}

/** The clean install that the default `npm test` needs where there are dependencies and a lock file of a package manager. */
export async function findGateSetup(gate: string, read: ReadFile): Promise<Result<string | null, GitFailure>> {
  if (gate !== NPM_GATE) return ok(null);
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

const INSTALLS: readonly (readonly [lock: string, install: (lock: string) => string])[] = [
  ["npm-shrinkwrap.json", () => "npm ci"],
  ["package-lock.json", () => "npm ci"],
  ["pnpm-lock.yaml", () => "pnpm install --frozen-lockfile"],
  // Yarn from 2 on has another option, and says so in its lock file.
  ["yarn.lock", (lock) => `yarn install ${/^__metadata:/m.test(lock) ? "--immutable" : "--frozen-lockfile"}`],
];

/** Aborting kills the tree; the result then says `passed: false`, and the caller looks at its signal. */
export async function runGate(options: GateOptions, signal: AbortSignal): Promise<GateResult> {
  const home = join(options.homes, `issue-${options.issue}`);
  await removeTree(home);
  await Promise.all([join(options.homes, CACHE), ...Object.values(agentDirectories(home))].map(ensurePrivateDirectory));
  const place = { ...options, home, cache: join(options.homes, CACHE) };
  try {
    const setUp = options.setup === null ? null : await runPart(place, options.setup, signal);
    if (setUp !== null && !setUp.passed) return { ...setUp, what: "setup of the quality gate" };
    return { ...(await runPart(place, options.command, signal)), what: "quality gate" };
  } finally {
    // What cannot be removed now is removed before the next run.
    await removeTree(home).catch(() => undefined);
  }
}

/** Takes away the HOMEs that a killed worker left in `directory`; the caches stay. Call it once, at start. */
export async function sweepGateHomes(directory: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  for (const name of names) if (name !== CACHE) await removeTree(join(directory, name)).catch(() => undefined);
}

async function runPart(
  options: GateOptions & { readonly home: string; readonly cache: string },
  command: string,
  signal: AbortSignal,
): Promise<Omit<GateResult, "what">> {
  const { environment: parent, names, home, marks } = options;
  const end = await runCommand(
    {
      command: "/bin/sh",
      args: ["-c", command],
      cwd: options.directory,
      record: { directory: options.groups, marks },
      env: { ...agentEnvironment({ parent, names, home, marks }), ...cacheVariables(options.cache), CI: "true" },
      timeoutMs: options.timeoutMs,
      outputBytesMax: OUTPUT_BYTES_MAX,
    },
    signal,
  );
  const how = end.timedOut
    ? `\n[stopped after ${options.timeoutMs / 1_000} s]`
    : end.signal === null
      ? ""
      : `\n[ended by ${end.signal}]`;
  const output = `${options.redact(end.output)}${how}`;
  return { passed: end.exitCode === 0 && !end.timedOut, command, output: output.slice(-OUTPUT_CHARACTERS_MAX) };
}

/** Caches alone: directories that also hold settings or programs (CARGO_HOME, GRADLE_USER_HOME) would let one run change the next. */
function cacheVariables(cache: string): Record<string, string> {
  return {
    XDG_CACHE_HOME: cache,
    npm_config_cache: join(cache, "npm"),
    npm_config_store_dir: join(cache, "pnpm"),
    YARN_CACHE_FOLDER: join(cache, "yarn"),
    GOMODCACHE: join(cache, "go-mod"),
  };
}

function recordAt(manifest: string | null, key: string): Record<string, unknown> {
  const value = parseJsonObject(manifest ?? "")?.[key];
  return typeof value === "object" && value !== null ? { ...value } : {};
}
