// Finds the GitHub credential. It travels to the worker over IPC and to git in the environment of single processes; it
// never stands in an argument, a URL, a log or an agent's environment.

import { resolve } from "node:path";

import { readTokenFile } from "../files/token-file.ts";

export interface GitHubTokenSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** See `credentialFile`. */
  readonly file: string;
}

/** Reads `GITHUB_TOKEN`, which a service manager or an operator sets, or else the file; null when there is none. */
export async function loadGitHubToken({ environment, file }: GitHubTokenSources): Promise<string | null> {
  return environmentToken(environment) ?? (await readTokenFile(file)) ?? null;
}

export function environmentToken(environment: GitHubTokenSources["environment"]): string | null {
  return environment["GITHUB_TOKEN"]?.trim() || null;
}

/** Resolves the path of a file with a secret: the setting's, or else its usual name in the state directory. */
export function credentialFile(home: string, setting: string | undefined, usualName = "github-token"): string {
  return resolve(home, setting ?? usualName);
}

/** Derives the base of clone and push URLs from an API base: github.com, an enterprise host, or the host itself. */
export function gitUrlOf(apiUrl: string): string {
  const url = new URL(apiUrl);
  if (url.hostname === "api.github.com") return "https://github.com";
  return url.origin;
}
