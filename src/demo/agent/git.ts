// The demo agent asks git this in its working directory, and settles a merge by keeping both sides.

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { messageOf } from "../../core/base/errors.ts";
import { fail, ok, type Result } from "../../core/base/result.ts";

const run = promisify(execFile);
const GIT_TIMEOUT_MS = 30_000;
const OUTPUT_BYTES_MAX = 16 * 1_024 * 1_024;

/** Gives the paths that HEAD changes against where it left `base`. */
export async function changedFiles(directory: string, base: string): Promise<Result<string[], string>> {
  try {
    return ok(await git(directory, ["diff", "--name-only", "-z", `${base}...HEAD`, "--"]));
  } catch (thrown) {
    return fail(messageOf(thrown));
  }
}

/** Gives the paths with conflict markers. There are none outside a merge, and outside a repository. */
export async function unmergedFiles(directory: string): Promise<string[]> {
  return git(directory, ["diff", "--name-only", "-z", "--diff-filter=U", "--"]).catch(() => []);
}

export async function keepBothSides(directory: string, path: string): Promise<void> {
  const text = await readFile(join(directory, path), "utf8");
  let isBase = false;
  const kept = text.split("\n").filter((line) => {
    if (line.startsWith("||||||| ")) isBase = true;
    if (line === "=======") isBase = false;
    return !isBase && !/^(?:<{7} |={7}$|>{7} )/.test(line);
  });
  await writeFile(join(directory, path), kept.join("\n"));
}

async function git(directory: string, args: readonly string[]): Promise<string[]> {
  const { stdout } = await run("git", args, { cwd: directory, timeout: GIT_TIMEOUT_MS, maxBuffer: OUTPUT_BYTES_MAX });
  return stdout.split("\0").filter((path) => path !== "");
}
