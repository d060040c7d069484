// How git is asked for the URL of `origin`, which may have several: the first of them is what is fetched from.

/** It exits with 1 where there is none. */
export const ORIGIN_QUESTION = ["config", "--local", "--includes", "--null", "--get-all", "remote.origin.url"] as const;

/** Null when there is none. */
export function originIn(output: string): string | null {
  const url = output.split("\0", 1)[0] ?? "";
  return url === "" ? null : url;
}
