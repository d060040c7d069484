// Asks git itself about a checkout, in a process of its own with a deadline: what git reads there (configuration, what that
// includes) may have been written by anybody, and a process that holds many repositories must not stand still over it.
// The questions read configuration and run nothing that it names. The operator's own configuration counts here, unlike in
// the worker's git: `safe.directory` has a meaning for git only there (git-config(1)).

import { execFile } from "node:child_process";
import { devNull } from "node:os";
import { dirname } from "node:path";

import { errnoOf } from "../errors.ts";

const OUTPUT_BYTES_MAX = 65_536;

export interface GitHost {
  /** Of the asking process; PATH and HOME are taken. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface GitReply {
  /** Null when git could not be started or was stopped. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly isMissing: boolean;
}

/** Never rejects. Aborting kills git. */
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
  return new Promise((resolve) => {
    try {
      const child = execFile("git", gitArguments, options, (error, stdout, stderr) => {
        const code = error?.code;
        const exitCode = error === null ? 0 : typeof code === "number" ? code : null;
        resolve({ exitCode, stdout, stderr, isMissing: errnoOf(error) === "ENOENT" });
      });
      child.stdin?.end();
    } catch (error) {
      resolve({ exitCode: null, stdout: "", stderr: "", isMissing: errnoOf(error) === "ENOENT" });
    }
  });
}

function environmentOf(directory: string, { environment }: GitHost): Record<string, string> {
  return {
    PATH: environment["PATH"] ?? "/usr/bin:/bin",
    HOME: environment["HOME"] ?? devNull,
    LC_ALL: "C",
    GIT_OPTIONAL_LOCKS: "0",
    GIT_TERMINAL_PROMPT: "0",
    // The checkout is what was named, not one that it lies in.
    GIT_CEILING_DIRECTORIES: dirname(directory),
  };
}
