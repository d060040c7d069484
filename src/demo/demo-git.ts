// A person with access to the forge runs git like this. The token travels in the environment of the one process.

import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface GitPlace {
  readonly directory: string;
  /** The repository has this address on the forge. */
  readonly url: string;
  readonly token: string;
  /** Git is found on this search path. */
  readonly path: string;
}

/** Gives what git printed. Throws when it fails. */
export async function runGit(
  { directory, url, token, path }: GitPlace,
  args: readonly string[],
  signal: AbortSignal,
): Promise<string> {
  const credentials = Buffer.from(`x-access-token:${token}`).toString("base64");
  const { stdout } = await promisify(execFile)("git", args, {
    cwd: directory,
    signal,
    env: {
      PATH: path,
      HOME: directory,
      GIT_CONFIG_NOSYSTEM: "1",
      GIT_TERMINAL_PROMPT: "0",
      GIT_CONFIG_COUNT: "1",
      GIT_CONFIG_KEY_0: `http.${new URL(url).origin}/.extraHeader`,
      GIT_CONFIG_VALUE_0: `Authorization: Basic ${credentials}`,
    },
  });
  return stdout;
}
