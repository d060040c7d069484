// The real agent CLI is installed, at the version that the driver was tried with, into the cache below node_modules.
// That takes npm and no account. Where it cannot be installed this throws one clear line: the run fails, it never
// skips.

import { execFile } from "node:child_process";
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

import { messageOf } from "../../src/core/base/errors.ts";

const PACKAGE = "@anthropic-ai/claude-code";
export const CLAUDE_VERSION = "2.1.329";

const INSTALL_TIMEOUT_MS = 570_000;
const run = promisify(execFile);

/** Gives the absolute path of the program. */
export async function installClaude(): Promise<string> {
  const directory = fileURLToPath(
    new URL(`../../node_modules/.cache/agents/claude-code-${CLAUDE_VERSION}`, import.meta.url),
  );
  return (await findProgram(directory)) ?? (await install(directory));
}

async function install(directory: string): Promise<string> {
  const flags = ["--prefix", directory, "--save-exact", "--ignore-scripts", "--no-audit", "--no-fund"];
  await mkdir(directory, { recursive: true });
  try {
    await run("npm", ["install", ...flags, `${PACKAGE}@${CLAUDE_VERSION}`], { timeout: INSTALL_TIMEOUT_MS });
  } catch (thrown) {
    const reason = /npm error code (\S+)/.exec(messageOf(thrown))?.[1] ?? "npm failed";
    // The cause is left out on purpose: npm's pages of output would hide the one line that counts.
    // oxlint-disable-next-line preserve-caught-error
    throw new Error(`${PACKAGE} ${CLAUDE_VERSION} could not be installed (${reason}): the real agent was not tested`);
  }
  const program = await findProgram(directory);
  if (program === null)
    throw new Error(`${PACKAGE} ${CLAUDE_VERSION} brings no program for ${process.platform} ${process.arch}`);
  return program;
}

/** The package for this platform holds the program; the main package only links to it. */
async function findProgram(directory: string): Promise<string | null> {
  const scope = join(directory, "node_modules", "@anthropic-ai");
  const names = await readdir(scope).catch(() => []);
  const platform = names.find((name) => name.startsWith(`claude-code-${process.platform}-${process.arch}`));
  if (platform === undefined) return null;
  const program = join(scope, platform, "claude");
  const answered = await run(program, ["--version"]).catch(() => null);
  return answered?.stdout.startsWith(CLAUDE_VERSION) === true ? program : null;
}
