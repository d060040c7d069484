// Asks git for the URL of `origin`, which may have several: git fetches from the first.

/** Git answers this question with exit code 1 where there is no URL. */
export const ORIGIN_QUESTION = ["config", "--local", "--includes", "--null", "--get-all", "remote.origin.url"] as const;

/** Returns the first URL of git's answer; null when there is none. */
export function originIn(output: string): string | null {
  const url = output.split("\0", 1)[0] ?? "";
  return url === "" ? null : url;
}
