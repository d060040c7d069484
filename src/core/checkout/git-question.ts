// Asks git itself about a checkout, in a process of its own with a deadline: what git reads there (configuration, what
// that includes) may have been written by anybody, and a process that holds many repositories must not stand still over
// it. The questions read configuration and run nothing that it names. The operator's own configuration counts here,
// unlike in the worker's git: `safe.directory` has a meaning for git only there (git-config(1)).

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { devNull } from "node:os";
import { dirname } from "node:path";

import { errnoOf, messageOf } from "../base/errors.ts";
import { absoluteEntries } from "../processes/search-path.ts";
import { shortageOf } from "../processes/shortage.ts";

const OUTPUT_BYTES_MAX = 65_536;

export interface GitHost {
  /** The environment of the asking process; git gets PATH and HOME of it. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface GitReply {
  /** Null when git came to none of its own; `problem` says why. */
  readonly exitCode: number | null;
  readonly stdout: string;
  /** Holds what git said, or what kept it from being run. */
  readonly stderr: string;
  readonly problem: "missing" | "gone" | "late" | "other" | null;
}

/** Rejects only when the machine is short of something. Aborting kills git. */
export function askGit(
  directory: string,
  gitArguments: readonly string[],
  host: GitHost,
  signal: AbortSignal,
): Promise<GitReply> {
  const options = {
    cwd: directory,
    env: environmentOf(directory, host),
    maxBuffer: OUTPUT_BYTES_MAX,
    killSignal: "SIGKILL",
    signal,
  } as const;
  return new Promise((resolve, reject) => {
    const end = (error: unknown, exitCode: number | null, stdout: string, stderr: string): void => {
      if (exitCode !== null) resolve({ exitCode, stdout, stderr, problem: null });
      else if (signal.aborted) resolve({ exitCode, stdout, stderr, problem: "late" });
      else if (shortageOf(error) !== null) reject(error);
      // Node says the same where the directory is gone.
      else if (errnoOf(error) === "ENOENT")
        resolve({ exitCode, stdout, stderr, problem: existsSync(directory) ? "missing" : "gone" });
      else resolve({ exitCode, stdout, stderr: messageOf(error), problem: "other" });
    };
    try {
      const child = execFile("git", gitArguments, options, (error, stdout, stderr) => {
        const code = error === null ? 0 : error.code;
        end(error, typeof code === "number" ? code : null, stdout, stderr);
      });
      child.stdin?.end();
    } catch (error) {
      end(error, null, "", "");
    }
  });
}

function environmentOf(directory: string, { environment }: GitHost): Record<string, string> {
  return {
    PATH: absoluteEntries(environment["PATH"] ?? ""),
    HOME: environment["HOME"] ?? devNull,
    LC_ALL: "C",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    // Git must look at the named directory alone, not at a checkout that it lies in.
    GIT_CEILING_DIRECTORIES: dirname(directory),
  };
}
