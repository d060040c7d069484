// Where the GitHub credential comes from. It travels to the worker over IPC and to git in the environment of single
// processes; it never stands in an argument, a URL, a log or an agent's environment.

import { readTokenFile } from "./token-file.ts";

export interface GitHubTokenSources {
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** `githubTokenFile` of the configuration, else `<home>/github-token`. */
  readonly file: string;
}

/** `GITHUB_TOKEN` first, as a service manager or an operator sets it, then the file; null when there is none. */
export async function loadGitHubToken(sources: GitHubTokenSources): Promise<string | null> {
  const fromEnvironment = sources.environment["GITHUB_TOKEN"]?.trim();
  if (fromEnvironment !== undefined && fromEnvironment !== "") return fromEnvironment;
  return (await readTokenFile(sources.file)) ?? null;
}

/** Base of clone and push URLs that belongs to an API base: github.com, an enterprise host, or the host itself. */
export function gitUrlOf(apiUrl: string): string {
  const url = new URL(apiUrl);
  if (url.hostname === "api.github.com") return "https://github.com";
  return url.origin;
}
