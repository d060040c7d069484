// Each git command runs without touching the operator's configuration. Output and time are bounded; a non-zero exit is
// a value, because for git it often is an answer (no such ref, merge conflict).

import { execFile } from "node:child_process";

import { HydraError } from "../../core/base/errors.ts";

const OUTPUT_BYTES_MAX = 64 * 1024 * 1024;
const TIMEOUT_MS = 60_000;

export interface GitAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Every git process of the forge has this environment. `path` is the search path for programs. */
export function gitEnvironment(path: string, home: string): Record<string, string> {
  return {
    PATH: path,
    HOME: home,
    LC_ALL: "C",
    TZ: "UTC",
    GIT_CONFIG_GLOBAL: "/dev/null",
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_TERMINAL_PROMPT: "0",
    GIT_AUTHOR_NAME: "Forge",
    GIT_AUTHOR_EMAIL: "noreply@forge.invalid",
    GIT_COMMITTER_NAME: "Forge",
    GIT_COMMITTER_EMAIL: "noreply@forge.invalid",
  };
}

export function runGit(
  args: readonly string[],
  options: { cwd: string; environment: Readonly<Record<string, string>>; input?: string },
  signal: AbortSignal,
): Promise<GitAnswer> {
  return new Promise((resolve, reject) => {
    const child = execFile(
      "git",
      args,
      {
        cwd: options.cwd,
        env: options.environment,
        encoding: "utf8",
        maxBuffer: OUTPUT_BYTES_MAX,
        timeout: TIMEOUT_MS,
        signal,
      },
      (error, stdout, stderr) => {
        if (error === null) resolve({ code: 0, stdout, stderr });
        else if (typeof error.code === "number") resolve({ code: error.code, stdout, stderr });
        else reject(new HydraError("FORGE_GIT", `git ${args[0]} did not run to its end`, { cause: error }));
      },
    );
    child.stdin?.on("error", () => undefined); // git may exit without reading; its exit code says so.
    child.stdin?.end(options.input ?? "");
  });
}
